"""Which names people and accounts may have: they become directories, Unix accounts and job names."""

from __future__ import annotations

import re

ACCOUNT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}", re.ASCII)
ACCOUNT_NAME_RULE = (
    "1 to 64 letters (a-z, A-Z), digits and . _ @ + -, "
    "beginning with a letter, a digit or _, not ending with a dot"
)
EMAIL = re.compile(r"[^\s@\x00-\x1f]{1,64}@[^\s@\x00-\x1f]{1,189}")


def is_account_name(name: object) -> bool:
    """True where `name` may become a directory's or an account's name, by the closed alphabet above."""
    return isinstance(name, str) and ACCOUNT_NAME.fullmatch(name) is not None and not name.endswith(".")


def is_email(text: object) -> bool:
    """True for something that looks like one address; whether it exists only a mail can tell."""
    return isinstance(text, str) and len(text) <= 254 and EMAIL.fullmatch(text) is not None


def is_text(text: str) -> bool:
    """True for what every database keeps as text: no NUL (PostgreSQL has none), no lone surrogate (UTF-8 has none)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text

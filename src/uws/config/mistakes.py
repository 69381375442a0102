"""Mistakes an operator can make, each with an id, a place and a readable line.

ConfigError            the configuration can't be used; carries every `Mistake` that was found
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SHOWN_CHARACTERS = 80

Place = tuple[str | int, ...]
"""Keys and indices from the top of `config.json` to one value."""


@dataclass(frozen=True)
class Mistake:
    """One thing that stops the start.

    `id` is stable (`unknown_key`, `missing_key`, `wrong_type` …); `path` a JSONPath such as
    `$.available_storage.local.root_dir`; `found` and `expected` read as the ends of a sentence; where
    `expected` is empty, `found` is all of it, in a plugin's own words. `hint` is the nearest known key, or empty;
    `source` is the file or the environment variable that holds the mistake.
    """

    id: str
    path: str
    found: str
    expected: str
    hint: str = ""
    source: str = "config.json"

    def __str__(self) -> str:
        where = f"{self.source}: {self.path}: " if self.path else f"{self.source}: "
        sentence = (
            f"{where}found {self.found}; expected {self.expected}" if self.expected else where + self.found
        )
        if not sentence.endswith("."):
            sentence += "."
        return f'{sentence} Did you mean "{self.hint}"?' if self.hint else sentence.removesuffix(".")


@dataclass(frozen=True)
class ConfigWarning:
    """Something that doesn't stop the start but that the operator should know. Fields as in `Mistake`."""

    id: str
    path: str
    message: str
    source: str = "config.json"

    def __str__(self) -> str:
        return (
            f"{self.source}: {self.path}: {self.message}" if self.path else f"{self.source}: {self.message}"
        )


class ConfigError(Exception):
    """The configuration can't be used. `mistakes` are all that were found, in the order of the file."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)


def json_path(place: Place) -> str:
    """Write a place as a JSONPath (RFC 9535): `("a", "b c", 0)` is `$.a["b c"][0]`."""
    parts = ["$"]
    for key in place:
        if isinstance(key, int):
            parts.append(f"[{key}]")
        elif _PLAIN_KEY.match(key):
            parts.append(f".{key}")
        else:
            parts.append(f"[{json.dumps(key)}]")
    return "".join(parts)


def shown(value: object) -> str:
    """Write a value as JSON for a message, cut to a line's length."""
    if isinstance(value, dict):
        return "an object" if value else "an empty object"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


def one_of(names: Iterable[str]) -> str:
    """List what would have been right: `"a", "b"`, quoted."""
    return ", ".join(json.dumps(name) for name in names)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is closest in spelling, or an empty string."""
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower()[:200], by_lower_case, n=1, cutoff=0.6)
    return by_lower_case[close[0]] if close else ""

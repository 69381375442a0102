"""Which server the commands speak to, and as whom: from the environment, else from what `uws login` kept."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from uws.cli.remote.failures import NotLoggedIn, UnusableLogin, reported

if TYPE_CHECKING:
    from uws.client import Client

HOW_TO_LOG_IN = "Log in with `uws login URL`, or set UWS_URL and UWS_TOKEN."


@dataclass(frozen=True)
class Login:
    """A server's address and a token for it."""

    url: str
    token: str = field(repr=False)


def login_path() -> Path:
    """Return `~/.config/uws/login.json`, or what `XDG_CONFIG_HOME` makes of it."""
    import platformdirs

    return Path(platformdirs.user_config_dir("uws")) / "login.json"


def keep(login: Login) -> Path:
    """Write the login where only its owner can read it, whole or not at all; returns the file."""
    path = login_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, json.dumps({"url": login.url, "token": login.token}) + "\n")
    return path


def write_private(path: Path, text: str) -> None:
    """Replace a file by one of mode 0600; at no moment can others read it."""
    import tempfile

    descriptor, temporary = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name}."
    )  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def kept() -> Login | None:
    """Return the kept login, or None. Raises `UnusableLogin` for one that others can read or that is not JSON."""
    path = login_path()
    try:
        with path.open(encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise UnusableLogin(
                    f"{path} holds a token and can be read by others (mode {mode:04o}); expected mode 0600. "
                    "Log in anew with a new token."
                )
            read = json.load(file)
    except FileNotFoundError:
        return None
    except ValueError:
        raise UnusableLogin(f"{path} is not JSON. Log in anew: `uws login URL`.") from None
    if not isinstance(read, dict) or not all(isinstance(read.get(key), str) for key in ("url", "token")):
        raise UnusableLogin(f"{path} has no url and token. Log in anew: `uws login URL`.")
    return Login(read["url"], read["token"])


def current() -> Login:
    """Return whom to speak to and as whom. `UWS_URL` and `UWS_TOKEN` win over what is kept.

    Raises `NotLoggedIn`, also where `UWS_URL` names another server than the one whose token is kept: a token goes
    to no server but its own.
    """
    from uws.client.transport import checked_address

    url, token = os.environ.get("UWS_URL"), os.environ.get("UWS_TOKEN")
    if url and token:
        return Login(url, token)
    stored = kept()
    if url:
        if stored is None or checked_address(url) != checked_address(stored.url):
            raise NotLoggedIn(f"No token is known for {url}. Set UWS_TOKEN, or `uws login {url}`.")
        return stored
    if stored is None:
        raise NotLoggedIn(f"Not logged in. {HOW_TO_LOG_IN}")
    return Login(stored.url, token) if token else stored


@contextmanager
def connected() -> Iterator[Client]:
    """Give a client for the current login; failures become sentences and exit codes."""
    with reported():
        from uws.client import Client

        login = current()
        with Client(login.url, login.token) as client:
            yield client

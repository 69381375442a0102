"""How these commands fail: one sentence on standard error, and an exit code that a script can tell apart.

0 done; 1 failed, also unreachable; 2 the command line is wrong; 3 not found; 4 not allowed; 6 not in time.
(5 is kept for an exceeded quota.)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

FAILED = 1
USAGE = 2
NOT_FOUND = 3
NOT_ALLOWED = 4
TIMED_OUT = 6


class NotLoggedIn(Exception):
    """No server, or no token, is known; the message says what to type."""


class UnusableLogin(Exception):
    """What `uws login` kept cannot be used; the message says why."""


@contextmanager
def reported() -> Iterator[None]:
    """Turn what a person can mend into a sentence and an exit code."""
    from uws.client import ApiError, ClientError

    try:
        yield
    except ApiError as error:
        _say(error.message, *(f"  {problem}" for problem in error.errors))
        raise typer.Exit(_code(error)) from None
    except (ClientError, NotLoggedIn, UnusableLogin) as error:
        _say(str(error))
        raise typer.Exit(_code(error)) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _say(f"{where}{error.strerror or error}.")
        raise typer.Exit(FAILED) from None


def _say(*lines: str) -> None:
    from uws.cli.remote.output import printable

    for line in lines:
        typer.echo(printable(line, keep_lines=True), err=True)


def _code(error: Exception) -> int:
    from uws.client import BadAddress, NotAllowed, NotFound, WaitTimedOut

    codes: dict[type[Exception], int] = {
        BadAddress: USAGE,
        NotAllowed: NOT_ALLOWED,
        NotLoggedIn: NOT_ALLOWED,
        NotFound: NOT_FOUND,
        WaitTimedOut: TIMED_OUT,
    }
    return next((code for kind, code in codes.items() if isinstance(error, kind)), FAILED)

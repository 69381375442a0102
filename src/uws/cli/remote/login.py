"""`uws login` and `uws logout`."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from uws.cli.remote import session
from uws.cli.remote.failures import reported


def login(
    url: Annotated[str, typer.Argument(metavar="URL", help="The server, such as http://localhost:8000.")],
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the token from standard input.")
    ] = False,
) -> None:
    """Check a token and keep it for the other commands. The console's account page makes tokens.

    The token is asked for, and never shown or taken as an argument. UWS_URL and UWS_TOKEN win over what is kept.
    """
    with reported():
        from uws.client import Client
        from uws.client.transport import checked_address, is_loopback

        address = checked_address(url)
        if address.startswith("http://") and not is_loopback(address):
            typer.echo("Warning: over http:// the token travels unencrypted.", err=True)
        token = _read_token(token_stdin)
        with Client(address, token) as client:
            client.job_types()  # answered to everybody, but not to a wrong token
        path = session.keep(session.Login(address, token))
        typer.echo(f"Logged in to {address}. The token is kept in {path}.")
        for name in ("UWS_URL", "UWS_TOKEN"):
            if os.environ.get(name):
                typer.echo(f"Note: {name} is set and wins over this.", err=True)


def _read_token(from_stdin: bool) -> str:
    if from_stdin:
        token = sys.stdin.readline().strip()
    elif sys.stdin.isatty():
        token = typer.prompt("Token", hide_input=True, err=True).strip()
    else:
        raise typer.BadParameter(
            "no terminal to ask for the token; give it on standard input.", param_hint="--token-stdin"
        )
    if not token:
        raise typer.BadParameter("standard input has no token.", param_hint="--token-stdin")
    return token


def logout() -> None:
    """Forget the kept token. It stays valid: revoke it on the console's account page."""
    with reported():
        path = session.login_path()
        try:
            path.unlink()
        except FileNotFoundError:
            typer.echo("Nobody was logged in.")
        else:
            typer.echo(f"Logged out: {path} is gone.")

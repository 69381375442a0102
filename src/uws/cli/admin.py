"""`uws admin …`: what an operator does on the database, with or without a running server."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from uws.cli.options import AsJson, ConfigFile, DataDir

if TYPE_CHECKING:
    from pathlib import Path

    from uws.server.installation import Installation

app = typer.Typer(
    help="What an operator does: users, tokens, clients, environments, checks.", no_args_is_help=True
)
user = typer.Typer(help="Users.", no_args_is_help=True)
token = typer.Typer(help="Access tokens.", no_args_is_help=True)
client = typer.Typer(help="API clients, such as a portal.", no_args_is_help=True)
environment = typer.Typer(help="The environments that jobs run in.", no_args_is_help=True)
app.add_typer(user, name="user")
app.add_typer(token, name="token")
app.add_typer(client, name="client")
app.add_typer(environment, name="environment")

_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

Name = Annotated[str, typer.Argument(help="The user's name.")]


def _open(data_dir: Path, config: Path | None, *, needs_database: bool = True) -> Installation:
    from uws.server.installation import Addresses, open_installation
    from uws.server.start import require_migrated

    installation = open_installation(data_dir, config, Addresses())
    if needs_database:
        require_migrated()
    return installation


@user.command("create")
def create_user(
    name: Name,
    email: Annotated[str, typer.Option("--email", help="The user's e-mail address.")],
    data_dir: DataDir,
    config: ConfigFile = None,
    first_name: Annotated[str, typer.Option("--first-name")] = "",
    last_name: Annotated[str, typer.Option("--last-name")] = "",
    admin: Annotated[bool, typer.Option("--admin", help="Make the user an administrator.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a user, who signs in with a link (`uws admin user sign-in-link NAME`)."""
    accounts = _open(data_dir, config).site.accounts
    made = accounts.create(name, email, first_name=first_name, last_name=last_name, administrator=admin)
    if as_json:
        fields = {"id": made.pk, "username": name, "email": email, "administrator": admin}
        typer.echo(json.dumps(fields | {"first_name": first_name, "last_name": last_name}))
    else:
        typer.echo(f"Made the user {name} (number {made.pk}).")


@user.command("sign-in-link")
def sign_in_link(name: Name, data_dir: DataDir, config: ConfigFile = None) -> None:
    """Print a link that signs the user in, once, within a short time."""
    from uws.server.start import sign_in_url

    installation = _open(data_dir, config)
    typer.echo(sign_in_url(installation, installation.site.accounts.get(name)))


@token.command("create")
def create_token(
    name: Name,
    data_dir: DataDir,
    config: ConfigFile = None,
    label: Annotated[str, typer.Option("--label", help="What the token is for.")] = "",
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="What it may do; may be repeated.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", help="For how long, such as 12h or 30d.")
    ] = None,
) -> None:
    """Make an access token for a user and print it, alone. It can't be shown again."""
    until = _expiry(expires)
    site = _open(data_dir, config).site
    person = site.accounts.get(name).as_person()
    _check_scopes(scope or [])
    typer.echo(site.tokens.create_personal(person, label, scope or [], until))


def _check_scopes(scopes: list[str]) -> None:
    from uws.accounts.tokens import SCOPES

    for scope in scopes:
        if scope not in SCOPES:
            raise typer.BadParameter(
                f"found {scope!r}; expected one of {', '.join(SCOPES)}.", param_hint="--scope"
            )


def _expiry(duration: str | None) -> datetime | None:
    if duration is None:
        return None
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise typer.BadParameter(
            f"found {duration!r}; expected a number and m, h or d, such as 12h or 30d.",
            param_hint="--expires",
        )
    return datetime.now(UTC) + timedelta(**{_UNITS[match[2]]: int(match[1])})


@client.command("create")
def create_client(
    name: Annotated[str, typer.Argument(help="The client's name, such as portal.")],
    data_dir: DataDir,
    config: ConfigFile = None,
) -> None:
    """Make an API client, whose token lets it sign its own users in (POST /tokens/), and print the token, alone."""
    typer.echo(_open(data_dir, config).site.tokens.create_client(name))


@environment.command("build")
def build_environment(
    data_dir: DataDir,
    name: Annotated[
        str | None, typer.Argument(help="A job type's key; default: all that are missing.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Build the environments of job types ahead, so that nobody waits for them."""
    from uws.server.start import Progress

    # An image or a node can have its environments before there is a database.
    environments = _open(data_dir, config, needs_database=False).site.environments
    names = [name] if name is not None else list(environments.missing())
    say = Progress()
    if not names:
        typer.echo("All environments are built.")
    for each in names:
        say(f"{each}: building")
        try:
            ready = environments.build(each, lambda line, each=each: say(f"{each}: {line}"))  # type: ignore[misc]
        except KeyError:
            known = ", ".join(environments.requests()) or "none"
            raise typer.BadParameter(f"found {each!r}; expected one of {known}.", param_hint="NAME") from None
        say(f"{each}: ready" if ready is not None else f"{each}: needs no environment")


@app.command()
def check(data_dir: DataDir, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check the configuration, the plugins, the data directory, the database, the environments and the ports."""
    from uws.server.checkup import examine

    findings = examine(data_dir, config)
    if as_json:
        typer.echo(json.dumps([finding.as_dict() for finding in findings], indent=2))
    else:
        for finding in findings:
            typer.echo(f"{'ok      ' if finding.ok else 'PROBLEM '}{finding.subject}: {finding.message}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)

"""`uws import …`: moving over from the original server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from uws.cli.options import AsJson, DataDir

if TYPE_CHECKING:
    from uws.moving.report import Report
    from uws.moving.translation import Translation
    from uws.server.installation import Installation

app = typer.Typer(
    help="Moving over from the original server: records, configuration, views.", no_args_is_help=True
)

InstallationConfig = Annotated[
    Path | None,
    typer.Option(
        "--installation-config",
        envvar="UWS_CONFIG",
        show_default="DATA_DIR/config.json",
        help="The configuration of this server, into which is imported.",
    ),
]


def _open(data_dir: Path, config: Path | None) -> Installation:
    from uws.server.installation import Addresses, open_installation
    from uws.server.start import require_migrated

    installation = open_installation(data_dir, config, Addresses())
    require_migrated()
    return installation


@app.command("original")
def original(
    data_dir: DataDir,
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            envvar="UWS_ORIGINAL_DATABASE",
            help="The original's database: postgresql://user@host/name, or an SQLite file. A password belongs into "
            "the environment variable or ~/.pgpass, not on the command line.",
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", dir_okay=False, help="The original's config.json.")
    ] = None,
    django_config: Annotated[
        Path | None,
        typer.Option("--django-config", dir_okay=False, help="The original's django_config.json."),
    ] = None,
    write_config: Annotated[
        Path | None,
        typer.Option(
            "--write-config", help="Write this server's configuration, made of the two, to a new file."
        ),
    ] = None,
    installation_config: InstallationConfig = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report what would be done; write nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import users, tokens, workspaces, shares, jobs and quotas, under their numbers; report what can't be.

    The original's database is only read, and directories stay where they are. May be repeated. Without --database only
    the configuration is translated.
    """
    from uws.moving.translation import translate

    if database is None and config is None and django_config is None:
        raise typer.BadParameter(
            "found none; expected the original's database, or --config to translate its configuration.",
            param_hint="--database",
        )
    translation = translate(config, django_config)
    answer: dict[str, Any] = {"configuration": _configuration(translation, write_config, data_dir, dry_run)}
    if not as_json:
        _print_configuration(translation, write_config, answer["configuration"])
    if database is not None:
        report = _import(database, translation, _open(data_dir, installation_config), dry_run)
        answer |= report.as_dict()
        if not as_json:
            for line in report.lines():
                typer.echo(line)
    if as_json:
        typer.echo(json.dumps(answer, indent=2))


def _import(database: str, translation: Translation, installation: Installation, dry_run: bool) -> Report:
    from uws.moving.importer import import_original
    from uws.moving.source import open_original

    with open_original(database) as source:
        return import_original(source, installation.site, translation.original, dry_run=dry_run)


def _configuration(
    translation: Translation, target: Path | None, data_dir: Path, dry_run: bool
) -> dict[str, Any]:
    from dataclasses import asdict

    from uws.moving.translation import write_config

    written = target is not None and not dry_run
    return {
        "findings": [asdict(finding) for finding in translation.findings],
        "written": str(target) if written else None,
        "mistakes": write_config(translation, target, data_dir) if written and target is not None else [],
    }


def _print_configuration(translation: Translation, target: Path | None, done: dict[str, Any]) -> None:
    for finding in translation.findings:
        typer.echo(str(finding))
    if done["written"]:
        typer.echo(f"Written: {target}.")
    if done["mistakes"]:
        typer.echo("A server won't start with it until these are mended:")
        for mistake in done["mistakes"]:
            typer.echo(f"  {mistake}")
    if translation.findings:
        typer.echo()


@app.command("views")
def views(
    data_dir: DataDir,
    create: Annotated[
        bool, typer.Option("--create/--drop", help="Make the views, or take them away.", show_default=False)
    ],
    installation_config: InstallationConfig = None,
    schema: Annotated[
        str | None, typer.Option("--schema", help="PostgreSQL: the schema that the views lie in.")
    ] = None,
) -> None:
    """Make read-only SQL views under the original's table names, for dashboards that read those.

    Drop them before `uws migrate` of a newer version, and make them again afterwards.
    """
    from uws.moving.views import create_views, drop_views

    _open(data_dir, installation_config)
    for name in create_views(schema) if create else drop_views(schema):
        typer.echo(name)

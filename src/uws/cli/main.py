"""The `uws` command: serving, what an operator does, what everybody does over the API.

Everything heavy is imported by the command that needs it.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import uws
from uws.cli import admin, conforming, importing, remote
from uws.cli.failures import readable_failures
from uws.cli.options import ConfigFile, DataDir, Host, JobsPort, Port

if TYPE_CHECKING:
    from uws.server.installation import Addresses

app = typer.Typer(
    name="uws",
    help="User Workspaces Server: workspaces with data, and the jobs that compute in them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(admin.app, name="admin")
app.add_typer(importing.app, name="import")
app.command()(conforming.conform)
remote.register(app)


class Queue(StrEnum):
    """The queues of background tasks."""

    short = "short"
    long = "long"


def main() -> None:
    """Run the command line."""
    with readable_failures():
        app()


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(uws.__version__)
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end."),
    ] = False,
) -> None:
    """Options of `uws` itself."""


def _addresses(host: str, port: int, jobs_port: int | None) -> Addresses:
    from uws.server.installation import Addresses

    if jobs_port is None:
        jobs_port = port + 1 if port else 0
    return Addresses(host, port, jobs_port)


@app.command()
def serve(
    data_dir: DataDir,
    config: ConfigFile = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    jobs_port: JobsPort = None,
) -> None:
    """Set up what is missing and serve everything: console, API, jobs, background work.

    The first start makes the data directory, a configuration, and an administrator's account, and prints a link
    to sign in with. SIGTERM and Ctrl-C end it; running jobs go on.
    """
    from uws.server.start import serve as start

    raise typer.Exit(start(data_dir, config, _addresses(host, port, jobs_port)))


@app.command()
def web(
    data_dir: DataDir,
    config: ConfigFile = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    jobs_port: JobsPort = None,
) -> None:
    """Run the web role alone: the console and the API."""
    from uws.server.start import run_alone

    raise typer.Exit(run_alone("web", data_dir, config, _addresses(host, port, jobs_port)))


@app.command()
def worker(
    data_dir: DataDir,
    queue: Annotated[Queue, typer.Option("--queue", help="Which queue's tasks to do.")],
    config: ConfigFile = None,
) -> None:
    """Run a worker alone: the background tasks of one queue."""
    from uws.server.installation import Addresses
    from uws.server.start import run_alone

    raise typer.Exit(run_alone("worker", data_dir, config, Addresses(), queue.value))


@app.command()
def reconcile(
    data_dir: DataDir, config: ConfigFile = None, port: Port = 8000, jobs_port: JobsPort = None
) -> None:
    """Run the reconciler alone: it follows the jobs on all resources."""
    from uws.server.start import run_alone

    raise typer.Exit(run_alone("reconciler", data_dir, config, _addresses("127.0.0.1", port, jobs_port)))


@app.command()
def passthrough(
    data_dir: DataDir,
    config: ConfigFile = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    jobs_port: JobsPort = None,
) -> None:
    """Run the passthrough alone: the way to running jobs."""
    from uws.server.start import run_alone

    raise typer.Exit(run_alone("passthrough", data_dir, config, _addresses(host, port, jobs_port)))


@app.command()
def migrate(data_dir: DataDir, config: ConfigFile = None) -> None:
    """Bring the database to this version."""
    from uws.server.installation import Addresses, open_installation
    from uws.server.start import Progress, prepare_database

    open_installation(data_dir, config, Addresses())
    prepare_database(Progress())


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The tar file to write; it must not exist.")],
    data_dir: DataDir,
    config: ConfigFile = None,
) -> None:
    """Write the records, the configuration and the secret key into one file, while the server runs or not.

    Workspaces are files on the storage: back them up with it.
    """
    from uws.server.backup import backup as write
    from uws.server.installation import Addresses, open_installation

    installation = open_installation(data_dir, config, Addresses())
    url = installation.deployment.server.database.url.get_secret_value()
    write(installation.deployment.data_dir, installation.loaded.path, url, file)
    typer.echo(f"Written: {file}. It holds the secret key; keep it as safe as the server.")


@app.command()
def restore(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A file that `uws backup` wrote.")
    ],
    data_dir: DataDir,
) -> None:
    """Restore a backup into a new or empty data directory."""
    from uws.server.backup import load_dump, nothing_left_on_failure, require_empty, unpack
    from uws.server.installation import Addresses, open_installation
    from uws.server.start import Progress, prepare_database

    require_empty(data_dir)
    with nothing_left_on_failure(data_dir):
        unpack(file, data_dir)
        installation = open_installation(data_dir, None, Addresses())
        load_dump(data_dir, installation.deployment.server.database.url.get_secret_value())
        prepare_database(Progress())
    typer.echo(f"Restored into {installation.deployment.data_dir}.")


if __name__ == "__main__":
    main()

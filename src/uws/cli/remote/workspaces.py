"""`uws workspaces …`"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from uws.cli.remote.failures import USAGE
from uws.cli.remote.output import Format, Output, bytes_text, print_list, print_one, time_text
from uws.cli.remote.session import connected
from uws.cli.remote.values import WorkspaceId, split_pairs

if TYPE_CHECKING:
    from uws.client import Client, Workspace

app = typer.Typer(help="Workspaces: directories with data and jobs.", no_args_is_help=True)

ROW: dict[str, Callable[[Workspace], str]] = {
    "Id": lambda workspace: str(workspace.id),
    "Name": lambda workspace: workspace.name,
    "Status": lambda workspace: workspace.status,
    "Size": lambda workspace: bytes_text(workspace.disk_space_bytes),
    "Created": lambda workspace: time_text(workspace.created),
}
DETAILS: dict[str, Callable[[Workspace], str]] = {
    **ROW,
    "Description": lambda workspace: workspace.description,
    "Default job type": lambda workspace: workspace.default_job_type or "",
    "Changed": lambda workspace: time_text(workspace.last_modified),
    "Last job": lambda workspace: time_text(workspace.last_job_launch),
    "Files": lambda workspace: "\n".join(workspace.files),
    "Links": lambda workspace: "\n".join(workspace.links),
}

LocalFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]


@app.command("list")
def list_workspaces(
    status: Annotated[str | None, typer.Option("--status", help="Only those, such as idle.")] = None,
    output: Output = Format.table,
) -> None:
    """List your workspaces, newest first."""
    with connected() as client:
        found = client.workspaces.list(status=status)
        print_list(found, ROW, output, "No workspaces. Make one with `uws workspaces create NAME`.")


@app.command()
def show(workspace: WorkspaceId, output: Output = Format.table) -> None:
    """Show one workspace with its files."""
    with connected() as client:
        print_one(client.workspaces.get(workspace), DETAILS, output)


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The workspace's name.")],
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    file: Annotated[
        list[Path] | None,
        typer.Option("--file", metavar="PATH", exists=True, dir_okay=False, readable=True, help="Upload it."),
    ] = None,
    link: Annotated[
        list[str] | None,
        typer.Option("--link", metavar="NAME=SOURCE", help="Link to data that the server's operator offers."),
    ] = None,
    default_job_type: Annotated[
        str | None,
        typer.Option("--default-job-type", metavar="TYPE", help="What a start without a type starts."),
    ] = None,
    output: Output = Format.table,
) -> None:
    """Make a workspace, with files and links if wanted, each of which may be given several times."""
    links = split_pairs(link or [], "--link", "SOURCE")
    refuse_same_names(file or [])
    with connected() as client:
        made = client.workspaces.create(name, description, links=links, default_job_type=default_job_type)
        if file:
            _upload_into_new(client, made.id, file)
            made = client.workspaces.get(made.id)
        print_one(made, DETAILS, output)


def _upload_into_new(client: Client, workspace_id: int, files: Sequence[Path]) -> None:
    try:
        client.workspaces.upload(workspace_id, files)
    except BaseException:
        typer.echo(f"Workspace {workspace_id} was made, but its files could not be uploaded:", err=True)
        raise


def refuse_same_names(files: Sequence[Path]) -> None:
    """Refuse two files of one name: in a workspace one would replace the other."""
    names = [file.name for file in files]
    for name in names:
        if names.count(name) > 1:
            raise typer.BadParameter(f"two files are called {name!r}: one would replace the other.")


@app.command()
def delete(
    workspace: WorkspaceId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
) -> None:
    """Delete a workspace and all its files, for good."""
    with connected() as client:
        if not yes:
            found = client.workspaces.get(workspace)
            if not sys.stdin.isatty():
                typer.echo("No terminal to ask on: add --yes to delete it.", err=True)
                raise typer.Exit(USAGE)
            size = bytes_text(found.disk_space_bytes)
            typer.confirm(f"Delete workspace {workspace} ({found.name!r}, {size}) for good?", abort=True)
        client.workspaces.delete(workspace)
        typer.echo(f"Workspace {workspace} is being deleted.")

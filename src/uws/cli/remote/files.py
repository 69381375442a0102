"""`uws files …`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from uws.cli.remote.output import Format, Output, print_json, print_json_line, print_rows
from uws.cli.remote.session import connected
from uws.cli.remote.values import WorkspaceId
from uws.cli.remote.workspaces import refuse_same_names

app = typer.Typer(help="Files of a workspace.", no_args_is_help=True)


@app.command("list")
def list_files(workspace: WorkspaceId, output: Output = Format.table) -> None:
    """List a workspace's files and links, as of the server's last look."""
    with connected() as client:
        found = client.workspaces.get(workspace)
    entries = [{"name": name, "kind": "file"} for name in found.files]
    entries += [{"name": name, "kind": "link"} for name in found.links]
    entries.sort(key=lambda entry: entry["name"])
    if output is Format.json:
        print_json(entries)
    elif output is Format.jsonl:
        for entry in entries:
            print_json_line(entry)
    elif not entries:
        typer.echo("No files. Upload some with `uws files upload WORKSPACE FILE…`.", err=True)
    else:
        print_rows(["Kind", "Name"], ([entry["kind"], entry["name"]] for entry in entries))


@app.command()
def upload(
    workspace: WorkspaceId,
    file: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", exists=True, dir_okay=False, readable=True, help="What to upload."),
    ],
) -> None:
    """Upload files into a workspace's top directory; those of the same names are replaced."""
    refuse_same_names(file)
    with connected() as client:
        client.workspaces.upload(workspace, file)
    typer.echo(f"Uploaded {len(file)} {'file' if len(file) == 1 else 'files'} into workspace {workspace}.")

"""The commands for everybody, over the API of a server that may be anywhere: login, workspaces, jobs, files, logs."""

from __future__ import annotations

import typer

from uws.cli.remote import files, jobs, login, workspaces


def register(app: typer.Typer) -> None:
    """Add these commands to `uws`."""
    app.command("login")(login.login)
    app.command("logout")(login.logout)
    app.add_typer(workspaces.app, name="workspaces")
    app.add_typer(jobs.app, name="jobs")
    app.add_typer(files.app, name="files")
    app.command("logs")(jobs.logs)
    app.command("open")(jobs.open_job)

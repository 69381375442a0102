"""`uws jobs …`, `uws logs` and `uws open`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from uws.cli.remote import opening, values, waiting
from uws.cli.remote.failures import FAILED
from uws.cli.remote.output import (
    Format,
    Output,
    bytes_text,
    duration_text,
    print_list,
    print_one,
    time_text,
)
from uws.cli.remote.session import connected
from uws.cli.remote.values import JobId, WorkspaceId

if TYPE_CHECKING:
    from uws.client import Job

app = typer.Typer(help="Jobs: notebooks and other programs in workspaces.", no_args_is_help=True)

ROW: dict[str, Callable[[Job], str]] = {
    "Id": lambda job: str(job.id),
    "Workspace": lambda job: str(job.workspace_id),
    "Type": lambda job: job.job_type,
    "State": lambda job: job.state,
    "Step": lambda job: job.step,
    "Created": lambda job: time_text(job.created),
    "Duration": lambda job: duration_text(job.duration_seconds),
}
DETAILS: dict[str, Callable[[Job], str]] = {
    **ROW,
    "Message": lambda job: job.message,
    "Reason": lambda job: job.reason,
    "Exit code": lambda job: "" if job.exit_code is None else str(job.exit_code),
    "Started": lambda job: time_text(job.started),
    "Ended": lambda job: time_text(job.ended),
    "Time left": lambda job: duration_text(job.time_left_seconds),
    "CPU time": lambda job: duration_text(job.cpu_seconds),
    "Peak memory": lambda job: bytes_text(job.peak_memory_bytes),
    "Ignored options": lambda job: ", ".join(job.ignored_options),
}

Wait = Annotated[bool, typer.Option("--wait", help="Wait for it, and say how it comes along.")]
Timeout = Annotated[
    str,
    typer.Option(
        "--timeout", metavar="TIME", help="For how long to wait, such as 30s or 2h; then exit code 6."
    ),
]


@app.command("list")
def list_jobs(
    workspace: Annotated[
        int | None, typer.Option("--workspace", min=1, help="Only those of this workspace.")
    ] = None,
    state: Annotated[str | None, typer.Option("--state", help="Only those, such as running.")] = None,
    output: Output = Format.table,
) -> None:
    """List your jobs, newest first."""
    with connected() as client:
        found = client.jobs.list(workspace_id=workspace, state=state)
        print_list(found, ROW, output, "No jobs. Start one with `uws jobs start WORKSPACE`.")


@app.command()
def show(
    job: JobId,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again at each change, to its end.")] = False,
    output: Output = Format.table,
) -> None:
    """Show one job."""
    with connected() as client:
        if not watch:
            print_one(client.jobs.get(job), DETAILS, output)
            return
        for changed in client.jobs.changes(job):
            if output is Format.table:
                typer.echo(waiting.line(changed))
            else:
                print_one(changed, DETAILS, output)


@app.command()
def start(
    workspace: WorkspaceId,
    job_type: Annotated[
        str | None,
        typer.Option("--type", metavar="TYPE", help="What to start; default: the workspace's own."),
    ] = None,
    cpus: Annotated[int | None, typer.Option("--cpus", min=1, help="How many CPUs.")] = None,
    memory: Annotated[
        str | None, typer.Option("--memory", metavar="SIZE", help="Such as 512M or 4G.")
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", metavar="TIME", help="The time limit, such as 90m or 2h.")
    ] = None,
    details: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=JSON", help="A parameter of the job type.")
    ] = None,
    options: Annotated[
        list[str] | None, typer.Option("--option", metavar="KEY=JSON", help="Another resource option.")
    ] = None,
    wait: Wait = False,
    timeout: Timeout = "10m",
    output: Output = Format.table,
) -> None:
    """Start a job. With --wait: until its application answers, or, for one without, until it has ended.

    Exit code 1 if the job failed while it was waited for.
    """
    resource_options = values.settings(options or [], "--option")
    if cpus is not None:
        resource_options["num_cpus"] = cpus
    if memory is not None:
        resource_options["memory_mb"] = values.memory_mb(memory)
    if time is not None:
        resource_options["time_limit_minutes"] = values.minutes(time)
    job_details = values.settings(details or [], "--set")
    timeout_seconds = values.seconds(timeout)
    with connected() as client:
        job = client.workspaces.start(
            workspace, job_type, job_details=job_details, resource_options=resource_options
        )
        if job.ignored_options:
            typer.echo(f"This server does not know the options {', '.join(job.ignored_options)}.", err=True)
        if wait:
            job = waiting.until_ready_or_ended(client, job.id, timeout_seconds)
        print_one(job, DETAILS, output)
    if job.state == "failed":
        raise typer.Exit(FAILED)


@app.command()
def stop(job: JobId, wait: Wait = False, timeout: Timeout = "1m") -> None:
    """Stop a job. With --wait: until it has ended."""
    timeout_seconds = values.seconds(timeout)
    with connected() as client:
        typer.echo(client.jobs.stop(job))
        if wait:
            ended = client.jobs.wait(job, "ended", timeout_seconds)
            typer.echo(waiting.line(ended))


def logs(
    job: JobId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
) -> None:
    """Print a job's log."""
    with connected() as client:
        for piece in client.jobs.read_log(job, follow=follow):
            typer.echo(piece, nl=False)


def open_job(
    job: JobId,
    only_print: Annotated[bool, typer.Option("--print", help="Only print the address.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it answers.")] = False,
    timeout: Timeout = "10m",
) -> None:
    """Print the address of a job's application and open it in the browser.

    The address opens the job as you, for a few minutes: don't pass it on.
    """
    timeout_seconds = values.seconds(timeout)
    with connected() as client:
        found = waiting.until_ready_or_ended(client, job, timeout_seconds) if wait else client.jobs.get(job)
        if found.url is None:
            typer.echo(f"It cannot be opened now. {waiting.line(found)}", err=True)
            raise typer.Exit(FAILED)
        typer.echo(found.url)
        if not only_print and not opening.open_in_browser(found.url):
            typer.echo("No browser could be opened; the address above opens it.", err=True)

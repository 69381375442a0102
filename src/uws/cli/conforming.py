"""`uws conform`: the wire contract as a check against any server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from uws.cli.options import AsJson

if TYPE_CHECKING:
    from uws.conform import Person, Report, Result

FAILED = 1
HOW_TO_GIVE_IT = "Give file:PATH, or set the variable: what stands on a command line, others can read."


def _secret(value: str) -> str:
    """Return a token as it was given, or out of the file that `file:PATH` names."""
    if not value.startswith("file:"):
        return value
    try:
        return Path(value.removeprefix("file:")).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"the token's file cannot be read: {error}.") from None


def conform(
    url: Annotated[str, typer.Argument(metavar="URL", help="The server, such as http://localhost:8000.")],
    token: Annotated[
        str | None,
        typer.Option("--token", envvar="UWS_TOKEN", parser=_secret, help=f"A user's token. {HOW_TO_GIVE_IT}"),
    ] = None,
    second_token: Annotated[
        str | None,
        typer.Option(
            "--second-token",
            envvar="UWS_SECOND_TOKEN",
            parser=_secret,
            help="Another user's, for shares and rights.",
        ),
    ] = None,
    client_token: Annotated[
        str | None,
        typer.Option(
            "--client-token",
            envvar="UWS_CLIENT_TOKEN",
            parser=_secret,
            help="An API client's. The users' tokens that are not given are asked for with it (their users stay).",
        ),
    ] = None,
    first_user: Annotated[
        str,
        typer.Option("--client-token-first-user", metavar="NAME=EMAIL", help="Whom the client vouches for."),
    ] = "uws-conform-1=uws-conform-1@example.org",
    second_user: Annotated[
        str, typer.Option("--client-token-second-user", metavar="NAME=EMAIL", help="And the second.")
    ] = "uws-conform-2=uws-conform-2@example.org",
    job_type: Annotated[
        str, typer.Option("--job-type", help="A job type whose jobs end by themselves after some seconds.")
    ] = "local_test_job",
    job_seconds: Annotated[
        float, typer.Option("--job-seconds", min=1, help="How long such a job may take, queue and all.")
    ] = 120.0,
    link_source: Annotated[
        str | None, typer.Option("--link-source", help="A path on the server that may be linked to.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="PREFIX", help="Only checks whose id begins so.")
    ] = None,
    most_requests: Annotated[
        int, typer.Option("--most-requests", min=10, help="Send no more requests than this.")
    ] = 600,
    list_checks: Annotated[bool, typer.Option("--list", help="Show the checks and make none.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check a server against the wire contract: this one, the original, or whatever is to take its place.

    The checks make workspaces called "uws-conform …", start short jobs in them, and remove them at the end. Exit
    code 0 when nothing FAILED; known faults of the original and skipped checks fail nothing.
    """
    from uws.conform import Plan
    from uws.conform import conform as check_server

    if list_checks:
        _print_table_of_checks(tuple(only or ()))
        return
    plan = Plan(
        token=token,
        second_token=second_token,
        client_token=client_token,
        first_person=_person(first_user, "--client-token-first-user"),
        second_person=_person(second_user, "--client-token-second-user"),
        job_type=job_type,
        link_source=link_source,
        only=tuple(only or ()),
        most_requests=most_requests,
        job_seconds=job_seconds,
    )
    with _readable(), _progress(as_json) as told:
        report = check_server(url, plan, told=told)
    if as_json:
        typer.echo(json.dumps(report.as_dict(), indent=2, ensure_ascii=False))
    else:
        _print_report(report)
    if report.failed:
        raise typer.Exit(FAILED)


def _person(text: str, option: str) -> Person:
    from uws.conform import Person

    name, _, email = text.partition("=")
    if not name or not email:
        raise typer.BadParameter(f"found {text!r}; expected NAME=EMAIL.", param_hint=option)
    return Person(name, email)


@contextmanager
def _readable() -> Iterator[None]:
    from uws.client import BadAddress
    from uws.conform import ServerUnreachable

    try:
        yield
    except BadAddress as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None
    except ServerUnreachable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FAILED) from None


@contextmanager
def _progress(is_quiet: bool) -> Iterator[Callable[[Result], None]]:
    """Show on a terminal which check was made last."""
    from rich.console import Console

    console = Console(stderr=True)
    if is_quiet or not console.is_terminal:
        yield lambda result: None
        return
    with console.status("Checking…") as status:
        yield lambda result: status.update(f"{result.id}: {result.verdict.value}")


def _print_report(report: Report) -> None:
    from uws.cli.remote.output import print_rows, printable
    from uws.conform import Verdict

    print_rows(
        ("verdict", "check", "contract", "what the contract promises"),
        [(result.verdict.value, result.id, result.section, result.sentence) for result in report.results],
    )
    for title, verdict in (("FAILED", Verdict.failed), ("Known faults of the original", Verdict.known_fault)):
        chosen = [result for result in report.results if result.verdict is verdict]
        if chosen:
            typer.echo(f"\n{title}")
        for result in chosen:
            typer.echo(f"{result.id} ({result.section}, {result.severity.value}): {result.sentence}")
            for finding in (*result.findings, *result.known_faults):
                typer.echo(f"  {printable(str(finding))}")
    _print_end(report)


def _print_end(report: Report) -> None:
    from uws.cli.remote.output import printable
    from uws.conform import Verdict

    reasons = sorted({result.reason for result in report.results if result.verdict is Verdict.skipped})
    if reasons:
        typer.echo("\nSkipped")
    for reason in reasons:
        names = [result.id for result in report.results if result.reason == reason]
        typer.echo(f"  {reason}: {', '.join(names)}")
    if report.left_over:
        typer.echo(f"\nCould not be removed: {printable(', '.join(report.left_over))}")
    counts = ", ".join(f"{report.count(verdict)} {verdict.value}" for verdict in Verdict)
    typer.echo(f"\n{counts}; {report.request_count} requests in {report.duration_seconds:.0f} s.")


def _print_table_of_checks(prefixes: tuple[str, ...]) -> None:
    from uws.cli.remote.output import print_rows
    from uws.conform.checks import ALL_CHECKS

    chosen = [check for check in ALL_CHECKS if not prefixes or check.id.startswith(prefixes)]
    print_rows(
        ("check", "contract", "severity", "what the contract promises"),
        [(check.id, check.section, check.severity.value, check.sentence) for check in chosen],
    )

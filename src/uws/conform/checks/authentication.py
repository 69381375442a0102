"""The auth header (contract §1)."""

from __future__ import annotations

from uws.conform.checks.ground import OPEN, PROTECTED
from uws.conform.conversation import Answer
from uws.conform.run import Run
from uws.conform.table import Group
from uws.conform.verdicts import Severity

GROUP = Group("auth", "§1")

NO_TOKEN = "0" * 40
NOT_PROVIDED = "Authentication credentials were not provided."
WRONG_FORMAT = "Invalid auth header format."
WRONG_TOKEN = "Invalid token provided."  # noqa: S105


def _refused(run: Run, answer: Answer, message: str) -> None:
    if run.refused(answer, 401, message):
        found = answer.headers.get("www-authenticate")
        run.expect(found == "Token", answer.request, found, "WWW-Authenticate: Token")


@GROUP.check("open", "Job types, parameters and status need no header.")
def open_paths(run: Run) -> None:
    for path in OPEN:
        run.succeeded(run.send("GET", path))


@GROUP.check("missing", "Without the header the protected paths are 401.")
def missing(run: Run) -> None:
    for path in PROTECTED:
        _refused(run, run.send("GET", path), NOT_PROVIDED)
    for method, path in (
        ("POST", "/workspaces/"),
        ("PUT", "/workspaces/1/"),
        ("PUT", "/workspaces/1/start/"),
        ("DELETE", "/workspaces/1/"),
        ("PUT", "/jobs/1/stop/"),
        ("POST", "/shared_workspaces/"),
        ("PUT", "/shared_workspaces/1/accept/"),
        ("DELETE", "/shared_workspaces/1/"),
    ):
        _refused(run, run.send(method, path, body={}), NOT_PROVIDED)


@GROUP.check("format", "The header is split at single spaces into exactly two parts.")
def header_format(run: Run) -> None:
    for value in (NO_TOKEN, "", f"Token  {NO_TOKEN}", f"Token {NO_TOKEN} x"):
        answer = run.send("GET", "/workspaces/", headers={"UWS-Authorization": value})
        _refused(run, answer, WRONG_FORMAT)


@GROUP.check("wrong-token", "An unknown token is 401.")
def wrong_token(run: Run) -> None:
    for path in PROTECTED:
        _refused(run, run.send("GET", path, token=NO_TOKEN), WRONG_TOKEN)


@GROUP.check("wrong-token-on-open-paths", "An unknown token is 401 on the open paths too.", Severity.misleads)
def wrong_token_on_open_paths(run: Run) -> None:
    for path in OPEN:
        _refused(run, run.send("GET", path, token=NO_TOKEN), WRONG_TOKEN)
    _refused(run, run.send("POST", "/tokens/", token=NO_TOKEN, body={}), WRONG_TOKEN)


@GROUP.check("first-word", "The header's first word is not compared with anything.", Severity.misleads)
def first_word(run: Run) -> None:
    for word in ("Token", "Bearer", "x"):
        headers = {"UWS-Authorization": f"{word} {run.first}"}
        run.succeeded(run.send("GET", "/workspaces/", headers=headers))


@GROUP.check("authorization", "The Authorization header is not looked at.", Severity.misleads)
def authorization(run: Run) -> None:
    # Gateways put tokens of their own there. (Ours takes `Bearer uws_…` as well, which this is not.)
    for value in (f"Bearer {NO_TOKEN}", f"Token {NO_TOKEN}", "Basic YTpi"):
        headers = {"Authorization": value}
        _refused(run, run.send("GET", "/workspaces/", headers=headers), NOT_PROVIDED)
        run.succeeded(run.send("GET", "/workspaces/", token=run.first, headers=headers))

"""The WebSocket of one job (contract §8)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from uws.client.transport import is_loopback
from uws.conform.checks.ground import UNKNOWN_ID
from uws.conform.run import Json, Run
from uws.conform.table import Group
from uws.conform.verdicts import Deviation, Severity

GROUP = Group("sockets", "§8")

OPEN_SECONDS = 10.0
SNAPSHOT_SECONDS = 5.0
SILENCE_SECONDS = 2.0
MOST_MESSAGES = 20
CLOSED = "closed"


@contextmanager
def _socket(run: Run, path: str, token: str | None) -> Iterator[ClientConnection]:
    run.conversation.count()
    headers = {} if token is None else {"UWS-Authorization": f"Token {token}"}
    options: dict[str, Any] = {} if not is_loopback(run.conversation.url) else {"proxy": None}
    address = run.conversation.url.replace("http", "ws", 1) + path
    with connect(address, additional_headers=headers, open_timeout=OPEN_SECONDS, **options) as socket:
        yield socket


def _first_message(run: Run, path: str, token: str | None, seconds: float) -> Json | str | None:
    """Return the first message; None for silence, `CLOSED` for a closed or refused socket."""
    try:
        with _socket(run, path, token) as socket:
            return _object(path, socket.recv(seconds))
    except TimeoutError:
        return None
    except (ConnectionClosed, InvalidHandshake):
        return CLOSED
    except OSError as error:
        raise Deviation(f"WebSocket {path}", f"no connection ({error})", "a handshake") from error


def _object(path: str, message: str | bytes) -> Json:
    try:
        found = json.loads(message)
    except ValueError:
        found = None
    if not isinstance(message, str) or not isinstance(found, dict):
        raise Deviation(f"WebSocket {path}", repr(message[:200]), "a JSON object as text")
    return found


def _job(run: Run) -> int:
    return int(run.once("socket's job", lambda: run.start(run.workspace(run.first)["id"]))["id"])


@GROUP.check(
    "snapshot", "One's own job is told on connect: status and current_job_details.", Severity.misleads
)
def snapshot(run: Run) -> None:
    path = f"/jobs/{_job(run)}/"
    found = _first_message(run, path, run.first, SNAPSHOT_SECONDS)
    if isinstance(found, dict):
        run.keys(f"WebSocket {path}", found, {"status", "current_job_details"})
    else:
        (run.known if found is None else run.fail)(f"WebSocket {path}", found or "silence", "a snapshot")


@GROUP.check("both-slash-forms", "The socket is served without the slash too.", Severity.detail)
def both_slash_forms(run: Run) -> None:
    path = f"/jobs/{_job(run)}"
    found = _first_message(run, path, run.first, SNAPSHOT_SECONDS)
    if not isinstance(found, dict):
        run.known(f"WebSocket {path}", found or "silence", "a snapshot")


@GROUP.check("on-change", "What changes is told; what does not change is not repeated.", Severity.misleads)
def on_change(run: Run) -> None:
    job_id = run.start(run.workspace(run.first)["id"])["id"]
    path = f"/jobs/{job_id}/"
    try:
        statuses, message_count = _followed(run, path, job_id)
    except (InvalidHandshake, OSError) as error:
        raise Deviation(f"WebSocket {path}", f"no connection ({error})", "a handshake") from error
    if message_count == MOST_MESSAGES:
        run.known(
            f"WebSocket {path}", f"{message_count} messages of {statuses[-1]}", "a message on change only"
        )


def _followed(run: Run, path: str, job_id: int) -> tuple[list[object], int]:
    """Listen, stop the job, listen to its end; return all statuses, and how many came before the stop."""
    statuses: list[object] = []
    with _socket(run, path, run.first) as socket:
        try:
            for _ in range(MOST_MESSAGES):
                statuses.append(_object(path, socket.recv(SILENCE_SECONDS)).get("status"))
        except TimeoutError:
            pass
        message_count = len(statuses)
        run.succeeded(run.send("PUT", f"/jobs/{job_id}/stop/", token=run.first))
        try:
            while statuses[-1:] not in (["complete"], ["failed"]):
                statuses.append(_object(path, socket.recv(OPEN_SECONDS)).get("status"))
        except (TimeoutError, ConnectionClosed):
            run.fail(f"WebSocket {path}", statuses, "the end of the job told")
    return statuses, message_count


@GROUP.check("own-jobs-only", "Without a token, and for another's or an unknown job, nothing is told.")
def own_jobs_only(run: Run) -> None:
    job_id = _job(run)
    for path, token, who in (
        (f"/jobs/{job_id}/", None, "nobody"),
        (f"/jobs/{job_id}/", "0" * 40, "a wrong token"),
        (f"/jobs/{job_id}/", run.second, "another user"),
        (f"/jobs/{UNKNOWN_ID}/", run.first, "an unknown id"),
    ):
        if isinstance(_first_message(run, path, token, SILENCE_SECONDS), dict):
            run.known(f"WebSocket {path} as {who}", "the job's state", "no message")


@GROUP.check("no-list", "There is no socket without a job's id.", Severity.detail)
def no_list(run: Run) -> None:
    found = _first_message(run, "/jobs/", run.first, SILENCE_SECONDS)
    run.expect(found == CLOSED, "WebSocket /jobs/", found or "silence", "a refused handshake")

"""What the client makes of each kind of answer, without a server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator

import httpx2
import pytest

from uws.client import (
    ApiError,
    BadAddress,
    Client,
    FieldProblem,
    InvalidRequest,
    Job,
    JobEnded,
    NotAllowed,
    NotFound,
    NotUnderstood,
    ServerFailed,
    Unreachable,
    WaitTimedOut,
    jobs,
)

URL = "http://workspaces.example.org"
Handler = Callable[[httpx2.Request], httpx2.Response]

JOB = {
    "id": 12,
    "workspace_id": 5,
    "resource_job_id": 4711,
    "job_type": "jupyter_lab",
    "status": "running",
    "datetime_created": "2026-11-23T23:36:45.604Z",
    "datetime_start": "2026-11-23T23:36:46Z",
    "datetime_end": None,
    "core_hours": "0.00278",
    "job_details": {"metrics": {}, "request_job_details": {}, "current_job_details": {"step": "process"}},
}


def client_of(handler: Handler, token: str | None = "uws_secret") -> Client:
    return Client(URL, token, transport=httpx2.MockTransport(handler))


def answering(status: int, body: object, **headers: str) -> Client:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client_of(lambda request: httpx2.Response(status, content=content, headers=headers))


def job_in(state: str, **current: object) -> dict[str, object]:
    details = {**JOB["job_details"], "current_job_details": current}  # type: ignore[dict-item]
    return {**JOB, "status": state, "job_details": details}


def jobs_answer(*found: object) -> dict[str, object]:
    return {"success": True, "message": "Successful.", "data": {"jobs": list(found)}}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, NotAllowed),
        (403, NotAllowed),
        (404, NotFound),
        (409, ApiError),
        (413, InvalidRequest),
        (415, InvalidRequest),
        (422, InvalidRequest),
        (500, ServerFailed),
        (503, ServerFailed),
    ],
)
def test_a_refusal_is_the_error_of_its_status(status: int, kind: type[ApiError]) -> None:
    problem = {"pointer": "/name", "found": "nothing", "expected": "a string"}
    client = answering(status, {"success": False, "message": "So it is.", "errors": [problem]})
    with pytest.raises(ApiError) as raised:
        client.workspaces.list()
    assert type(raised.value) is kind
    assert (raised.value.status, raised.value.message) == (status, "So it is.")
    assert raised.value.errors == (FieldProblem("/name", "nothing", "a string"),)


@pytest.mark.parametrize(
    "body", [b"<html>Bad gateway</html>", b"", b"[]", b'"x"', b"{}", b'{"success": 1}', b"\xff"]
)
def test_what_is_no_envelope_is_not_understood(body: bytes) -> None:
    with pytest.raises(NotUnderstood, match=r"status 502, text/html\.$"):
        answering(502, body, **{"content-type": "text/html; charset=utf-8"}).workspaces.list()


def test_a_redirect_is_told_and_not_followed() -> None:
    asked = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url)
        return httpx2.Response(301, headers={"location": "https://elsewhere.example.org/workspaces/"})

    with pytest.raises(NotUnderstood, match="redirects to https://elsewhere"):
        client_of(handler).workspaces.list()
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": "12"}, "'id'"),
        ({"id": True}, "'id'"),
        ({"status": None}, "'status'"),
        ({"core_hours": "many"}, "'core_hours'"),
        ({"datetime_start": "yesterday"}, "'datetime_start'"),
        ({"job_details": []}, "'job_details'"),
    ],
)
def test_an_answer_with_an_unusable_field_names_it(change: dict[str, object], named: str) -> None:
    with pytest.raises(NotUnderstood, match=named):
        answering(200, jobs_answer({**JOB, **change})).jobs.get(12)


def test_times_without_a_zone_are_utc() -> None:
    original = {**JOB, "datetime_created": "2026-11-23T23:36:45.604", "core_hours": 0}
    job = Job.from_wire(original)
    assert job.created == Job.from_wire(JOB).created
    assert job.core_hours == 0.0


def test_an_empty_read_is_not_found() -> None:
    with pytest.raises(NotFound, match=r"^Job 12 not found\.$"):
        answering(200, jobs_answer()).jobs.get(12)


def test_the_token_travels_in_its_header_and_shows_nowhere() -> None:
    seen = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers["UWS-Authorization"])
        return httpx2.Response(200, json=jobs_answer())

    client = client_of(handler)
    client.jobs.list()
    assert seen == ["Token uws_secret"]
    assert "uws_secret" not in repr(client)


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "\u00e9", "nul\0"])
def test_a_token_that_no_header_carries_is_refused_unrepeated(token: str) -> None:
    with pytest.raises(BadAddress) as raised:
        Client(URL, token)
    assert not token or token not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8000", "ftp://a.example.org", "http://", "http://a.example.org/?x=1", "http://[", "/x"],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadAddress):
        Client(url)


def test_a_password_in_the_address_is_refused_unrepeated() -> None:
    with pytest.raises(BadAddress) as raised:
        Client("https://ada:hunter2@a.example.org")
    assert "hunter2" not in str(raised.value)


def test_a_server_behind_a_path_is_asked_there() -> None:
    asked = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(200, json=jobs_answer())

    Client(f"{URL}/uws/", "t", transport=httpx2.MockTransport(handler)).jobs.list(
        workspace_id=5, state="running"
    )
    assert asked == [f"{URL}/uws/jobs/?workspace_id=5&status=running"]


def test_no_connection_is_unreachable(unused_port: int) -> None:
    with (
        Client(f"http://127.0.0.1:{unused_port}") as client,
        pytest.raises(Unreachable, match="cannot be reached"),
    ):
        client.status()


def test_a_silent_server_is_unreachable_in_time(silent_port: int) -> None:
    client = Client(f"http://127.0.0.1:{silent_port}", timeout_seconds=0.2)
    with client, pytest.raises(Unreachable, match="did not answer in time"):
        client.status()


def test_a_wait_says_when_its_time_is_over() -> None:
    with pytest.raises(WaitTimedOut, match=r"^Job 12 is still running after 0\.05 seconds\.$") as raised:
        answering(200, jobs_answer(JOB)).jobs.wait(12, "ended", timeout_seconds=0.05)
    assert raised.value.job.state == "running"


def test_a_wait_for_readiness_ends_with_the_job() -> None:
    failed = job_in("failed", message="The command was not found.")
    with pytest.raises(
        JobEnded, match=r"ended before it was ready: failed. The command was not found.$"
    ) as raised:
        answering(200, jobs_answer(failed)).jobs.wait(12, timeout_seconds=5)
    assert raised.value.job.has_ended


def test_a_wait_outlasts_a_restart_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "FIRST_PAUSE_SECONDS", 0.001)
    answers: Iterator[httpx2.Response | Exception] = iter(
        [
            httpx2.Response(200, json=jobs_answer(JOB)),
            httpx2.ConnectError("refused"),
            httpx2.Response(503, json={"success": False, "message": "Starting."}),
            httpx2.Response(200, json=jobs_answer(job_in("complete"))),
        ]
    )

    def handler(request: httpx2.Request) -> httpx2.Response:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert client_of(handler).jobs.wait(12, "ended", timeout_seconds=5).state == "complete"


def test_a_first_look_at_a_dead_server_fails_at_once() -> None:
    def handler(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    with pytest.raises(Unreachable):
        client_of(handler).jobs.wait(12, timeout_seconds=30)


def test_seconds_left_and_a_fresh_ticket_are_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "FIRST_PAUSE_SECONDS", 0.001)
    connection = {"url_domain": "http://job-12.localhost:8001"}
    states = iter(
        [
            job_in("running", time_left=9.0),
            job_in("running", time_left=8.0),
            job_in("running", connection_details={**connection, "url_path": "/lab?ticket=a"}),
            job_in("running", connection_details={**connection, "url_path": "/lab?ticket=b"}),
            job_in("complete", connection_details={**connection, "url_path": "/lab"}),
        ]
    )
    client = client_of(lambda request: httpx2.Response(200, json=jobs_answer(next(states))))
    assert [(job.state, job.url) for job in client.jobs.changes(12)] == [
        ("running", None),
        ("running", "http://job-12.localhost:8001/lab?ticket=a"),
        ("complete", None),
    ]


def test_the_client_imports_nothing_of_the_server() -> None:
    code = (
        "import sys, uws.client; "
        "print(sorted(name for name in sys.modules if name.startswith(('uws.', 'django')) "
        "and not name.startswith('uws.client')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

"""From a ticket to the application, and every page that stands between."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import socket
import time
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from aiohttp import web
from tests.passthrough.doubles import (
    ADA,
    ALAN,
    GRACE,
    JOB,
    Directory,
    Way,
    raw_application,
    until,
    web_application,
)

from uws.jobs.tickets import make_pass, make_ticket


@pytest.fixture
def reached(directory: Directory) -> Iterator[list[web.Request]]:
    """The requests that reached the application."""
    requests: list[web.Request] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        requests.append(request)
        return web.Response(text="the application")

    with web_application(answer) as port:
        directory.add(JOB, port)
        yield requests


def ticket(way: Way, user_id: int = ADA, job_id: int = JOB, age_seconds: float = 0) -> str:
    return make_ticket(way.secrets, job_id, user_id, time.time() - age_seconds)


def test_a_ticket_becomes_a_cookie_and_leaves_the_url(way: Way, reached: list[web.Request]) -> None:
    status, headers, _ = way.ask(f"/lab/tree//nb.ipynb?ticket={ticket(way)}", headers=way.page_headers(None))
    assert (status, headers["Location"]) == (303, f"{way.origin()}/lab/tree//nb.ipynb")
    cookie, *attributes = headers["Set-Cookie"].split("; ")
    assert attributes == ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"]
    assert headers["Cache-Control"] == "no-store"
    assert reached == []
    status, _, body = way.ask("/lab/tree//nb.ipynb", headers=way.page_headers(None) | {"Cookie": cookie})
    assert (status, body) == (200, b"the application")


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/?{t}", "/"),
        ("/a%2Fb;c?x=%20+&{t}&y&&=%", "/a%2Fb;c?x=%20+&y&&=%"),
        ("/a?{t}&{t}", "/a"),
        ("//evil.example/x?{t}", "//evil.example/x"),
        ("/\\evil.example?{t}", "/\\evil.example"),
        ("/@evil.example?{t}", "/@evil.example"),
        ("/a?next=//evil.example&{t}", "/a?next=//evil.example"),
    ],
)
def test_the_redirect_stays_on_the_jobs_origin_and_keeps_the_rest(
    way: Way, reached: list[web.Request], target: str, location: str
) -> None:
    status, headers, _ = way.ask(target.format(t=f"ticket={ticket(way)}"), headers=way.page_headers(None))
    assert (status, headers["Location"]) == (303, way.origin() + location)


def test_an_applications_own_ticket_parameter_is_its_own(way: Way, reached: list[web.Request]) -> None:
    status, _, _ = way.ask("/login?ticket=ST-1-abc&myticket=uws.1.2.x")
    assert status == 200
    assert reached[0].raw_path == "/login?ticket=ST-1-abc&myticket=uws.1.2.x"


@pytest.mark.parametrize("kind", ["expired", "another job's", "changed", "of nobody"])
def test_a_ticket_that_does_not_hold_sets_no_cookie(way: Way, reached: list[web.Request], kind: str) -> None:
    text = {
        "expired": ticket(way, age_seconds=700),
        "another job's": ticket(way, job_id=13),
        "changed": ticket(way)[:-2] + "AA",
        "of nobody": "uws.",
    }[kind]
    status, headers, body = way.ask(f"/lab?ticket={text}", headers=way.page_headers(None))
    assert (status, headers["Set-Cookie"]) == (401, None)
    assert b"http://localhost:8000/console/jobs/12" in body
    assert reached == []


def test_an_old_ticket_does_not_lock_out_who_is_in(way: Way, reached: list[web.Request]) -> None:
    status, headers, _ = way.ask(f"/lab?ticket={ticket(way, age_seconds=700)}", headers=way.page_headers())
    assert (status, headers["Location"], headers["Set-Cookie"]) == (303, f"{way.origin()}/lab", None)


def test_a_ticket_is_no_right(directory: Directory, way: Way, reached: list[web.Request]) -> None:
    _, headers, _ = way.ask(f"/lab?ticket={ticket(way, GRACE)}", headers=way.page_headers(None))
    cookie = headers["Set-Cookie"].split(";")[0]
    status, _, _ = way.ask("/lab", headers=way.page_headers(None) | {"Cookie": cookie})
    assert status == 404
    assert reached == []


@pytest.mark.parametrize("cookie", ["", "expired", "another job's", "a ticket"])
def test_without_a_pass_that_holds_there_is_the_way_to_sign_in(
    way: Way, reached: list[web.Request], cookie: str
) -> None:
    value = {
        "": "",
        "expired": make_pass(way.secrets, JOB, ADA, time.time() - 13 * 3600),
        "another job's": make_pass(way.secrets, 13, ADA, time.time()),
        "a ticket": ticket(way),
    }[cookie]
    headers = way.page_headers(None) | {"Cookie": f"__Host-uws-job={value}"}
    status, answered, body = way.ask("/lab", headers=headers)
    assert (status, answered["Content-Type"]) == (401, "text/html; charset=utf-8")
    assert b'href="http://localhost:8000/console/jobs/12/?open=1"' in body
    status, answered, body = way.ask("/lab", headers=way.headers(None))
    assert (status, answered["Content-Type"]) == (401, "text/plain; charset=utf-8")
    assert reached == []


def test_no_such_job_and_no_right_to_it_look_alike(
    directory: Directory, way: Way, reached: list[web.Request]
) -> None:
    none = way.ask("/lab", headers=way.page_headers(ADA, 77))
    not_mine = way.ask("/lab", headers=way.page_headers(GRACE))
    assert none[0] == not_mine[0] == 404
    assert none[2] == not_mine[2]
    assert reached == []


def test_a_second_user_is_not_let_in_by_the_firsts_verdict(
    directory: Directory, way: Way, reached: list[web.Request]
) -> None:
    assert way.ask("/lab")[0] == 200
    assert way.ask("/lab", headers=way.headers(ALAN))[0] == 404


def test_another_jobs_page_does_not_get_through(way: Way, reached: list[web.Request]) -> None:
    headers = way.headers() | {"Origin": way.origin(13), "Sec-Fetch-Site": "same-site"}
    assert way.ask("/api/contents", headers=headers)[0] == 403
    assert way.ask("/api/contents", "POST", b"{}", headers=headers)[0] == 403
    assert reached == []


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "job-12.localhost", "job-12.evil.example", "x<script>"]
)
def test_other_hosts_are_misdirected_and_not_repeated(
    way: Way, reached: list[web.Request], host: str
) -> None:
    status, _, body = way.ask("/", headers=way.page_headers() | {"Host": host})
    assert status == 421
    assert b"evil" not in body
    assert b"x<script>" not in body
    assert f"http://job-&lt;number&gt;.localhost:{way.port}".encode() in body


def test_the_database_is_asked_once_a_second_however_many_ask(
    directory: Directory, way: Way, reached: list[web.Request]
) -> None:
    before = directory.asked
    started = time.monotonic()
    for _ in range(30):
        assert way.ask("/")[0] == 200
    seconds = time.monotonic() - started
    assert directory.asked - before <= 1 + seconds / way.settings.verdict_seconds


def test_a_lost_right_is_seen_within_a_second_and_at_once_when_told(
    directory: Directory, way: Way, reached: list[web.Request]
) -> None:
    assert way.ask("/")[0] == 200
    directory.rights.clear()
    until(lambda: way.ask("/")[0] == 404, deadline_seconds=1.2)
    directory.rights.add((JOB, ADA))
    way.application.forget(JOB)
    assert way.ask("/")[0] == 200


def test_when_the_database_is_away_the_fault_is_ours(
    directory: Directory, way: Way, reached: list[web.Request]
) -> None:
    directory.is_away = True
    status, headers, body = way.ask("/", headers=way.page_headers())
    assert (status, headers["Retry-After"]) == (503, "5")
    assert b"The job itself is not affected" in body
    directory.is_away = False
    assert way.ask("/")[0] == 200


def test_a_pass_in_its_second_half_is_renewed(way: Way, reached: list[web.Request]) -> None:
    old = make_pass(way.secrets, JOB, ADA, time.time() - 7 * 3600)
    _, headers, _ = way.ask("/", headers=way.headers(None) | {"Cookie": f"__Host-uws-job={old}"})
    assert headers["Set-Cookie"].startswith("__Host-uws-job=uws.1.")
    _, headers, _ = way.ask("/")
    assert headers["Set-Cookie"] is None


# Opened too early, too late, or when nothing answers


def test_opened_too_early_it_says_what_it_waits_for_and_goes_on_by_itself(
    directory: Directory, way: Way
) -> None:
    directory.add(
        JOB, None, host=None, status="pending", step="environment", message="Building <jupyter>, 12 of 90"
    )
    status, headers, body = way.ask("/lab", headers=way.page_headers())
    assert (status, headers["Retry-After"]) == (503, "1")
    assert b"Building &lt;jupyter&gt;, 12 of 90" in body
    assert b"Kidney sample" in body
    assert b'fetch("/.uws/state"' in body
    assert way.ask("/api/status")[0] == 503


def test_the_pages_policy_allows_its_own_script_and_style_and_no_other(
    directory: Directory, way: Way
) -> None:
    directory.add(JOB, None, host=None, status="pending")
    _, headers, body = way.ask("/lab", headers=way.page_headers())
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    for tag in (b"style", b"script"):
        (source,) = re.findall(b"<" + tag + b">(.*?)</" + tag + b">", body, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(source).digest()).decode()
        assert f"{tag.decode()}-src 'sha256-{digest}'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_state_is_told_to_who_may_open_the_job(directory: Directory, way: Way) -> None:
    directory.add(JOB, None, host=None, status="running", step="process", message="Waiting for its port")
    status, headers, body = way.ask("/.uws/state")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(body) == {
        "status": "running",
        "step": "process",
        "message": "Waiting for its port",
        "ready": False,
        "over": False,
    }
    assert way.ask("/.uws/state", headers=way.headers(GRACE))[0] == 404
    assert way.ask("/.uws/state", headers=way.headers(None))[0] == 401
    assert way.ask("/.uws/state", "POST", b"{}")[0] == 405


def test_our_own_paths_never_reach_the_application(way: Way, reached: list[web.Request]) -> None:
    assert way.ask("/.uws/other")[0] == 404
    assert reached == []


@pytest.mark.parametrize("status_word", ["complete", "failed"])
def test_after_the_end_it_says_what_happened(directory: Directory, way: Way, status_word: str) -> None:
    directory.add(JOB, None, status=status_word, message="It used more memory than the 2 GiB it asked for.",
                  log_tail="<b>Killed</b>\n")  # fmt: skip
    status, _, body = way.ask("/lab", headers=way.page_headers())
    assert status == 410
    assert b"It used more memory than the 2 GiB it asked for." in body
    assert b"&lt;b&gt;Killed&lt;/b&gt;" in body
    assert b'href="http://localhost:8000/console/jobs/12/"' in body
    assert way.ask("/api/status")[0] == 410


def closed_port() -> int:
    with socket.socket() as once:
        once.bind(("127.0.0.1", 0))
        return int(once.getsockname()[1])


def test_when_the_application_does_not_answer_its_last_lines_are_shown(
    directory: Directory, way: Way
) -> None:
    directory.add(JOB, closed_port(), log_tail="Traceback: no module named <x>")
    status, _, body = way.ask("/lab", headers=way.page_headers())
    assert status == 502
    assert b"nothing accepts connections where it said it would listen" in body
    assert b"no module named &lt;x&gt;" in body
    assert b"127.0.0.1" not in body
    status, headers, body = way.ask("/lab")
    assert (status, headers["Content-Type"]) == (502, "text/plain; charset=utf-8")


def test_a_job_that_ended_a_moment_ago_is_not_called_silent(directory: Directory, way: Way) -> None:
    directory.add(JOB, closed_port())
    assert way.ask("/lab")[0] == 502
    directory.change(JOB, status="complete")
    assert way.ask("/lab")[0] == 410
    directory.change(JOB, status="stopping")
    way.application.forget(JOB)
    status, _, body = way.ask("/lab")
    assert (status, body) == (503, b"The job is being stopped.\n")


@pytest.mark.parametrize(
    ("host", "port"),
    [("127.0.0.1", 22), ("127.0.0.1", 0), ("127.0.0.1", 70000), ("127.0.0.1", None), ("evil.example/x?", 8888),
     ("user@127.0.0.1", 8888), ("", 8888), ("[::1]", 8888)],
)  # fmt: skip
def test_addresses_that_no_job_may_have_are_not_connected_to(
    directory: Directory, way: Way, host: str, port: int | None
) -> None:
    directory.add(JOB, port, host=host)
    with patch("aiohttp.TCPConnector.connect", side_effect=AssertionError("it connected")):
        status, _, _ = way.ask("/lab")
    assert status == (502 if port is not None else 503)


def test_the_servers_own_port_is_no_jobs(directory: Directory, way: Way) -> None:
    directory.add(JOB, way.port)
    status, _, body = way.ask("/lab")
    assert (status, b"not one that a job may have" in body) == (502, True)


def test_a_request_that_waits_when_the_job_ends_is_told_so(directory: Directory, way: Way) -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    with raw_application(never) as port:
        directory.add(JOB, port)
        connection = way.connect()
        connection.request("GET", "/slow", headers=way.headers())
        until(lambda: len(way.application.open_ways) == 1)
        directory.change(JOB, status="complete")
        connection.sock.settimeout(1.5)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (410, b"The job has ended.\n")
        connection.close()

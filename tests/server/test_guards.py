from __future__ import annotations

import json
import re

import pytest
from tests.server.asgi import Recorder, ask, scope_of

from uws.server.api_paths import ApiPaths
from uws.server.guards import Guards

HOSTS = ("localhost", "127.0.0.1", "[::1]", "uws.example.org")


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8000",
        "LOCALHOST:8000",
        "127.0.0.1:9",
        "[::1]",
        "[::1]:8000",
        "uws.example.org",
    ],
)
def test_a_known_host_is_served_on_any_port(host: str) -> None:
    assert ask(Guards(Recorder(), HOSTS), scope_of("/", headers=[("host", host)])).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("host", "")],
        [("host", "evil.example")],
        [("host", "localhost.evil.example")],
        [("host", "evil.localhost")],
        [("host", "localhost:80:80")],
        [("host", "localhost:")],
        [("host", "localhost@evil.example")],
        [("host", "localhost/evil")],
        [("host", "localhost, evil.example")],
        [("host", "localhost"), ("host", "localhost")],
        [("host", "uws.example.org.")],
        [("host", "xuws.example.org")],
    ],
)
def test_a_host_that_is_not_wholly_ours_is_refused_and_not_repeated(headers: list[tuple[str, str]]) -> None:
    recorder = Recorder()
    answer = ask(Guards(recorder, HOSTS), scope_of("/console/", headers=headers))
    assert (answer.status, recorder.scopes) == (400, [])
    assert b"evil" not in answer.body


def test_an_api_path_is_refused_in_the_envelope_with_cors() -> None:
    application = ApiPaths(Guards(Recorder(), HOSTS))
    answer = ask(application, scope_of("/status", headers=[("host", "evil.example")]))
    assert answer.status == 400
    assert json.loads(answer.body)["success"] is False
    assert answer.header("access-control-allow-origin") == "*"


def test_a_websocket_with_an_unknown_host_is_closed() -> None:
    recorder = Recorder()
    answer = ask(Guards(recorder, HOSTS), scope_of("/jobs/1/", headers=[("host", "evil")], kind="websocket"))
    assert [message["type"] for message in answer.messages] == ["websocket.close"]
    assert recorder.scopes == []


def test_header_names_with_underscores_are_dropped() -> None:
    recorder = Recorder()
    headers = [("host", "localhost"), ("uws_authorization", "Token x"), ("uws-authorization", "Token y")]
    ask(Guards(recorder, HOSTS), scope_of("/", headers=headers))
    names = [name for name, _ in recorder.scopes[0]["headers"]]
    assert names == [b"host", b"uws-authorization", b"x-request-id"]


def test_a_plain_request_id_is_kept_and_sent_back() -> None:
    recorder = Recorder()
    headers = [("host", "localhost"), ("x-request-id", "portal-17")]
    answer = ask(Guards(recorder, HOSTS), scope_of("/", headers=headers))
    assert answer.header("x-request-id") == "portal-17"
    assert recorder.scopes[0]["headers"][-1] == (b"x-request-id", b"portal-17")


@pytest.mark.parametrize("given", [None, "", "a b", "x" * 129, 'a"\\', "é"])
def test_any_other_request_id_is_replaced(given: str | None) -> None:
    headers = [("host", "localhost"), *([("x-request-id", given)] if given is not None else [])]
    answer = ask(Guards(Recorder(), HOSTS), scope_of("/", headers=headers))
    assert re.fullmatch(r"[0-9a-f]{16}", answer.header("x-request-id") or "")


def test_every_answer_has_the_security_headers_once() -> None:
    answer = ask(Guards(Recorder(), HOSTS), scope_of("/"))
    assert answer.header("x-frame-options") == "DENY"
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("referrer-policy") == "same-origin"
    assert answer.header("cross-origin-opener-policy") == "same-origin"


def test_a_query_beyond_ascii_is_percent_encoded() -> None:
    recorder = Recorder()
    ask(Guards(recorder, HOSTS), scope_of("/jobs/?name=caf\xe9"))
    assert recorder.scopes[0]["query_string"] == b"name=caf%E9"

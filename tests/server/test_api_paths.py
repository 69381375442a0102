from __future__ import annotations

import pytest
from tests.server.asgi import Recorder, ask, scope_of

from uws.server.api_paths import API_PREFIXES, ApiPaths

ORIGIN = ("origin", "https://portal.example")


@pytest.mark.parametrize("prefix", sorted(API_PREFIXES))
def test_every_api_prefix_is_served_with_and_without_its_slash(prefix: str) -> None:
    for path in (f"/{prefix}", f"/{prefix}/"):
        recorder = Recorder()
        assert ask(ApiPaths(recorder), scope_of(path)).status == 200
        assert recorder.path == f"/{prefix}/"


def test_the_slash_is_added_without_touching_the_query() -> None:
    recorder = Recorder()
    ask(ApiPaths(recorder), scope_of("/workspaces/7/start?random=0.5", "PUT"))
    assert recorder.path == "/workspaces/7/start/"
    assert recorder.scopes[0]["raw_path"] == b"/workspaces/7/start/"
    assert recorder.scopes[0]["query_string"] == b"random=0.5"


def test_a_websocket_without_the_slash_is_the_same_websocket() -> None:
    recorder = Recorder()
    ask(ApiPaths(recorder), scope_of("/jobs/12", kind="websocket"))
    assert recorder.path == "/jobs/12/"


@pytest.mark.parametrize(
    "path", ["/", "/console", "/sign-in/x", "/static/a.css", "/healthz", "/jobsite", "//jobs"]
)
def test_other_paths_are_left_alone_and_get_no_cors(path: str) -> None:
    recorder = Recorder()
    answer = ask(ApiPaths(recorder), scope_of(path, headers=[("host", "localhost"), ORIGIN]))
    assert recorder.path == path
    assert answer.header("access-control-allow-origin") is None


@pytest.mark.parametrize("path", ["/workspaces", "/workspaces/", "/jobs/3/stop"])
def test_a_preflight_is_answered_200_with_an_empty_body_and_reaches_nobody(path: str) -> None:
    recorder = Recorder()
    headers = [("host", "localhost"), ORIGIN, ("access-control-request-method", "PUT")]
    answer = ask(ApiPaths(recorder), scope_of(path, "OPTIONS", headers))
    assert (answer.status, answer.body, recorder.scopes) == (200, b"", [])
    assert answer.header("access-control-allow-origin") == "*"
    assert answer.header("access-control-allow-methods") == "DELETE, GET, OPTIONS, PATCH, POST, PUT"
    assert answer.header("access-control-max-age") == "86400"
    allowed = (answer.header("access-control-allow-headers") or "").lower().split(", ")
    contract = (
        "accept accept-encoding authorization content-type dnt origin user-agent x-csrftoken x-requested-with"
    )
    assert {*contract.split(), "uws-authorization", "idempotency-key"} <= set(allowed)


def test_an_options_request_that_is_no_preflight_is_passed_on() -> None:
    recorder = Recorder()
    ask(ApiPaths(recorder), scope_of("/jobs/", "OPTIONS"))
    assert recorder.path == "/jobs/"


def test_a_preflight_on_a_console_path_gets_no_permission() -> None:
    headers = [("host", "localhost"), ORIGIN, ("access-control-request-method", "POST")]
    answer = ask(ApiPaths(Recorder()), scope_of("/console/workspaces/new/", "OPTIONS", headers))
    assert answer.header("access-control-allow-methods") is None


def test_every_api_answer_may_be_read_by_every_origin() -> None:
    answer = ask(ApiPaths(Recorder()), scope_of("/status/"))
    assert answer.header("access-control-allow-origin") == "*"
    assert answer.header("access-control-expose-headers") == (
        "ETag, Idempotency-Replayed, Link, Location, Retry-After, X-Request-ID, Upload-Offset"
    )
    assert answer.header("access-control-allow-credentials") is None

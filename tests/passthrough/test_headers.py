from __future__ import annotations

import pytest

from uws.passthrough.headers import (
    REQUEST_DROPPED,
    RESPONSE_DROPPED,
    cookies_named,
    downstream_headers,
    may_set_cookie,
    upstream_headers,
    without_our_cookies,
)


def up(*headers: tuple[bytes, bytes], is_socket: bool = False) -> dict[str, str]:
    passed = upstream_headers(
        list(headers),
        added={"Authorization": "token inner"},
        host="job-12.localhost:8001",
        scheme="http",
        client="192.0.2.7",
        is_socket=is_socket,
    )
    assert len(passed) == len(set(passed)), "nothing comes twice"
    return {name.lower(): value for name, value in passed.items()}


ALWAYS = {
    "host": "job-12.localhost:8001",
    "authorization": "token inner",
    "x-forwarded-for": "192.0.2.7",
    "x-forwarded-host": "job-12.localhost:8001",
    "x-forwarded-proto": "http",
}


@pytest.mark.parametrize("name", sorted(REQUEST_DROPPED))
def test_no_dropped_request_header_reaches_the_job(name: bytes) -> None:
    assert up((name, b"forged")) == ALWAYS


@pytest.mark.parametrize(
    "name",
    [
        b"accept",
        b"accept-encoding",
        b"content-type",
        b"if-none-match",
        b"origin",
        b"range",
        b"referer",
        b"user-agent",
        b"x-xsrftoken",
        b"x-requested-with",
        b"sec-fetch-site",
        b"last-event-id",
        b"x-anything-else",
    ],
)
def test_other_request_headers_pass(name: bytes) -> None:
    assert up((name, b"value")) == ALWAYS | {name.decode(): "value"}


def test_headers_named_by_connection_stay_on_this_hop() -> None:
    assert up((b"connection", b"close, X-Secret"), (b"x-secret", b"1"), (b"x-other", b"2")) == ALWAYS | {
        "x-other": "2"
    }


def test_headers_with_underscores_do_not_pass() -> None:
    assert up((b"x_forwarded_for", b"forged"), (b"x_real_ip", b"forged")) == ALWAYS


def test_a_length_beside_chunks_does_not_pass() -> None:
    assert up((b"transfer-encoding", b"chunked"), (b"content-length", b"5")) == ALWAYS


def test_the_browsers_handshake_is_not_the_jobs() -> None:
    sent = [
        (b"sec-websocket-key", b"k"),
        (b"sec-websocket-version", b"13"),
        (b"sec-websocket-protocol", b"a, b"),
        (b"sec-websocket-extensions", b"permessage-deflate"),
        (b"origin", b"http://job-12.localhost:8001"),
    ]
    assert up(*sent, is_socket=True) == ALWAYS | {"origin": "http://job-12.localhost:8001"}


@pytest.mark.parametrize(
    ("sent", "passed"),
    [
        (b"a=1; b=2", b"a=1; b=2"),
        (b"__Host-uws-job=x", b""),
        (b"a=1; __Host-uws-job=x; b=2", b"a=1; b=2"),
        (b"__Host-uws-session=x;a=1", b"a=1"),
        (b"uws-theme=dark; a=1", b"a=1"),
        (b"__HOST-UWS-job=x; a=1", b"a=1"),
        (b"a=uws-1; b=x uws-y", b"a=uws-1; b=x uws-y"),
        (b'_xsrf="2|a|b==|1"; username-12=x', b'_xsrf="2|a|b==|1"; username-12=x'),
    ],
)  # fmt: skip
def test_our_cookies_do_not_reach_the_job(sent: bytes, passed: bytes) -> None:
    assert without_our_cookies(sent) == passed
    assert up((b"cookie", sent)).get("cookie", "") == passed.decode()


def test_cookies_are_found_by_their_exact_name() -> None:
    headers = [(b"cookie", b"x__Host-uws-job=0; __Host-uws-job=1;__Host-uws-job=2; a=__Host-uws-job=3")]
    assert cookies_named(headers, b"__Host-uws-job") == ["1", "2"]


@pytest.mark.parametrize("name", sorted(RESPONSE_DROPPED))
def test_no_dropped_response_header_reaches_the_browser(name: bytes) -> None:
    assert downstream_headers([(name.title(), b"value")], 200) == []


def test_other_response_headers_pass_as_received() -> None:
    sent = [(b"Content-Type", b"text/html"), (b"Set-Cookie", b"a=1; Path=/"), (b"Set-Cookie", b"b=2"),
            (b"Content-Encoding", b"gzip"), (b"ETag", b'"x"'), (b"Date", b"now"), (b"X-Latin", b"caf\xe9")]  # fmt: skip
    assert downstream_headers(sent, 200) == [(name.lower(), value) for name, value in sent]


def test_response_headers_named_by_connection_stay_on_this_hop() -> None:
    assert downstream_headers([(b"Connection", b"X-Hop"), (b"X-Hop", b"1"), (b"X-End", b"2")], 200) == [
        (b"x-end", b"2")
    ]


@pytest.mark.parametrize("status", [204, 205, 304])
def test_an_answer_without_a_body_has_no_length(status: int) -> None:
    assert downstream_headers([(b"Content-Length", b"5"), (b"ETag", b"x")], status) == [(b"etag", b"x")]


@pytest.mark.parametrize(
    ("cookie", "allowed"),
    [
        (b"a=1", True),
        (b"a=1; Path=/; HttpOnly; SameSite=Strict", True),
        (b"domain=1; Path=/", True),
        (b"a=1; Domain=localhost", False),
        (b"a=1; path=/; dOMAIN =.example.org", False),
        (b"a=1;domain", False),
        (b"__Host-uws-job=stolen; Secure; Path=/", False),
        (b" __host-UWS-session=x", False),
        (b"uws-theme=x", False),
        (b"=__Host-uws-job=x", False),
        (b"__Host-uws-job", False),
        (b"__Host-other=1; Secure; Path=/", True),
    ],
)
def test_a_job_sets_cookies_for_its_own_origin_alone(cookie: bytes, allowed: bool) -> None:
    assert may_set_cookie(cookie) is allowed
    assert bool(downstream_headers([(b"set-cookie", cookie)], 200)) is allowed

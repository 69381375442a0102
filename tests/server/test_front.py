"""The web role as it is served: real sockets, real threads, real processes."""

from __future__ import annotations

import json
import socket

import httpx2
import pytest
from tests.server.conftest import Served

from uws.server.django_threads import FAST_THREADS, SLOW_THREADS

HALF_SENT = b"POST /tokens/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"


def answer_to(served: Served, request: bytes) -> bytes:
    with served.connect() as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def test_readyz_says_what_it_looked_at(server: Served) -> None:
    answer = server.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["ready"] is True
    assert answer.json()["migrations"] == "applied"


def test_half_sent_requests_hold_no_thread(server: Served) -> None:
    connections = [server.connect() for _ in range(2 * (FAST_THREADS + SLOW_THREADS))]
    try:
        for connection in connections:
            connection.sendall(HALF_SENT)
        assert server.get("/status").status_code == 200
        assert httpx2.post(f"{server.url}/tokens", content=b"{}", timeout=5).status_code == 400
    finally:
        for connection in connections:
            connection.close()


def test_both_slash_forms_answer_the_same_without_a_redirect(server: Served) -> None:
    with_slash, without = server.get("/job_types/"), server.get("/job_types")
    assert (with_slash.status_code, without.status_code) == (200, 200)
    assert with_slash.content == without.content


def test_a_chunked_body_is_read_like_any_other(server: Served) -> None:
    whole = httpx2.post(f"{server.url}/tokens", content=b'{"a": 1}')
    chunked = httpx2.post(f"{server.url}/tokens", content=iter([b'{"a"', b": 1}"]))
    assert (chunked.status_code, chunked.json()) == (whole.status_code, whole.json())


def test_a_body_over_the_limit_is_answered_in_the_envelope(server: Served) -> None:
    answer = httpx2.post(f"{server.url}/workspaces", content=b"x" * 300_000)
    assert answer.status_code == 413
    assert answer.json()["success"] is False
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST /tokens/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /tokens/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        b"POST /tokens/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_a_body_of_two_lengths_is_refused(server: Served, request_bytes: bytes) -> None:
    answer = answer_to(server, request_bytes)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_an_unknown_host_is_refused_on_the_wire(server: Served) -> None:
    answer = server.get("/status", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "evil" not in answer.text


def test_the_api_never_sets_a_cookie_and_the_console_has_no_cors(server: Served) -> None:
    assert "set-cookie" not in server.get("/status").headers
    page = server.get("/sign-in/")
    assert page.status_code == 200
    assert "access-control-allow-origin" not in page.headers


def test_an_unknown_socket_is_refused_in_the_handshake(server: Served) -> None:
    request = (
        b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    assert answer_to(server, request).startswith(b"HTTP/1.1 403")


def test_static_files_are_kept_where_their_address_has_a_version(server: Served) -> None:
    name = "console/console.css"
    assert server.get(f"/static/{name}").headers["cache-control"] == "no-cache"
    assert "immutable" in server.get(f"/static/{name}?v=1").headers["cache-control"]
    assert server.get("/static/../settings.py").status_code == 404
    assert server.get("/static/%2e%2e/views.py").status_code == 404


def test_a_wrong_request_line_is_answered_and_the_server_goes_on(server: Served) -> None:
    for nonsense in (b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"):
        assert answer_to(server, nonsense + b"\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert server.get("/healthz").text == "ok\n"


def test_what_clients_ask_wrong_is_answered_and_not_logged(server: Served) -> None:
    assert server.get("/nowhere").status_code == 404
    assert answer_to(server, b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert not [line for line in server.lines if " web-1 " in line]


def test_an_error_of_the_wire_is_json_on_every_api_path(server: Served) -> None:
    for path in ("/status/nowhere", "/workspaces/abc", "/tokens"):
        answer = server.get(path)
        assert answer.status_code in (401, 404, 405)
        assert json.loads(answer.content)["success"] is False


def test_the_port_is_listened_on_by_loopback_only(server: Served) -> None:
    with (
        pytest.raises(ConnectionRefusedError),
        socket.create_connection(("127.0.0.2", server.port), timeout=1),
    ):
        pass

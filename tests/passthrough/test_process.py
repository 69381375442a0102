"""The process: started on a bound socket, drained by SIGTERM."""

from __future__ import annotations

import asyncio
import http.client
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from aiohttp import web
from tests.passthrough import doubles
from tests.passthrough.doubles import Directory, until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from uws.background import http as ground

PROGRAM = """
    import socket, sys
    from tests.passthrough.doubles import Directory, Way
    from uws.passthrough.process import serve
    listener = socket.socket(fileno=int(sys.argv[1]))
    directory = Directory()
    directory.add(12, int(sys.argv[2]))
    way = Way(directory, listener.getsockname()[1])
    serve(way.application, [listener], way.settings)
    print("drained")
"""


@contextmanager
def running(application_port: int) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        command = [
            sys.executable,
            "-c",
            textwrap.dedent(PROGRAM),
            str(listener.fileno()),
            str(application_port),
        ]
        with subprocess.Popen(command, pass_fds=[listener.fileno()], stdout=subprocess.PIPE) as child:
            try:
                yield child, listener.getsockname()[1]
            finally:
                child.kill()


def test_sigterm_lets_a_request_end_and_exits_with_0() -> None:
    arrived: list[web.Request] = []

    async def slow(request: web.Request) -> web.StreamResponse:
        arrived.append(request)
        await asyncio.sleep(0.5)
        return web.Response(text="whole")

    with doubles.web_application(slow) as application_port, running(application_port) as (child, port):
        way = doubles.Way(Directory(), port)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/", headers=way.headers())
        until(lambda: arrived, deadline_seconds=20)
        child.send_signal(signal.SIGTERM)
        assert connection.getresponse().read() == b"whole"
        connection.close()
        assert child.wait(timeout=10) == 0
        assert child.stdout is not None
        assert child.stdout.read() == b"drained\n"


def test_sigterm_closes_a_socket_so_that_its_browser_comes_again() -> None:
    async def listen(request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.receive()
        return ws

    with doubles.web_application(listen) as application_port, running(application_port) as (child, port):
        way = doubles.Way(Directory(), port)
        with (
            socket.create_connection(("127.0.0.1", port)) as connection,
            connect(
                f"ws://{way.host()}/",
                sock=connection,
                origin=Origin(way.origin()),
                additional_headers={"Cookie": way.cookie()},
                open_timeout=20,
            ) as client,
        ):
            child.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(timeout=5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        assert child.wait(timeout=10) == 0


def test_a_connection_that_asks_for_nothing_is_closed() -> None:
    with patch.object(ground, "HEADER_DEADLINE_SECONDS", 0.2), doubles.serving(Directory()) as way:
        for beginning in (b"", b"GET / HTTP/1.1\r\nHost: "):
            with socket.create_connection(("127.0.0.1", way.port), timeout=5) as connection:
                connection.sendall(beginning)
                started = time.monotonic()
                assert connection.recv(100) == b""
                assert time.monotonic() - started < 2


def test_a_kept_connection_is_not_closed_by_the_deadline_of_its_first_request() -> None:
    with patch.object(ground, "HEADER_DEADLINE_SECONDS", 0.2), doubles.serving(Directory()) as way:
        connection = way.connect()
        connection.request("GET", "/", headers=way.headers(None))
        assert connection.getresponse().read()
        first = connection.sock
        time.sleep(0.4)  # longer than the deadline: what must not happen has no condition to wait for
        connection.request("GET", "/", headers=way.headers(None))
        assert connection.getresponse().status == 401
        assert connection.sock is first
        connection.close()

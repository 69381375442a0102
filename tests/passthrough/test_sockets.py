"""WebSockets through a real passthrough to a real application."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.passthrough.doubles import ADA, JOB, Directory, Way, raw_application, until, web_application
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from uws.jobs.tickets import make_ticket

KERNEL_PROTOCOL = "v1.kernel.websocket.jupyter.org"


class SocketApplication:
    """Echoes; does as some words tell it; remembers how it was opened and closed."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.closed: list[tuple[int | None, str | None]] = []
        self.sent_bytes = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        ws = web.WebSocketResponse(protocols=[KERNEL_PROTOCOL], max_msg_size=2**30)
        await ws.prepare(request)
        reason = None
        try:
            while True:
                message = await ws.receive()
                if message.type is aiohttp.WSMsgType.TEXT:
                    await self._obey(ws, message.data)
                elif message.type is aiohttp.WSMsgType.BINARY:
                    await ws.send_bytes(message.data)
                else:
                    reason = message.extra
                    return ws
        finally:
            self.closed.append((ws.close_code, reason))

    async def _obey(self, ws: web.WebSocketResponse, text: str) -> None:
        if text == "close":
            await ws.close(code=4001, message=b"as you wish")
        elif text == "vanish":
            transport = ws.get_extra_info("socket")
            transport.shutdown(socket.SHUT_RDWR)
        elif text == "flood":
            while not ws.closed:
                await ws.send_bytes(b"x" * 65536)
                self.sent_bytes += 65536
        elif text == "ignore":
            await asyncio.sleep(60)
        else:
            await ws.send_str(text)


@pytest.fixture
def application(directory: Directory) -> Iterator[SocketApplication]:
    application = SocketApplication()
    with web_application(application.serve) as port:
        directory.add(JOB, port)
        yield application


@contextmanager
def opened(
    way: Way, path: str = "/api/kernels/1/channels?session_id=a%2Fb", **changes: Any
) -> Iterator[ClientConnection]:
    headers = {"Cookie": way.cookie(ADA) + "; _xsrf=1", "Sec-Fetch-Site": "same-origin"}
    options: dict[str, Any] = {
        "origin": way.origin(),
        "additional_headers": headers,
        "max_size": None,
        "ping_interval": None,
        "close_timeout": 1,
    }
    connection = socket.create_connection(("127.0.0.1", way.port), timeout=10)
    with connection, connect(f"ws://{way.host()}{path}", sock=connection, **(options | changes)) as client:
        yield client


def test_text_and_binary_come_back(way: Way, application: SocketApplication) -> None:
    with opened(way) as client:
        for message in ("cells: β \U0001f9ec", "", b"\x00\xff" * 100, b""):
            client.send(message)
            assert client.recv(timeout=5) == message


def test_the_handshake_carries_path_query_and_cookies_but_nothing_of_ours(
    way: Way, application: SocketApplication
) -> None:
    with opened(way):
        (request,) = application.requests
    assert request.raw_path == "/api/kernels/1/channels?session_id=a%2Fb"
    assert request.headers["Cookie"] == "_xsrf=1"
    assert request.headers["Authorization"] == "token of-the-application"
    assert request.headers["Host"] == way.host()
    assert request.headers["Origin"] == way.origin()


def test_the_sub_protocol_is_the_one_the_application_chose(way: Way, application: SocketApplication) -> None:
    offered = [Subprotocol("other.example"), Subprotocol(KERNEL_PROTOCOL)]
    with opened(way, subprotocols=offered) as client:
        assert client.subprotocol == KERNEL_PROTOCOL
    with opened(way) as client:
        assert client.subprotocol is None


def test_messages_keep_their_order(way: Way, application: SocketApplication) -> None:
    with opened(way) as client:
        for number in range(500):
            client.send(str(number))
        assert [client.recv(timeout=5) for _ in range(500)] == [str(number) for number in range(500)]


def test_a_message_of_20_mb_passes_both_ways(way: Way, application: SocketApplication) -> None:
    message = bytes(range(256)) * (20 * 4096)
    with opened(way) as client:
        client.send(message)
        assert client.recv(timeout=10) == message


def test_fragments_become_one_message(way: Way, application: SocketApplication) -> None:
    with opened(way) as client:
        client.send(["first ", "second ", "third"])
        assert client.recv(timeout=5) == "first second third"


def test_a_ping_is_answered(way: Way, application: SocketApplication) -> None:
    with opened(way) as client:
        assert client.ping(b"are you there").wait(timeout=5)


def test_the_applications_closing_code_reaches_the_browser(way: Way, application: SocketApplication) -> None:
    with opened(way) as client:
        client.send("close")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=5)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "as you wish")


def test_the_browsers_closing_code_reaches_the_application(way: Way, application: SocketApplication) -> None:
    with opened(way) as client:
        client.close(4002, "enough")
    until(lambda: application.closed)
    assert application.closed == [(4002, "enough")]


def test_a_browser_that_vanishes_closes_the_applications_side(
    way: Way, application: SocketApplication
) -> None:
    with opened(way) as client:
        client.socket.shutdown(socket.SHUT_RDWR)
        until(lambda: application.closed)
    until(lambda: len(way.application.open_ways) == 0)


def test_an_application_that_vanishes_closes_the_browsers_side(
    way: Way, application: SocketApplication
) -> None:
    with opened(way) as client:
        client.send("vanish")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=5)
    assert closed.value.rcvd is None, "no close frame came from the application, so none is made up"


def test_a_slow_browser_slows_the_application(way: Way, application: SocketApplication) -> None:
    with opened(way, max_queue=1) as client:
        client.send("flood")
        until(lambda: application.sent_bytes > 0)
        seen = [-1]

        def stands_still() -> bool:
            before, seen[0] = seen[0], application.sent_bytes
            threading.Event().wait(0.1)
            return before == seen[0] == application.sent_bytes

        until(stands_still)
        assert application.sent_bytes < 16 * 1024 * 1024
        client.socket.shutdown(socket.SHUT_RDWR)
    until(lambda: application.closed)
    until(lambda: len(way.application.open_ways) == 0)


def test_a_slow_application_slows_the_browser(way: Way, application: SocketApplication) -> None:
    sent = [0]
    with opened(way) as client:
        client.send("ignore")

        def flood() -> None:
            try:
                while True:
                    client.send(b"x" * 65536)
                    sent[0] += 65536
            except (ConnectionClosed, OSError):
                return

        thread = threading.Thread(target=flood)
        thread.start()
        seen = [-1]

        def stands_still() -> bool:
            before, seen[0] = seen[0], sent[0]
            threading.Event().wait(0.1)
            return before == seen[0] == sent[0] > 0

        until(stands_still)
        # Two connections, a send and a receive buffer each, which the kernel lets grow to several MiB (tcp(7)).
        assert sent[0] < 40 * 1024 * 1024
        client.socket.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=5)


def refused(way: Way, **changes: Any) -> int:
    with pytest.raises(InvalidStatus) as problem, opened(way, **changes):
        pass
    return problem.value.response.status_code


def test_a_socket_without_an_origin_is_refused(
    way: Way, application: SocketApplication, caplog: pytest.LogCaptureFixture
) -> None:
    assert refused(way, origin=None) == 403
    assert application.requests == []
    assert [record.name for record in caplog.records if record.name == "uvicorn.error"] == []


def test_a_socket_from_another_jobs_page_is_refused(way: Way, application: SocketApplication) -> None:
    assert refused(way, origin=way.origin(13)) == 403
    assert refused(way, origin="http://localhost:8000") == 403
    assert application.requests == []


def test_a_socket_without_a_pass_is_refused(way: Way, application: SocketApplication) -> None:
    assert refused(way, additional_headers={}) == 401
    assert refused(way, additional_headers={"Cookie": way.cookie(ADA, 13)}) == 401
    assert application.requests == []


def test_a_socket_without_a_right_is_refused_as_if_there_were_no_job(
    directory: Directory, way: Way, application: SocketApplication
) -> None:
    directory.rights.clear()
    assert refused(way) == 404
    assert application.requests == []


def test_a_ticket_opens_no_socket(way: Way, application: SocketApplication) -> None:
    ticket = make_ticket(way.secrets, JOB, ADA, time.time())
    assert refused(way, path=f"/?ticket={ticket}", additional_headers={}) == 401


def test_an_applications_refusal_reaches_the_browser(directory: Directory, way: Way) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=429)

    with web_application(answer) as port:
        directory.add(JOB, port)
        assert refused(way) == 429


def test_a_redirected_handshake_is_not_followed(
    directory: Directory, way: Way, application: SocketApplication
) -> None:
    inner_port = directory.targets[JOB].port

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": f"http://127.0.0.1:{inner_port}/"})

    with web_application(answer) as port:
        directory.change(JOB, port=port)
        assert refused(way) == 302
    assert application.requests == []


def test_a_handshake_that_nothing_answers_is_the_applications_fault(directory: Directory, way: Way) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    with raw_application(hang_up) as port:
        directory.add(JOB, port)
        assert refused(way) == 502


def test_an_open_socket_closes_when_the_right_ends(
    directory: Directory, way: Way, application: SocketApplication
) -> None:
    with opened(way) as client:
        client.send("hello")
        assert client.recv(timeout=5) == "hello"
        directory.rights.clear()
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=1.5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
    until(lambda: application.closed)


def test_an_open_socket_closes_when_the_job_ends(
    directory: Directory, way: Way, application: SocketApplication
) -> None:
    with opened(way) as client:
        client.send("hello")
        assert client.recv(timeout=5) == "hello"
        directory.change(JOB, status="complete")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=1.5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001


def test_an_open_socket_stays_open_while_the_database_is_away(
    directory: Directory, way: Way, application: SocketApplication, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(way) as client:
        client.send("hello")
        assert client.recv(timeout=5) == "hello"
        directory.is_away = True
        asked = directory.asked
        until(lambda: directory.asked > asked)
        client.send("still here")
        assert client.recv(timeout=5) == "still here"
    assert "they stay open for now" in caplog.text


def test_a_flooding_application_is_cut_off_when_the_right_ends(
    directory: Directory, way: Way, application: SocketApplication
) -> None:
    with opened(way, max_queue=1) as client:
        client.send("flood")
        until(lambda: application.sent_bytes > 0)
        directory.rights.clear()
        until(lambda: application.closed, deadline_seconds=6)
        client.socket.shutdown(socket.SHUT_RDWR)

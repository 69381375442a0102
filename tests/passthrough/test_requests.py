"""Requests through a real passthrough to real applications."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import http.client
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from tests.passthrough.doubles import JOB, Directory, Way, raw_application, until, web_application


async def say_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with the request's own line and headers, as they came."""
    head = await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(head), head))
    await writer.drain()


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/lab/tree//nb.ipynb",
        "//begins/with/two",
        "/a%2Fb/c%2fd;v=1/../e/./f",
        "/caf%C3%A9/%20/+?x=%20+&y&&=%&z=a=b",
        "/@host/:80/\\back",
        "/a|b^c`{}~'\"<>",
        "/?a=/../b?c",
        "/%",
    ],
)
def test_the_target_arrives_as_it_was_sent(directory: Directory, way: Way, target: str) -> None:
    with raw_application(say_request) as port:
        directory.add(JOB, port)
        status, _, body = way.ask(target)
    assert status == 200
    assert body.split(b"\r\n")[0] == f"GET {target} HTTP/1.1".encode()


def test_the_application_sees_its_own_token_and_nothing_of_ours(directory: Directory, way: Way) -> None:
    headers = way.headers() | {"Authorization": "Token of-uws", "UWS-Authorization": "Token x", "X-Own": "1"}
    headers["Cookie"] += "; _xsrf=abc"
    with raw_application(say_request) as port:
        directory.add(JOB, port)
        _, _, body = way.ask("/api", headers=headers)
    lines = sorted(body.decode().split("\r\n")[1:-2], key=str.lower)
    assert lines == [
        "Authorization: token of-the-application",
        "cookie: _xsrf=abc",
        f"Host: {way.host()}",
        f"origin: {way.origin()}",
        "sec-fetch-site: same-origin",
        "X-Forwarded-For: 127.0.0.1",
        f"X-Forwarded-Host: {way.host()}",
        "X-Forwarded-Proto: http",
        "x-own: 1",
    ]


def test_an_application_on_ipv6_is_reached(directory: Directory, way: Way) -> None:
    with raw_application(say_request, host="::1") as port:
        directory.add(JOB, port, host="::1")
        status, _, body = way.ask("/lab")
    assert (status, body.split(b"\r\n")[0]) == (200, b"GET /lab HTTP/1.1")


async def echo(request: web.Request) -> web.StreamResponse:
    body = await request.read()
    return web.Response(body=body, headers={"X-Method": request.method, "X-Length": str(len(body))})


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
def test_every_method_carries_its_body(directory: Directory, way: Way, method: str) -> None:
    content = bytes(range(256)) * 1000
    with web_application(echo) as port:
        directory.add(JOB, port)
        status, headers, body = way.ask("/echo", method, content)
    assert (status, headers["X-Method"], body) == (200, method, content)


def test_a_post_without_a_body_stays_without(directory: Directory, way: Way) -> None:
    with web_application(echo) as port:
        directory.add(JOB, port)
        status, headers, body = way.ask("/echo", "POST", b"")
    assert (status, headers["X-Length"], body) == (200, "0", b"")


def test_a_chunked_upload_arrives_whole(directory: Directory, way: Way) -> None:
    with web_application(echo) as port:
        directory.add(JOB, port)
        connection = way.connect()
        chunks = [b"first", b"", b"second" * 10_000]
        connection.request("POST", "/echo", iter(chunks), way.headers(), encode_chunked=True)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"".join(chunks))
        connection.close()


def test_a_client_that_expects_100_continue_is_told_to(directory: Directory, way: Way) -> None:
    with web_application(echo) as port:
        directory.add(JOB, port)
        head = "".join(f"{name}: {value}\r\n" for name, value in way.headers().items())
        with socket.create_connection(("127.0.0.1", way.port), timeout=10) as connection:
            connection.sendall(
                f"POST /echo HTTP/1.1\r\n{head}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n".encode()
            )
            assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(b"body")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


def test_the_answers_headers_and_status_come_as_they_are(directory: Directory, way: Way) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.Response(status=418, text="x", headers={"Date": "yesterday", "Server": "its own"})
        response.headers.add("X-Twice", "1")
        response.headers.add("X-Twice", "2")
        response.headers.add("Set-Cookie", "own=1; Path=/")
        response.headers.add("Set-Cookie", "wide=1; Domain=localhost")
        response.headers.add("Set-Cookie", "__Host-uws-job=stolen; Secure; Path=/")
        response.headers.add("Service-Worker-Allowed", "/")
        response.headers.add("Clear-Site-Data", '"cookies"')
        return response

    with web_application(answer) as port:
        directory.add(JOB, port)
        status, headers, _ = way.ask("/")
    assert status == 418
    assert headers.get_all("X-Twice") == ["1", "2"]
    assert headers.get_all("Set-Cookie") == ["own=1; Path=/"]
    assert headers.get_all("Date") == ["yesterday"]
    assert headers.get_all("Server") == ["its own"]
    assert headers["Service-Worker-Allowed"] is None
    assert headers["Clear-Site-Data"] is None


def test_a_redirect_is_the_browsers_to_follow(directory: Directory, way: Way) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/elsewhere"})

    with web_application(answer) as port:
        directory.add(JOB, port)
        status, headers, _ = way.ask("/")
    assert (status, headers["Location"]) == (302, "http://127.0.0.1:1/elsewhere")


def test_head_has_the_length_and_no_body(directory: Directory, way: Way) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * 1000)

    with web_application(answer) as port:
        directory.add(JOB, port)
        status, headers, body = way.ask("/", "HEAD")
    assert (status, headers["Content-Length"], body) == (200, "1000", b"")


def test_ranges_and_conditions_are_the_applications(directory: Directory, way: Way, tmp_path: Path) -> None:
    file = tmp_path / "data.bin"
    file.write_bytes(bytes(range(256)) * 40)

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(file)

    with web_application(answer) as port:
        directory.add(JOB, port)
        status, headers, body = way.ask("/data.bin", headers=way.headers() | {"Range": "bytes=10-19"})
        assert (status, headers["Content-Range"], body) == (206, "bytes 10-19/10240", bytes(range(10, 20)))
        status, headers, body = way.ask(
            "/data.bin", headers=way.headers() | {"If-None-Match": headers["ETag"]}
        )
        assert (status, body) == (304, b"")


def test_what_is_compressed_stays_so(directory: Directory, way: Way) -> None:
    packed = gzip.compress(b"cells " * 1000)

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    with web_application(answer) as port:
        directory.add(JOB, port)
        _, headers, body = way.ask("/", headers=way.headers() | {"Accept-Encoding": "gzip"})
    assert (headers["Content-Encoding"], body) == ("gzip", packed)


def test_large_headers_pass_both_ways(directory: Directory, way: Way) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(headers={"X-Back": request.headers["X-Large"] * 3})

    with web_application(answer) as port:
        directory.add(JOB, port)
        status, headers, _ = way.ask("/", headers=way.headers() | {"X-Large": "x" * 8000})
    assert (status, len(headers["X-Back"])) == (200, 24000)


@pytest.fixture
def event_stream(directory: Directory) -> Iterator[dict[str, threading.Event]]:
    """An application that sends an event each time it is told to, and says when its listener has left."""
    happened = {"go": threading.Event(), "left": threading.Event()}

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            await response.write(b"data: hello\n\n")
            while True:
                await asyncio.sleep(0.01)
                if happened["go"].is_set():
                    happened["go"].clear()
                    await response.write(b"data: next\n\n")
        except (asyncio.CancelledError, ConnectionError):
            happened["left"].set()
            raise
        return response

    with web_application(answer) as port:
        directory.add(JOB, port)
        yield happened


def open_stream(way: Way) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = way.connect()
    connection.request("GET", "/events", headers=way.headers())
    return connection, connection.getresponse()


def test_each_event_of_a_stream_comes_when_it_is_sent(
    way: Way, event_stream: dict[str, threading.Event]
) -> None:
    connection, answer = open_stream(way)
    assert answer.read1() == b"data: hello\n\n"
    event_stream["go"].set()
    assert answer.read1() == b"data: next\n\n"
    connection.close()
    answer.close()


def test_a_listener_that_leaves_ends_the_applications_request(
    way: Way, event_stream: dict[str, threading.Event]
) -> None:
    connection, answer = open_stream(way)
    assert answer.read1() == b"data: hello\n\n"
    answer.close()
    connection.close()

    def noticed() -> bool:
        event_stream["go"].set()  # an application notices when it writes
        return event_stream["left"].is_set()

    until(noticed)
    until(lambda: len(way.application.open_ways) == 0)


def test_a_stream_ends_when_the_right_does(
    directory: Directory, way: Way, event_stream: dict[str, threading.Event]
) -> None:
    connection, answer = open_stream(way)
    assert answer.read1() == b"data: hello\n\n"
    until(lambda: len(way.application.open_ways) == 1)
    directory.rights.clear()
    connection.sock.settimeout(1.5)
    with pytest.raises(http.client.IncompleteRead):
        answer.read()
    connection.close()


def test_an_upload_streams_while_it_is_sent(directory: Directory, way: Way) -> None:
    received: list[bytes] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        async for chunk in request.content.iter_any():
            received.append(chunk)
        return web.Response(text="done")

    with web_application(answer) as port:
        directory.add(JOB, port)
        connection = way.connect()
        connection.putrequest("POST", "/upload", skip_host=True, skip_accept_encoding=True)
        for name, value in (way.headers() | {"Content-Length": "10"}).items():
            connection.putheader(name, value)
        connection.endheaders(b"first")
        until(lambda: b"".join(received) == b"first")
        connection.send(b"secnd")
        assert connection.getresponse().read() == b"done"
        connection.close()


def test_an_upload_that_breaks_off_is_no_whole_one_to_the_application(directory: Directory, way: Way) -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            async for chunk in request.content.iter_any():
                seen.append(chunk.decode())
        except BaseException as problem:
            seen.append(type(problem).__name__)
            raise
        seen.append("whole")
        return web.Response()

    with web_application(answer) as port:
        directory.add(JOB, port)
        connection = way.connect()
        connection.putrequest("POST", "/upload", skip_host=True, skip_accept_encoding=True)
        for name, value in (way.headers() | {"Transfer-Encoding": "chunked"}).items():
            connection.putheader(name, value)
        connection.endheaders(b"5\r\nfirst\r\n")
        until(lambda: seen == ["first"])
        connection.close()
        until(lambda: len(seen) == 2)
    assert seen[1] != "whole"


def test_an_answer_may_come_before_the_upload_has_ended(directory: Directory, way: Way) -> None:
    async def too_large(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n")
        await writer.drain()
        await reader.read()

    with raw_application(too_large) as port:
        directory.add(JOB, port)
        connection = way.connect()
        connection.putrequest("POST", "/upload", skip_host=True, skip_accept_encoding=True)
        for name, value in (way.headers() | {"Content-Length": "1000"}).items():
            connection.putheader(name, value)
        connection.endheaders(b"first")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (413, b"no\n")
        connection.close()


def test_64_mb_go_through_in_constant_memory(directory: Directory, way: Way) -> None:
    size = 64 * 1024 * 1024

    async def answer(request: web.Request) -> web.StreamResponse:
        digest = hashlib.sha256()
        async for chunk in request.content.iter_any():
            digest.update(chunk)
        response = web.StreamResponse(headers={"X-Digest": digest.hexdigest(), "Content-Length": str(size)})
        await response.prepare(request)
        for _ in range(size // 65536):
            await response.write(b"x" * 65536)
        return response

    block = bytes(range(256)) * 1024
    expected = hashlib.sha256(block * (size // len(block))).hexdigest()
    with web_application(answer) as port:
        directory.add(JOB, port)
        connection = way.connect()
        before = peak_memory_bytes()
        headers = way.headers() | {"Content-Length": str(size)}
        connection.request("PUT", "/big", (block for _ in range(size // len(block))), headers)
        answer_ = connection.getresponse()
        assert answer_.headers["X-Digest"] == expected
        received = 0
        while chunk := answer_.read(1024 * 1024):
            received += len(chunk)
        connection.close()
        assert received == size
        assert peak_memory_bytes() - before < 24 * 1024 * 1024


def peak_memory_bytes() -> int:
    """Return the highest resident size of this process, in which both servers of the test live."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


def test_a_slow_reader_slows_the_application(directory: Directory, way: Way) -> None:
    written = [0]

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)
            written[0] += 65536

    with web_application(answer) as port:
        directory.add(JOB, port)
        connection = way.connect()
        connection.request("GET", "/endless", headers=way.headers())
        connection.getresponse()
        until(lambda: written[0] > 0)
        settled = [0]

        def stands_still() -> bool:
            before, settled[0] = settled[0], written[0]
            threading.Event().wait(0.1)
            return written[0] == before == settled[0]

        until(stands_still)
        assert written[0] < 24 * 1024 * 1024
        connection.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
    ],
)
def test_an_answer_that_breaks_off_is_no_whole_one_to_the_browser(
    directory: Directory, way: Way, answer: bytes
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    with raw_application(talk) as port:
        directory.add(JOB, port)
        with pytest.raises(http.client.IncompleteRead):
            way.ask("/")


def test_an_answer_without_a_length_ends_with_its_connection(directory: Directory, way: Way) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold but whole")
        await writer.drain()

    with raw_application(talk) as port:
        directory.add(JOB, port)
        status, _, body = way.ask("/")
    assert (status, body) == (200, b"old but whole")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nshort!",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nshort",
        b"HTTP/1.1 700 Unheard of\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
    ],
)
def test_what_is_no_http_answer_is_the_applications_fault(
    directory: Directory, way: Way, answer: bytes
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    with raw_application(talk) as port:
        directory.add(JOB, port)
        status, _, body = way.ask("/")
    assert status == 502
    assert body.startswith(b"The job is running, but its application does not answer: ")


@pytest.mark.parametrize(
    "head",
    [
        "POST / HTTP/1.1\r\n{own}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n{own}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "POST / HTTP/1.1\r\n{own}Transfer-Encoding: gzip, chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n{own}Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET / HTTP/1.1\r\n{own}Host: job-13.localhost\r\n\r\n",
        "GET / HTTP/1.1\r\n{own}no colon\r\n\r\n",
        "GET / HTTP/1.1\r\n{own}X-Nul: a\0b\r\n\r\n",
        "GET / HTTP/1.1\n{own}\n",
        "GET * HTTP/1.1\r\n{own}\r\n",
        "GET nonsense HTTP/1.1\r\n{own}\r\n",
    ],
)
def test_ambiguous_requests_are_refused(directory: Directory, way: Way, head: str) -> None:
    own = "".join(f"{name}: {value}\r\n" for name, value in way.headers().items()) + "Connection: close\r\n"
    with raw_application(say_request) as port:
        directory.add(JOB, port)
        answer = way.speak(head.format(own=own).encode())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_headers_that_never_end_are_refused(way: Way) -> None:
    answer = way.speak(b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 70_000)
    assert answer.startswith(b"HTTP/1.1 400 ")

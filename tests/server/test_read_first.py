from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send
from tests.server.asgi import Answer, ask, body_messages, scope_of

from uws.server.read_first import MEMORY_BYTES, SCOPE_KEY, BodyLimits, Exchange, ReadFirst

LIMITS = BodyLimits(request_bytes=100_000, upload_bytes=1_000_000, request_seconds=5.0, pause_seconds=5.0)


class Reader:
    """An application that remembers the bodies that reached it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.lengths: list[int] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope[SCOPE_KEY]
        self.bodies.append(exchange.body.read())
        self.lengths.append(exchange.length_bytes)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def reader() -> Reader:
    return Reader()


def read(
    reader: Reader, scope: Scope, messages: list[Message], spool: Path, limits: BodyLimits = LIMITS
) -> Answer:
    return ask(ReadFirst(reader, limits, spool), scope, messages)


def test_the_application_gets_the_whole_body_at_once(reader: Reader, tmp_path: Path) -> None:
    read(reader, scope_of("/tokens/", "POST"), body_messages(b"ab", b"", b"cd"), tmp_path)
    assert (reader.bodies, reader.lengths) == ([b"abcd"], [4])


def test_a_big_body_is_read_whole_from_disk_and_leaves_nothing_there(reader: Reader, tmp_path: Path) -> None:
    body = bytes(range(256)) * 300
    assert len(body) > MEMORY_BYTES
    read(reader, scope_of("/tokens/", "POST"), body_messages(body[:50_000], body[50_000:]), tmp_path)
    assert reader.bodies == [body]
    assert list(tmp_path.iterdir()) == []


def test_a_body_that_was_cut_off_reaches_nobody(reader: Reader, tmp_path: Path) -> None:
    answer = read(reader, scope_of("/tokens/", "POST"), body_messages(b"{", then="disconnect"), tmp_path)
    assert (answer.messages, reader.bodies) == ([], [])


def test_an_announced_body_over_the_limit_is_refused_before_it_is_read(
    reader: Reader, tmp_path: Path
) -> None:
    scope = scope_of("/workspaces/", "POST", [("host", "localhost"), ("content-length", "100001")])
    answer = read(reader, scope, [], tmp_path)
    assert (answer.status, reader.bodies) == (413, [])
    assert answer.header("connection") == "close"
    body = json.loads(answer.body)
    assert body["success"] is False
    assert body["message"] == "The request body is too large: at most 100000 bytes are accepted here."
    assert (body["type"], body["status"]) == ("/problems/request-too-large", 413)


def test_a_body_that_grows_over_the_limit_is_refused(reader: Reader, tmp_path: Path) -> None:
    messages = body_messages(b"x" * 60_000, b"x" * 60_000, b"x")
    answer = read(reader, scope_of("/workspaces/", "POST"), messages, tmp_path)
    assert (answer.status, reader.bodies) == (413, [])


@pytest.mark.parametrize(
    "path", ["/workspaces/3/upload/", "/workspaces/3/upload", "/console/workspaces/3/upload/"]
)
def test_an_upload_has_its_own_limit(reader: Reader, tmp_path: Path, path: str) -> None:
    assert read(reader, scope_of(path, "PUT"), body_messages(b"x" * 500_000), tmp_path).status == 200
    assert read(reader, scope_of(path, "PUT"), body_messages(b"x" * 1_000_001), tmp_path).status == 413


@pytest.mark.parametrize(
    "path", ["/workspaces/upload/", "/workspaces/x/upload/", "/workspaces/3/upload/more/", "/jobs/3/upload/"]
)
def test_what_only_looks_like_an_upload_has_the_small_limit(
    reader: Reader, tmp_path: Path, path: str
) -> None:
    assert read(reader, scope_of(path, "PUT"), body_messages(b"x" * 500_000), tmp_path).status == 413


def test_a_page_is_refused_in_plain_text(reader: Reader, tmp_path: Path) -> None:
    answer = read(reader, scope_of("/console/", "POST"), body_messages(b"x" * 100_001), tmp_path)
    assert answer.header("content-type") == "text/plain; charset=utf-8"


def test_a_body_that_never_ends_is_answered_408(reader: Reader, tmp_path: Path) -> None:
    limits = BodyLimits(100_000, 1_000_000, request_seconds=0.05, pause_seconds=5.0)
    messages: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}]
    answer = read(reader, scope_of("/tokens/", "POST"), messages, tmp_path, limits)
    assert (answer.status, reader.bodies) == (408, [])


def test_an_upload_that_pauses_too_long_is_answered_408(reader: Reader, tmp_path: Path) -> None:
    limits = BodyLimits(100_000, 1_000_000, request_seconds=0.01, pause_seconds=0.05)
    messages: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}]
    answer = read(reader, scope_of("/workspaces/3/upload/", "PUT"), messages, tmp_path, limits)
    assert (answer.status, reader.bodies) == (408, [])


def test_the_application_can_tell_that_the_client_left_later(tmp_path: Path) -> None:
    seen: list[bool] = []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope[SCOPE_KEY]
        async with asyncio.timeout(5):
            while not exchange.client_left:
                await asyncio.sleep(0)
        seen.append(exchange.client_left)

    messages = [*body_messages(b"{}"), {"type": "http.disconnect"}]
    ask(ReadFirst(slow, LIMITS, tmp_path), scope_of("/tokens/", "POST"), messages)
    assert seen == [True]

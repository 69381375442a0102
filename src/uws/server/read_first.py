"""Reads a request's whole body before a thread is taken for it.

Without this, a few half-sent requests hold every thread of the pool, and a body that was cut off reaches Django as a
short one. Bodies are bounded in size and time, and kept on disk above 64 KiB.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from starlette.types import ASGIApp, Receive, Scope, Send

from uws.server.answers import refuse

MEMORY_BYTES = 64 * 1024
SCOPE_KEY = "uws.exchange"

_UPLOAD_PATH = re.compile(r"/(?:console/)?workspaces/[0-9]+/upload/?|/console/workspaces/new/?")


@dataclass(frozen=True)
class BodyLimits:
    """How much body, in bytes, and how long it may take, in seconds.

    An upload has no deadline for the whole, since links are slow and files are big, but may not pause.
    """

    request_bytes: int
    upload_bytes: int
    request_seconds: float = 30.0
    pause_seconds: float = 30.0


@dataclass
class Exchange:
    """One request's body, read in full, and whether its client is still there."""

    body: IO[bytes]
    length_bytes: int
    client_left: bool = field(default=False)


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class _ClientLeft(Exception):
    """The connection ended before the body was complete."""


class ReadFirst:
    """ASGI middleware: hands the application a scope with an `Exchange` under `SCOPE_KEY`.

    A client that leaves before its body is complete is never passed on; one that leaves later sets `client_left`.
    """

    def __init__(self, app: ASGIApp, limits: BodyLimits, spool_directory: Path) -> None:
        self._app = app
        self._limits = limits
        self._spool_directory = spool_directory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_upload = _UPLOAD_PATH.fullmatch(scope["path"]) is not None
        with tempfile.SpooledTemporaryFile(MEMORY_BYTES, dir=str(self._spool_directory)) as body:
            try:
                length = await self._read(scope, receive, body, is_upload)
            except _ClientLeft:
                return
            except _Refused as refused:
                await refuse(scope, send, refused.status, refused.message, close=True)
                return
            exchange = Exchange(body, length)
            watch = asyncio.create_task(_watch(receive, exchange), name="client watch")
            try:
                await self._app({**scope, SCOPE_KEY: exchange}, receive, send)
            finally:
                watch.cancel()

    async def _read(self, scope: Scope, receive: Receive, body: IO[bytes], is_upload: bool) -> int:
        limit = self._limits.upload_bytes if is_upload else self._limits.request_bytes
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), None)
        if announced is not None and int(announced) > limit:
            raise _too_large(limit)
        if is_upload:
            return await self._copy(receive, body, limit)
        try:
            async with asyncio.timeout(self._limits.request_seconds):
                return await self._copy(receive, body, limit)
        except TimeoutError:
            raise _too_slow(self._limits.request_seconds) from None

    async def _copy(self, receive: Receive, body: IO[bytes], limit: int) -> int:
        length = 0
        while True:
            try:
                async with asyncio.timeout(self._limits.pause_seconds):
                    message = await receive()
            except TimeoutError:
                raise _too_slow(self._limits.pause_seconds) from None
            if message["type"] == "http.disconnect":
                raise _ClientLeft
            chunk = message.get("body", b"")
            length += len(chunk)
            if length > limit:
                raise _too_large(limit)
            body.write(chunk)
            if not message.get("more_body", False):
                body.seek(0)
                return length


async def _watch(receive: Receive, exchange: Exchange) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    exchange.client_left = True


def _too_large(limit_bytes: int) -> _Refused:
    return _Refused(413, f"The request body is too large: at most {limit_bytes} bytes are accepted here.")


def _too_slow(seconds: float) -> _Refused:
    return _Refused(408, f"The request body did not arrive within {seconds:g} seconds.")

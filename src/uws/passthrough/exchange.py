"""One HTTP request, carried to the application and its answer back, as the bytes come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp

from uws.passthrough.answers import Receive, Scope, Send
from uws.passthrough.directory import Target
from uws.passthrough.gate import Ending, OpenWays
from uws.passthrough.headers import downstream_headers
from uws.passthrough.upstream import ApplicationUnreachable, explain

# A request that is done by then costs neither an entry among the open ways nor a task that waits for its sender
# to leave.
_SHORT_REQUEST_SECONDS = 0.2

_BROKEN_CONNECTION = (aiohttp.ClientError, OSError, TimeoutError)


class SenderLeft(Exception):
    """The browser went away in the middle of its own request."""


class Exchange:
    """Carries one request. Ends quietly when the browser leaves; leaves the answer cut when either side breaks."""

    __slots__ = (
        "_body_read",
        "_departure",
        "_ending",
        "_is_long",
        "_left",
        "_receive",
        "_scope",
        "_send",
        "_started",
        "_target",
        "_task",
        "_user_id",
        "_ways",
    )

    def __init__(
        self,
        target: Target,
        user_id: int,
        ways: OpenWays,
        scope: Scope,
        receive: Receive,
        send: Send,
        has_body: bool,
    ) -> None:
        self._target = target
        self._user_id = user_id
        self._ways = ways
        self._scope = scope
        self._receive = receive
        self._send = send
        self._body_read = not has_body
        self._task: asyncio.Task[object] | None = None
        self._departure: asyncio.Task[None] | None = None
        self._ending: Ending | None = None
        self._is_long = False
        self._left = False
        self._started = False

    async def carry(
        self,
        session: aiohttp.ClientSession,
        url: aiohttp.typedefs.StrOrURL,
        headers: aiohttp.typedefs.LooseHeaders,
        added_to_answer: list[tuple[bytes, bytes]],
    ) -> Ending | None:
        """Carry it through. Return why it was ended from our side before anything was answered, else None.

        Raises `ApplicationUnreachable` where nothing was answered because the application could not.
        """
        task = self._task = asyncio.current_task()
        assert task is not None
        timer = asyncio.get_running_loop().call_later(_SHORT_REQUEST_SECONDS, self._becomes_long)
        try:
            await self._carry(session, url, headers, added_to_answer)
        except asyncio.CancelledError:
            if self._ending is None and not self._left:
                raise
            task.uncancel()
        finally:
            timer.cancel()
            if self._is_long:
                self._ways.remove(self._target.job_id, self._user_id, self._end)
            if self._departure is not None:
                self._departure.cancel()
        return None if self._started else self._ending

    async def _carry(
        self,
        session: aiohttp.ClientSession,
        url: aiohttp.typedefs.StrOrURL,
        headers: aiohttp.typedefs.LooseHeaders,
        added_to_answer: list[tuple[bytes, bytes]],
    ) -> None:
        body = None if self._body_read else self._request_body()
        try:
            response = await session.request(
                self._scope["method"], url, headers=headers, data=body, allow_redirects=False
            )
        except _BROKEN_CONNECTION as problem:
            if self._left:
                return
            raise ApplicationUnreachable(explain(problem)) from problem
        try:
            if not 200 <= response.status <= 599:
                raise ApplicationUnreachable("what it sent is not a valid HTTP answer.")
            passed = downstream_headers(response.raw_headers, response.status)
            self._started = True
            await self._send(
                {
                    "type": "http.response.start",
                    "status": response.status,
                    "headers": passed + added_to_answer,
                }
            )
            await self._send_body(response.content)
        except _BROKEN_CONNECTION:
            # The answer stays without its end, and the server cuts the connection: the browser sees it broken,
            # as it is, and not a short whole.
            return
        finally:
            response.close()

    async def _send_body(self, content: aiohttp.StreamReader) -> None:
        while True:
            chunk = await content.readany()
            is_last = content.at_eof()
            await self._send({"type": "http.response.body", "body": chunk, "more_body": not is_last})
            if is_last:
                return

    async def _request_body(self) -> AsyncIterator[bytes]:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._left = True
                raise SenderLeft
            if message["body"]:
                yield message["body"]
            if not message.get("more_body", False):
                break
        self._body_read = True
        if self._is_long:
            self._departure = asyncio.create_task(self._watch_for_departure())

    def _becomes_long(self) -> None:
        self._is_long = True
        self._ways.add(self._target.job_id, self._user_id, self._end)
        if self._body_read:
            self._departure = asyncio.create_task(self._watch_for_departure())

    async def _watch_for_departure(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left = True
        if self._task is not None:
            self._task.cancel()

    def _end(self, ending: Ending) -> None:
        self._ending = ending
        if self._task is not None:
            self._task.cancel()

"""One WebSocket, carried between the browser and the application: messages, sub-protocol, closing codes.

Each side's pings are answered on its own hop. A side that reads slowly slows the other: no more than one message
waits here in either direction beyond the buffers of the connections.
"""

from __future__ import annotations

import asyncio

import aiohttp
from yarl import URL

from uws.passthrough.answers import Answer, Message, Receive, Send, send_answer
from uws.passthrough.directory import Target
from uws.passthrough.gate import Ending, OpenWays
from uws.passthrough.settings import PassthroughSettings
from uws.passthrough.upstream import ApplicationUnreachable, explain

_CLOSE_WAIT_SECONDS = 2.0
_LAST_WORD_SECONDS = 0.5

# RFC 6455 7.4.1: never on the wire; they say that there was no code, or no close frame.
_NO_CODE = (0, 1005)
_NO_CLOSE_FRAME = (1006, 1015)

_CLOSE_CODES = {Ending.JOB_ENDED: 1001, Ending.NOT_ALLOWED: 1008, Ending.CANNOT_TELL: 1013}


class SocketCarrier:
    """Carries one WebSocket from its handshake to its end."""

    def __init__(
        self,
        target: Target,
        user_id: int,
        ways: OpenWays,
        settings: PassthroughSettings,
        receive: Receive,
        send: Send,
    ) -> None:
        self._target = target
        self._user_id = user_id
        self._ways = ways
        self._settings = settings
        self._receive = receive
        self._send = send
        self._task: asyncio.Task[object] | None = None
        self._ending: Ending | None = None
        self._browser_left = False

    async def carry(
        self,
        session: aiohttp.ClientSession,
        url: URL,
        headers: aiohttp.typedefs.LooseHeaders,
        protocols: list[str],
    ) -> None:
        """Open the application's side, then the browser's, and carry until either closes.

        Raises `ApplicationUnreachable` where the handshake had no answer. A refusal by the application is passed on.
        """
        try:
            async with asyncio.timeout(self._settings.socket_handshake_timeout_seconds):
                upstream = await session.ws_connect(
                    url,
                    headers=headers,
                    protocols=protocols,
                    compress=0,
                    max_msg_size=self._settings.socket_message_bytes,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_WAIT_SECONDS),
                )
        except aiohttp.WSServerHandshakeError as problem:
            await self._pass_refusal(problem)
            return
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            raise ApplicationUnreachable(explain(problem)) from problem
        try:
            await self._send({"type": "websocket.accept", "subprotocol": upstream.protocol})
            await self._carry_until_closed(upstream)
        finally:
            await _close(upstream, 1001)

    async def _carry_until_closed(self, upstream: aiohttp.ClientWebSocketResponse) -> None:
        task = self._task = asyncio.current_task()
        assert task is not None
        self._ways.add(self._target.job_id, self._user_id, self._end)
        from_browser = asyncio.create_task(self._carry_up(upstream))
        try:
            await self._carry_down(upstream)
            if self._browser_left:
                await from_browser
        except asyncio.CancelledError:
            if self._ending is None:
                raise
            task.uncancel()
            from_browser.cancel()
            await self._say_ending(self._ending)
        finally:
            self._ways.remove(self._target.job_id, self._user_id, self._end)
            from_browser.cancel()

    async def _carry_down(self, upstream: aiohttp.ClientWebSocketResponse) -> None:
        """Carry the application's messages to the browser until one of them has closed."""
        try:
            while True:
                message = await upstream.receive()
                if message.type is aiohttp.WSMsgType.TEXT:
                    await self._send({"type": "websocket.send", "text": message.data})
                elif message.type is aiohttp.WSMsgType.BINARY:
                    await self._send({"type": "websocket.send", "bytes": message.data})
                elif message.type is aiohttp.WSMsgType.CLOSE:
                    await self._send(_closing(message.data, message.extra))
                    return
                elif message.type is aiohttp.WSMsgType.ERROR:
                    code = getattr(message.data, "code", None)
                    await self._send(_closing(code or 1011, "What the application sent could not be read."))
                    return
                else:
                    # Lost without a close frame, which the browser is to see as it was (1006); or closed by
                    # `_carry_up`, and then the browser has gone.
                    return
        except OSError:
            return  # the browser has gone

    async def _carry_up(self, upstream: aiohttp.ClientWebSocketResponse) -> None:
        """Carry the browser's messages to the application; its closing, too."""
        try:
            while True:
                message = await self._receive()
                if message["type"] == "websocket.receive":
                    if (content := message.get("text")) is not None:
                        await upstream.send_str(content)
                    else:
                        await upstream.send_bytes(message["bytes"])
                elif message["type"] == "websocket.disconnect":
                    self._browser_left = True
                    code = message.get("code", 1005)
                    sendable = 1000 if code in _NO_CODE else 1001 if code in _NO_CLOSE_FRAME else code
                    await _close(upstream, sendable, message.get("reason") or "")
                    return
        except (aiohttp.ClientError, OSError):
            return  # the application has gone; `_carry_down` sees it, too

    async def _pass_refusal(self, problem: aiohttp.WSServerHandshakeError) -> None:
        # A 2xx is no refusal of a handshake but an application that knows no WebSockets there.
        status = problem.status if 300 <= problem.status <= 599 else 502
        await send_answer(
            self._send, Answer(status, b"The application refused this WebSocket.\n"), is_socket=True
        )

    async def _say_ending(self, ending: Ending) -> None:
        try:
            async with asyncio.timeout(_LAST_WORD_SECONDS):
                await self._send(_closing(_CLOSE_CODES[ending], ending.value))
        except (OSError, TimeoutError):
            return  # it has gone, or reads nothing; the server cuts the connection

    def _end(self, ending: Ending) -> None:
        self._ending = ending
        if self._task is not None:
            self._task.cancel()


async def _close(upstream: aiohttp.ClientWebSocketResponse, code: int, reason: str = "") -> None:
    """Close the application's side. aiohttp alone would wait for as long as it goes on sending."""
    try:
        async with asyncio.timeout(_CLOSE_WAIT_SECONDS):
            await upstream.close(code=code, message=reason.encode())
    except TimeoutError:
        return  # the connection has been cut


def _closing(code: int, reason: str | None) -> Message:
    sendable = 1000 if code in _NO_CODE else 1011 if code in _NO_CLOSE_FRAME else code
    return {"type": "websocket.close", "code": sendable, "reason": reason or ""}

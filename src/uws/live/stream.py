"""What every socket of this face does: wait for events, look again whether it may go on, notice the other side."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from starlette.websockets import WebSocket, WebSocketDisconnect

from uws.events.log import LogEntry
from uws.events.tail import Overflow, Subscription

RECHECK_SECONDS = 5.0
UNAUTHENTICATED = 4401
"""Close code for a socket whose right is missing or has ended (4000-4999 are the application's, RFC 6455 §7.4.2)."""
NOT_FOUND = 4404
TOO_SLOW = 4408


async def follow(
    socket: WebSocket,
    subscription: Subscription,
    on_events: Callable[[Sequence[LogEntry]], Awaitable[None]],
    still_allowed: Callable[[], Awaitable[bool]],
) -> None:
    """Call `on_events` for each batch until the other side leaves or its right ends.

    The right is read again every `RECHECK_SECONDS`. What the other side sends is read and ignored.
    """
    reader = asyncio.create_task(_read_until_closed(socket))
    events = asyncio.create_task(subscription.get_batch())
    clock = asyncio.get_running_loop().time
    due = clock() + RECHECK_SECONDS
    try:
        while True:
            done, _ = await asyncio.wait(
                (reader, events), timeout=max(0.0, due - clock()), return_when=asyncio.FIRST_COMPLETED
            )
            if reader in done:
                return
            if clock() >= due:  # also where events never leave a pause
                if not await still_allowed():
                    await close(socket, UNAUTHENTICATED, "the right to this stream has ended")
                    return
                due = clock() + RECHECK_SECONDS
            if events in done:
                try:
                    batch = events.result()
                except Overflow:
                    await close(socket, TOO_SLOW, "too slow: connect again and start from the snapshot")
                    return
                await on_events(batch)
                events = asyncio.create_task(subscription.get_batch())
    except WebSocketDisconnect:
        return
    finally:
        for task in (reader, events):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task


async def _read_until_closed(socket: WebSocket) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return


async def close(socket: WebSocket, code: int, reason: str) -> None:
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await socket.close(code, reason)

"""One tail of the event log for a whole process, whoever listens."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from uws.events.log import LogEntry, last_position, read_after

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
BACKOFF_SECONDS = 2.0
QUEUE_LENGTH = 1000


class Database(Protocol):
    """`uws.background.threads.DatabaseThreads`, as this part needs it."""

    async def __call__(self, function: Callable[..., object], /, *args: object) -> object: ...


class Overflow(Exception):
    """A listener was too slow for its queue and has missed events; it should start again from the row."""


class Subscription:
    """One listener's queue. `await get()` returns the next matching event."""

    def __init__(self, wants: Callable[[LogEntry], bool]) -> None:
        self.wants = wants
        self._queue: asyncio.Queue[LogEntry | None] = asyncio.Queue(QUEUE_LENGTH)
        self._overflowed = False

    def offer(self, entry: LogEntry) -> None:
        try:
            self._queue.put_nowait(entry)
        except asyncio.QueueFull:
            self._overflowed = True

    async def get(self) -> LogEntry:
        """Return the next event. Raises `Overflow` where some were missed."""
        if self._overflowed:
            raise Overflow
        entry = await self._queue.get()
        if entry is None:
            raise Overflow
        return entry

    async def get_batch(self) -> Sequence[LogEntry]:
        """Wait for an event and return it with all that came along."""
        batch = [await self.get()]
        while not self._queue.empty():
            batch.append(await self.get())
        return batch


class EventTail:
    """Reads the log a few times a second while somebody listens, and not at all while nobody does."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._subscriptions: set[Subscription] = set()
        self._task: asyncio.Task[None] | None = None
        self._started = asyncio.Event()

    @asynccontextmanager
    async def subscribe(self, wants: Callable[[LogEntry], bool]) -> AsyncIterator[Subscription]:
        """Listen from now on: whatever is committed after this has been entered will arrive."""
        subscription = Subscription(wants)
        self._subscriptions.add(subscription)
        try:
            if self._task is None:
                self._started.clear()
                self._task = asyncio.create_task(self._run(), name="event tail")
            await self._started.wait()
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            if not self._subscriptions and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _run(self) -> None:
        position: int | None = None
        while True:
            try:
                if position is None:
                    position = _as_int(await self._database(last_position))
                    self._started.set()
                else:
                    position = await self._step(position)
            except asyncio.CancelledError:
                raise
            except Exception:
                logger.exception("the event log could not be read; trying again")
                await asyncio.sleep(BACKOFF_SECONDS)
            await asyncio.sleep(POLL_SECONDS)

    async def _step(self, position: int) -> int:
        entries = await self._database(read_after, position)
        assert isinstance(entries, list)
        for entry in entries:
            for subscription in self._subscriptions:
                if subscription.wants(entry):
                    subscription.offer(entry)
            position = entry.position
        return position

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None


def _as_int(value: object) -> int:
    assert isinstance(value, int)
    return value

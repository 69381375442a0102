"""May this user open this job, now and still?

`Gate` answers for a request, from memory for a second at most. `OpenWays` holds what stays open (sockets, streams,
long requests) and reads the rights behind it again every second: its cost is what is open, and nothing when
nothing is.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from enum import Enum

from uws.passthrough.directory import JobDirectory, RunsInDatabaseThread, Target

log = logging.getLogger(__name__)

Pair = tuple[int, int]
"""A job's id and a user's."""

_KEPT_VERDICTS = 10_000
_OUTAGE_SECONDS = 60.0


def read_verdict(directory: JobDirectory, job_id: int, user_id: int) -> Target | None:
    """Return the job where this user may open it, else None: unknown and forbidden look alike from here on."""
    target = directory.target(job_id)
    if target is None or not directory.may_open(job_id, user_id):
        return None
    return target


def _read_verdicts(directory: JobDirectory, pairs: list[Pair]) -> list[Target | None]:
    return [read_verdict(directory, job_id, user_id) for job_id, user_id in pairs]


class Gate:
    """Verdicts, kept for `kept_seconds` from the moment they were asked for."""

    def __init__(self, directory: JobDirectory, database: RunsInDatabaseThread, kept_seconds: float) -> None:
        self._directory = directory
        self._database = database
        self._kept_seconds = kept_seconds
        self._kept: dict[Pair, tuple[float, asyncio.Task[Target | None]]] = {}

    async def look(self, job_id: int, user_id: int) -> Target | None:
        """Return the job where this user may open it now, else None.

        Raises whatever the database raises when it cannot be asked; a failure is not kept.
        """
        pair = (job_id, user_id)
        now = time.monotonic()
        kept = self._kept.get(pair)
        if kept is None or now >= kept[0] or (kept[1].done() and _failed(kept[1])):
            if len(self._kept) >= _KEPT_VERDICTS:
                self._kept.clear()
            # One question for all who ask at once; it outlives a caller who leaves.
            task = asyncio.ensure_future(self._database(read_verdict, self._directory, job_id, user_id))
            kept = self._kept[pair] = (now + self._kept_seconds, task)
        task = kept[1]
        if task.done():
            return task.result()
        return await asyncio.shield(task)

    def forget(self, job_id: int) -> None:
        """Ask again for this job: something about it has changed."""
        for pair in [pair for pair in self._kept if pair[0] == job_id]:
            del self._kept[pair]


def _failed(task: asyncio.Task[Target | None]) -> bool:
    return task.cancelled() or task.exception() is not None


class Ending(Enum):
    """Why something open is closed from our side."""

    JOB_ENDED = "The job has ended."
    NOT_ALLOWED = "You no longer have access to this job."
    CANNOT_TELL = "Access to this job could not be checked for a while."


EndWay = Callable[[Ending], None]


class OpenWays:
    """What is open now, by job and user."""

    def __init__(
        self, directory: JobDirectory, database: RunsInDatabaseThread, recheck_seconds: float
    ) -> None:
        self._directory = directory
        self._database = database
        self._recheck_seconds = recheck_seconds
        self._open: dict[Pair, set[EndWay]] = {}
        self._something_open = asyncio.Event()
        self._check_now = asyncio.Event()
        self._failing_since: float | None = None

    def __len__(self) -> int:
        return sum(len(ways) for ways in self._open.values())

    def add(self, job_id: int, user_id: int, end: EndWay) -> None:
        """Hold an open way. `end` is called once when it must close; it must not block."""
        self._open.setdefault((job_id, user_id), set()).add(end)
        self._something_open.set()

    def remove(self, job_id: int, user_id: int, end: EndWay) -> None:
        """Let go of a way that was closed, or was never added."""
        ways = self._open.get((job_id, user_id))
        if ways is None:
            return
        ways.discard(end)
        if not ways:
            del self._open[job_id, user_id]
            if not self._open:
                self._something_open.clear()

    def hasten(self, job_id: int) -> None:
        """Check at once where something of this job is open."""
        if any(pair[0] == job_id for pair in self._open):
            self._check_now.set()

    async def watch(self) -> None:
        """Check what is open for as long as the process runs."""
        while True:
            await self._something_open.wait()
            try:
                async with asyncio.timeout(self._recheck_seconds):
                    await self._check_now.wait()
            except TimeoutError:
                pass
            self._check_now.clear()
            await self.check()

    async def check(self) -> None:
        """Read the rights behind everything open, and end what has lost them."""
        pairs = list(self._open)
        try:
            verdicts = await self._database(_read_verdicts, self._directory, pairs)
        except Exception:
            # The database being away says nothing about anybody's rights: wait, but not for ever.
            now = time.monotonic()
            if self._failing_since is None:
                self._failing_since = now
                log.exception(
                    "Cannot read the rights behind %d open ways to jobs; they stay open for now", len(self)
                )
            elif now - self._failing_since > _OUTAGE_SECONDS:
                for pair in pairs:
                    self._end(pair, Ending.CANNOT_TELL)
            return
        self._failing_since = None
        for pair, target in zip(pairs, verdicts, strict=True):
            if target is None:
                self._end(pair, Ending.NOT_ALLOWED)
            elif not target.is_open:
                self._end(pair, Ending.JOB_ENDED)

    def _end(self, pair: Pair, ending: Ending) -> None:
        for end in list(self._open.get(pair, ())):
            end(ending)

"""Background work: the queue wakes, the row is the truth.

`enqueue` writes into the caller's own transaction (Django-Q's ORM broker), so work is never queued for a change that
was rolled back, and never forgotten for one that was committed. A task may run twice, at once, or long after it
was queued: each begins by claiming its row (`uws.background.leases`) and leaves quietly where another has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

QueueName = Literal["short", "long"]
TASK_FUNCTION = "uws.background.queue.run"
"""The only function that is ever named in the queue; what it runs is looked up in the registry."""


@dataclass(frozen=True)
class TaskEntry:
    name: str
    function: Callable[..., object]
    queue: QueueName


class TaskRegistry:
    """The background tasks of this installation, filled while the `Site` is built."""

    def __init__(self) -> None:
        self._entries: dict[str, TaskEntry] = {}

    def register(self, name: str, function: Callable[..., object], *, queue: QueueName = "short") -> None:
        if name in self._entries:
            raise ValueError(f"the task {name!r} is registered twice")
        self._entries[name] = TaskEntry(name, function, queue)

    def __iter__(self) -> Iterator[TaskEntry]:
        return iter(self._entries.values())

    def enqueue(self, name: str, *args: int | str) -> None:
        """Queue a task within the caller's transaction. Arguments are ids: the row is read when it runs."""
        from django_q.tasks import async_task  # reads Django's settings at import

        async_task(TASK_FUNCTION, name, *args, cluster=self._entries[name].queue)

    def run(self, name: str, *args: int | str) -> None:
        """Run a task here and now. Raises KeyError for a name that this installation does not know."""
        self._entries[name].function(*args)


_installed: TaskRegistry | None = None


def install(registry: TaskRegistry) -> None:
    """Give the worker process its tasks; called once, before Django-Q forks its own processes."""
    global _installed
    _installed = registry


def run(name: str, *args: int | str) -> None:
    """What Django-Q calls, by its dotted name, in a worker process."""
    if _installed is None:
        raise RuntimeError("this worker process has no tasks: install() was not called before it was started")
    _installed.run(name, *args)

"""The worker role: Django-Q's worker, fed straight from its broker, in one process.

Django-Q's own cluster is five processes for one worker (parent, sentinel, pusher, monitor, worker), two of which wake
twice a second. Here the supervisor is the sentinel, and `worker()` runs in the main thread: where it takes a task from
its queue, the queue asks the broker (the pusher's part); where it puts a result, the result is saved and the task
acknowledged (the monitor's part). No task is fetched ahead, so a death costs one task at most. Django-Q's schedules
are not used.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import threading
from collections.abc import Mapping
from typing import Any

from django.db import Error as DatabaseFailure
from django.db import connection, connections
from django_q.brokers import Broker, get_broker
from django_q.conf import Conf
from django_q.monitor import save_task
from django_q.signing import BadSignature, SignedPackage
from django_q.worker import worker

from uws.background.queue import QueueName, TaskRegistry, install

logger = logging.getLogger(__name__)

SQLITE_LOOK_SECONDS = 0.5
QUERY_SECONDS = 1.0
FULL_LOOK_SECONDS = 5.0
FAILURE_PAUSE_SECONDS = 2.0
STOP = "STOP"
"""What `django_q.worker.worker` takes as the end of its queue."""


def run_worker(tasks: TaskRegistry, queue: QueueName) -> None:
    """Run the tasks of one queue until SIGTERM; a task that has begun is finished first."""
    install(tasks)
    Conf.POLL = 0  # the broker sleeps this long where it found nothing; `TaskFeed` does that better
    broker = get_broker(queue)
    with _StopSignal() as stop:
        feed = TaskFeed(broker, stop)
        while not stop.is_set():
            worker(feed, ResultSink(broker), _Timer(), None)  # returns at STOP, and after Conf.RECYCLE tasks
    connections.close_all()


class _StopSignal:
    """SIGTERM as something to wait for: `sleep` returns early when it arrives."""

    def __init__(self) -> None:
        self._stopped = False
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def __enter__(self) -> _StopSignal:
        self._previous = signal.signal(signal.SIGTERM, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        signal.signal(signal.SIGTERM, self._previous)
        os.close(self._read)
        os.close(self._write)

    def _handle(self, number: int, frame: object) -> None:
        self._stopped = True
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b".")

    def is_set(self) -> bool:
        return self._stopped

    def sleep(self, seconds: float) -> None:
        select.select([self._read], [], [], seconds)


class TaskFeed:
    """Stands where Django-Q's worker has its task queue: `get()` waits for a task, or says `STOP`."""

    def __init__(self, broker: Broker, stop: _StopSignal) -> None:
        self._broker = broker
        self._stop = stop
        self._seen = (0, 0)

    def get(self) -> dict[str, Any] | str:
        while not self._stop.is_set():
            try:
                task = self._take()
                if task is not None:
                    return task
                self._wait_for_change()
            except DatabaseFailure:
                logger.exception("the queue %r could not be read; trying again", self._broker.list_key)
                connections.close_all()
                self._stop.sleep(FAILURE_PAUSE_SECONDS)
        return STOP

    def _take(self) -> dict[str, Any] | None:
        """Lock and return the next task (`bulk` is 1), as Django-Q's pusher does; None where there is none."""
        for acknowledge_id, package in self._broker.dequeue() or ():
            try:
                task: dict[str, Any] = SignedPackage.loads(package)
            except (TypeError, BadSignature):
                logger.exception(
                    "a task in the queue %r was not signed by this server", self._broker.list_key
                )
                self._broker.fail(acknowledge_id)
                continue
            return {**task, "cluster": self._broker.list_key, "ack_id": acknowledge_id}
        return None

    def _wait_for_change(self) -> None:
        """Sleep until there may be a task.

        On SQLite `PRAGMA data_version` tells for a few microseconds whether any other connection has written
        (https://sqlite.org/pragma.html#pragma_data_version): two looks a second cost less than half a query.
        """
        if connection.vendor != "sqlite":
            self._stop.sleep(QUERY_SECONDS)
            return
        connection.ensure_connection()
        with connection.wrap_database_errors:
            self._wait_for_sqlite(connection.connection)

    def _wait_for_sqlite(self, database: Any) -> None:
        seen = (id(database), _data_version(database))
        if self._seen != seen:
            # Something may have been written after the queue was found empty: look again before sleeping.
            self._seen = seen
            return
        for _ in range(round(FULL_LOOK_SECONDS / SQLITE_LOOK_SECONDS)):
            self._stop.sleep(SQLITE_LOOK_SECONDS)
            if self._stop.is_set() or _data_version(database) != seen[1]:
                return


def _data_version(database: Any) -> int:
    version: int = database.execute("PRAGMA data_version").fetchone()[0]
    return version


class ResultSink:
    """Stands where Django-Q's worker has its result queue: `put()` saves the result and acknowledges the task."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def put(self, task: Mapping[str, Any]) -> None:
        save_task(dict(task), self._broker)
        if task["success"] or task.get("ack_failure", False):
            self._broker.acknowledge(task["ack_id"])
        if not task["success"]:
            logger.error("the task %s%r failed: %s", task["func"], task["args"], task["result"])


class _Timer:
    """Stands where Django-Q's sentinel watches a worker's time limit; tasks here have leases instead."""

    value = -1.0

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def get_lock(self) -> threading.Lock:
        return self._lock

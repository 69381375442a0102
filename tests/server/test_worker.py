from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator

import pytest
from django.db import connections, transaction
from django_q.models import OrmQ, Task
from tests.conftest import wait_until

from uws.background.queue import TaskRegistry
from uws.server.worker import run_worker

pytestmark = pytest.mark.django_db(transaction=True)


def end_worker(*ignored: int | str) -> None:
    """A task that asks its own worker to end, as a supervisor would: while a task runs."""
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def done() -> list[object]:
    return []


@pytest.fixture
def tasks(done: list[object]) -> Iterator[TaskRegistry]:
    registry = TaskRegistry()
    registry.register("test.note", done.append)
    registry.register("test.note_long", done.append, queue="long")
    registry.register("test.end", end_worker)
    registry.register("test.fail", fail)
    yield registry
    connections.close_all()


def fail(number: int) -> None:
    raise RuntimeError(f"task {number} fails, as a test wants it")


def test_tasks_are_done_in_order_and_leave_the_queue(tasks: TaskRegistry, done: list[object]) -> None:
    for number in (1, 2, 3):
        tasks.enqueue("test.note", number)
    tasks.enqueue("test.end")
    run_worker(tasks, "short")
    assert done == [1, 2, 3]
    assert not OrmQ.objects.exists()
    assert Task.objects.filter(success=True).count() == 4


def test_a_worker_leaves_the_other_queue_alone(tasks: TaskRegistry, done: list[object]) -> None:
    tasks.enqueue("test.note_long", 1)
    tasks.enqueue("test.end")
    run_worker(tasks, "short")
    assert done == []
    assert [row.key for row in OrmQ.objects.all()] == ["long"]


def test_a_task_that_fails_is_logged_and_does_not_come_again(
    tasks: TaskRegistry, done: list[object], caplog: pytest.LogCaptureFixture
) -> None:
    tasks.enqueue("test.fail", 7)
    tasks.enqueue("test.note", 8)
    tasks.enqueue("test.end")
    with caplog.at_level(logging.ERROR, "uws.server.worker"):
        run_worker(tasks, "short")
    assert done == [8]
    assert "task 7 fails, as a test wants it" in caplog.text
    assert not OrmQ.objects.exists()


def test_a_task_of_a_transaction_that_was_rolled_back_is_never_done(
    tasks: TaskRegistry, done: list[object]
) -> None:
    def change_and_fail() -> None:
        with transaction.atomic():
            tasks.enqueue("test.note", 1)
            raise RuntimeError("undone")

    with pytest.raises(RuntimeError, match="undone"):
        change_and_fail()
    tasks.enqueue("test.end")
    run_worker(tasks, "short")
    assert done == []


def test_a_package_that_this_server_did_not_sign_is_dropped(tasks: TaskRegistry, done: list[object]) -> None:
    tasks.enqueue("test.note", 1)
    OrmQ.objects.update(payload="forged:payload:signature")
    tasks.enqueue("test.end")
    run_worker(tasks, "short")
    assert done == []
    assert not OrmQ.objects.exists()


def test_an_idle_worker_takes_up_a_new_task_soon_and_ends_at_sigterm(
    tasks: TaskRegistry, done: list[object]
) -> None:
    began = threading.Event()

    def enqueue_later() -> None:
        try:
            assert began.wait(5)
            tasks.enqueue("test.note", 1)
            wait_until(lambda: done == [1], 4)  # below FULL_LOOK_SECONDS: the change was seen
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            connections.close_all()

    tasks.register("test.began", began.set)
    tasks.enqueue("test.began")
    thread = threading.Thread(target=enqueue_later)
    thread.start()
    run_worker(tasks, "short")
    thread.join()
    assert done == [1]

"""The event log loses nothing and repeats nothing for a reader who goes on from its last position."""

from __future__ import annotations

import random
import threading
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from uws.events import log
from uws.events.models import Event

WRITERS, EVENTS_EACH = 8, 25


class RolledBack(Exception):
    pass


def append(subject: str = "jobs/1") -> None:
    log.append("job.running", subject, owner_id=1, actor="test", payload={"n": 1})


@pytest.mark.django_db
def test_an_event_has_no_position_until_somebody_reads() -> None:
    append()
    assert Event.objects.get().position is None
    assert [entry.position for entry in log.read_after(0)] == [1]


@pytest.mark.django_db
def test_positions_go_on_after_the_log_was_pruned() -> None:
    for _ in range(3):
        append()
    assert log.last_position() == 3
    Event.objects.update(time=timezone.now() - timedelta(days=400))
    assert log.prune(timedelta(days=365)) == 2
    append()
    assert log.last_position() == 4


@pytest.mark.django_db
def test_history_tells_one_subject_oldest_first() -> None:
    append("jobs/1")
    append("jobs/2")
    append("jobs/1")
    assert [entry.position for entry in log.history("jobs/1")] == [1, 3]


@pytest.mark.django_db(transaction=True)
def test_a_reader_sees_each_committed_event_once_under_eight_writers_and_rollbacks() -> None:
    def write(writer: int) -> None:
        chance = random.Random(writer)
        try:
            for number in range(EVENTS_EACH):
                try:
                    with transaction.atomic():
                        append(f"jobs/{writer}-{number}")
                        # An open transaction for a moment: what makes the order of ids a lie.
                        threading.Event().wait(chance.random() * 0.01)
                        if chance.random() < 0.2:
                            raise RolledBack
                except RolledBack:
                    continue
        finally:
            connections.close_all()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    seen: list[str] = []
    position = 0
    while True:
        finished = not any(writer.is_alive() for writer in writers)
        entries = log.read_after(position)
        for entry in entries:
            assert entry.position == position + 1
            position = entry.position
            seen.append(entry.subject)
        if finished and not entries:
            break
    assert sorted(seen) == sorted(Event.objects.values_list("subject", flat=True))
    assert len(set(seen)) == len(seen)


@pytest.mark.django_db(transaction=True)
def test_reading_by_id_would_lose_the_event_of_a_longer_transaction() -> None:
    """Why positions exist: on PostgreSQL, an event with a smaller id becomes visible after a larger one."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time, so that ids and commits agree")
    wrote, may_commit = threading.Event(), threading.Event()

    def long_transaction() -> None:
        try:
            with transaction.atomic():
                append("jobs/long")
                wrote.set()
                may_commit.wait(10)
        finally:
            connections.close_all()

    thread = threading.Thread(target=long_transaction)
    thread.start()
    assert wrote.wait(10)
    append("jobs/short")
    first = log.read_after(0)
    last_id = max(Event.objects.values_list("id", flat=True))
    may_commit.set()
    thread.join()
    assert [entry.subject for entry in first] == ["jobs/short"]
    assert not Event.objects.filter(id__gt=last_id).exists()
    assert [entry.subject for entry in log.read_after(first[-1].position)] == ["jobs/long"]

"""Writing and reading the event log.

Writers append rows with no position, inside the transaction of what happened. A reader who tails the log first gives
new rows their positions, one numbering at a time, and then reads on from the last position that it has seen. Reading
by `id` instead would lose events: a transaction that began earlier may become visible later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from uws.events.kinds import KINDS
from uws.events.models import Event

NUMBERING_LOCK = 0x757773_6C6F67
"""The key of PostgreSQL's advisory lock for numbering; any constant that nothing else here uses."""

_NUMBER_SQL = """
UPDATE events_event SET position = fresh.place FROM (
    SELECT id, (SELECT COALESCE(MAX(position), 0) FROM events_event) + ROW_NUMBER() OVER (ORDER BY id) AS place
    FROM events_event WHERE position IS NULL
) AS fresh WHERE events_event.id = fresh.id
"""


@dataclass(frozen=True)
class LogEntry:
    """One numbered event, as readers see it."""

    position: int
    time: datetime
    kind: str
    subject: str
    owner_id: int | None
    actor: str
    payload: Mapping[str, object]


def append(
    kind: str, subject: str, *, owner_id: int | None, actor: str, payload: Mapping[str, object] | None = None
) -> None:
    """Write an event within the caller's transaction. `subject` is like `jobs/12`, `kind` like `job.running`.

    `payload` is small and holds names by value; never a secret. Raises ValueError for a kind that is not in
    `uws.events.kinds.KINDS`: readers rely on the table being complete.
    """
    if kind not in KINDS:
        raise ValueError(f"there is no event kind {kind!r}; add it to uws.events.kinds with its sentence")
    Event.objects.create(
        kind=kind, subject=subject, owner_id=owner_id, actor=actor[:150], payload=dict(payload or {})
    )


def number_new() -> None:
    """Give committed events without a position theirs, unless another process is doing so."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM events_event WHERE position IS NULL LIMIT 1")
        if cursor.fetchone() is None:
            return
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # A statement of its own: the numbering's snapshot must be taken after the lock is held.
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [NUMBERING_LOCK])
            if not cursor.fetchone()[0]:
                return
        cursor.execute(_NUMBER_SQL)


def read_after(position: int, limit: int = 500) -> Sequence[LogEntry]:
    """Number what is new and return the events after `position`, in order, at most `limit`."""
    number_new()
    rows = Event.objects.filter(position__gt=position).order_by("position")[:limit]
    return [
        LogEntry(row.position or 0, row.time, row.kind, row.subject, row.owner_id, row.actor, row.payload)
        for row in rows
    ]


def last_position() -> int:
    """Number what is new and return the newest position, 0 in an empty log."""
    number_new()
    newest = (
        Event.objects.filter(position__isnull=False).order_by("-position").values_list("position", flat=True)
    )
    return newest.first() or 0


def version_of(owner_id: int) -> str:
    """Return a text that changes with every event of one owner: cheap, from indexes, whatever the log's length.

    Read it *before* the rows that it stands for: they may then be newer than it says, never older.
    """
    found = _owner_state(owner_id)
    if found[2]:
        number_new()
        found = _owner_state(owner_id)
    # Where another process is numbering just now, what waits for its position counts by itself.
    return ".".join(str(part) for part in found[:2])


_OWNER_STATE_SQL = """
SELECT (SELECT MAX(position) FROM events_event WHERE owner_id = %s),
       (SELECT COUNT(*) FROM events_event WHERE position IS NULL AND owner_id = %s),
       (SELECT 1 FROM events_event WHERE position IS NULL LIMIT 1)
"""


def _owner_state(owner_id: int) -> tuple[int, int, bool]:
    with connection.cursor() as cursor:
        cursor.execute(_OWNER_STATE_SQL, [owner_id, owner_id])
        newest, waiting, is_any_new = cursor.fetchone()
    return newest or 0, waiting, is_any_new is not None


def history(subject: str, limit: int = 200) -> Sequence[LogEntry]:
    """Return the newest events of one subject, oldest first."""
    number_new()
    rows = Event.objects.filter(subject=subject, position__isnull=False).order_by("-position")[:limit]
    return [
        LogEntry(row.position or 0, row.time, row.kind, row.subject, row.owner_id, row.actor, row.payload)
        for row in reversed(rows)
    ]


def prune(keep: timedelta) -> int:
    """Delete events older than `keep`; the newest one stays, since positions go on from it."""
    last = last_position()
    deleted, _ = Event.objects.filter(time__lt=timezone.now() - keep, position__lt=last).delete()
    return deleted

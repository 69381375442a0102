"""Leases: who works on a row right now, so that nothing is done twice at once and nothing waits for the dead.

A lease is a holder's name and a time on the row itself, taken by compare-and-set. It is free where it has run out, or
at once where its holder was a process of this host that is gone.
"""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

M = TypeVar("M", bound=Model)


@cache
def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]


def _start_time_ticks(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat (proc(5)); None where the process is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def holder_name() -> str:
    """Name this process so that others on this host can tell whether it still lives."""
    pid = os.getpid()
    return f"{socket.gethostname()[:24]}/{_boot_id()}/{pid}/{_start_time_ticks(pid)}"


def holder_is_gone(holder: str) -> bool:
    """True where the holder was a process of this host that is certainly no more; False where unsure."""
    host, _, rest = holder.partition("/")
    boot, _, process = rest.partition("/")
    pid, _, start = process.partition("/")
    if host != socket.gethostname()[:24] or not pid.isdigit():
        return False
    return boot != _boot_id() or str(_start_time_ticks(int(pid))) != start


def claim(rows: QuerySet[M], pk: int, seconds: float) -> bool:
    """Take the lease on row `pk` of `rows` (a filter that must still hold), for `seconds`.

    True where it was taken. A lease that this process holds already is renewed.
    """
    me, now = holder_name(), timezone.now()
    until = now + timedelta(seconds=seconds)
    mine = rows.filter(pk=pk)
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now) | Q(lease_holder=me)
    if mine.filter(free).update(lease_holder=me, lease_until=until):
        return True
    holder = mine.values_list("lease_holder", flat=True).first()
    if holder and holder_is_gone(holder):
        return bool(mine.filter(lease_holder=holder).update(lease_holder=me, lease_until=until))
    return False


def release(rows: QuerySet[M], pk: int) -> None:
    """Give the lease on row `pk` back, if this process still has it."""
    rows.filter(pk=pk, lease_holder=holder_name()).update(lease_holder="", lease_until=None)


def is_held(holder: str, until: datetime | None) -> bool:
    """True where somebody (perhaps) alive holds a lease with these two values."""
    return bool(until and until > timezone.now() and holder and not holder_is_gone(holder))

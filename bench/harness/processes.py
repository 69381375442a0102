"""What processes are there, and what they cost, from /proc (proc(5))."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
LOOK_SECONDS = 0.05


class NeverCameTrue(Exception):
    """What was waited for did not happen in time."""


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Wait for a condition. Raises `NeverCameTrue` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise NeverCameTrue(f"{what}: not within {seconds:.0f} s")
        time.sleep(LOOK_SECONDS)


@dataclass(frozen=True)
class Cost:
    """What some processes used: CPU time so far, and their proportional memory now."""

    process_count: int
    cpu_seconds: float
    proportional_bytes: int


def tree(root_pid: int) -> set[int]:
    """Return a process and its live descendants, without the shepherds, which are on their way out of it."""
    parents = {pid: int(fields[1]) for pid, fields in _all()}
    found = {root_pid}
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= more
    return {pid for pid in found if b"--key" not in command_line(pid)}


def shepherds(data_dir: Path) -> set[int]:
    """Return the live shepherds of the jobs below a data directory."""
    inside = os.fsencode(f"{data_dir}/")
    found = set()
    for pid, fields in _all():
        words = command_line(pid)
        if b"--key" in words and words[-1].startswith(inside) and fields[0] not in "ZX":
            found.add(pid)
    return found


def cost(pids: Iterable[int]) -> Cost:
    """Add up what these processes used, with the children that they waited for. Those that ended count nothing."""
    count, ticks, memory = 0, 0, 0
    for pid in pids:
        fields = _stat(pid)
        if fields is None:
            continue
        count += 1
        ticks += sum(int(field) for field in fields[11:15])  # utime, stime, cutime, cstime
        memory += _proportional_bytes(pid)
    return Cost(count, ticks / TICKS_PER_SECOND, memory)


def end(pids: Iterable[int], patience_seconds: float = 15.0) -> None:
    """End processes: asked first, then killed. A process that has its number by now is left alone."""
    held = []
    for pid in pids:
        try:
            held.append(os.pidfd_open(pid))
        except ProcessLookupError:
            continue
    for number in (signal.SIGTERM, signal.SIGKILL):
        for descriptor in held:
            if not _is_over(descriptor):
                signal.pidfd_send_signal(descriptor, number)
        deadline = time.monotonic() + patience_seconds
        while not all(_is_over(descriptor) for descriptor in held) and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
    for descriptor in held:
        os.close(descriptor)


def _is_over(descriptor: int) -> bool:
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(0))


def command_line(pid: int) -> list[bytes]:
    """Return the words a process was started with; none where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return []


def _all() -> Iterable[tuple[int, list[str]]]:
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := _stat(int(name))) is not None:
            yield int(name), fields


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat from the state on."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return None


def _proportional_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))

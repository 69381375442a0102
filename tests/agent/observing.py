"""What the tests look at, from outside of the agent."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path


def wait_for(condition: Callable[[], object], what: str, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(b")")[2].split()[0] not in b"ZX"


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def everything(directory: Path) -> list[str]:
    """Every name in a tree, hidden ones too."""
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))

"""A small supervisor for tests: `python supervised.py RUN_DIRECTORY KIND`; its roles sleep, crash or are deaf."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from uws.server import supervisor
from uws.server.logs import configure_logging
from uws.server.supervisor import Role, Supervisor


def sleeps() -> None:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    while True:
        time.sleep(60)


def finishes_slowly() -> None:
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stopping.append(number))
    while not stopping:
        time.sleep(0.02)
    time.sleep(0.3)
    print("finished what had begun", flush=True)


def is_deaf() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(60)


def crashes() -> None:
    raise RuntimeError("as a test wants it")


ROLES = {"sleeps": sleeps, "slow": finishes_slowly, "deaf": is_deaf, "crashes": crashes}

if __name__ == "__main__":
    configure_logging("serve")
    supervisor.FIRST_PAUSE_SECONDS = 0.05
    kinds = sys.argv[2].split(",")
    roles = [Role(f"{kind}-1", ROLES[kind]) for kind in kinds]
    sys.exit(Supervisor(roles, Path(sys.argv[1])).run())

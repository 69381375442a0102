"""A job's directory, its shepherd and what may be seen of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from uws.jobs import shepherd_record
from uws.jobs.shepherd_record import LaunchFile, ShepherdRecord, parse_record, render_launch, shepherd_command

KEY = "uws-3f2a-12-1"
SHEPHERD = Path(shepherd_record.__file__).with_name("shepherd.py")
PYTHON = os.path.realpath(sys.executable)


T = TypeVar("T")


def wait_until(what: str, look: Callable[[], T | None], seconds: float = 10.0) -> T:
    """Return the first true value of `look()`; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not so within {seconds} s")
        time.sleep(0.005)
    return found


def processes_with(mark: str) -> list[int]:
    """Return the live processes that have `mark` in their environment."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if mark.encode() in Path(f"/proc/{name}/environ").read_bytes():
                    found.append(int(name))
            except OSError:
                continue
    return found


class Job:
    """A job's directory with its shepherd, started by the test."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.mark = f"UWS_TEST_JOB={directory}"
        self.starters: list[subprocess.Popen[bytes]] = []

    def prepare(self, command: list[str], **fields: Any) -> None:
        launch = LaunchFile(
            launch_key=KEY,
            command=command,
            environment={
                "PATH": "/usr/bin:/bin",
                "UWS_TEST_JOB": str(self.directory),
                **fields.pop("environment", {}),
            },
            working_directory=str(self.directory),
            output=str(self.directory / "output.log"),
            cpu_count=1,
            stop_grace_seconds=2,
        )
        (self.directory / "launch.json").write_bytes(render_launch(replace(launch, **fields)))

    def start(self, **popen: Any) -> subprocess.Popen[bytes]:
        argv = shepherd_command(PYTHON, SHEPHERD, KEY, self.directory)
        starter = subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True, **popen)
        self.starters.append(starter)
        return starter

    def record(self) -> ShepherdRecord | None:
        try:
            data = (self.directory / "record.json").read_bytes()
        except FileNotFoundError:
            return None
        record = parse_record(data, KEY)
        assert record is not None, data
        return record

    def reaches(self, phase: str, seconds: float = 10.0) -> ShepherdRecord:
        def look() -> ShepherdRecord | None:
            record = self.record()
            return record if record is not None and record.phase == phase else None

        return wait_until(f"the job is {phase}", look, seconds)

    def ends(self, seconds: float = 15.0) -> ShepherdRecord:
        """Wait until the shepherd has ended too; nothing of the job may be left then."""
        record = self.reaches("ended", seconds)
        self.starters[0].wait(5)
        assert processes_with(self.mark) == []
        return record

    def stop(self) -> None:
        self.starters[0].send_signal(signal.SIGTERM)

    def output(self) -> str:
        path = self.directory / "output.log"
        return path.read_text() if path.exists() else ""

    def raw(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.directory / "record.json").read_bytes())
        return content

    def clean_up(self) -> None:
        for starter in self.starters:
            if starter.poll() is None:
                starter.kill()
            starter.wait()
        for pid in processes_with(self.mark):
            os.kill(pid, signal.SIGKILL)

"""Runs a preparation for real: its files on disk, its script under the shepherd, as the local resource does."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from uws.jobs import shepherd
from uws.jobs.shepherd_record import (
    LAUNCH_FILE,
    RECORD_FILE,
    LaunchFile,
    LaunchProbe,
    ShepherdRecord,
    parse_record,
    render_launch,
    shepherd_command,
)
from uws.jobs.types.base import JobType, Preparation, StartContext


def wait_for(condition: Callable[[], bool], seconds: float, what: Callable[[], str]) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.02)


class Running:
    """One job under its shepherd."""

    def __init__(self, context: StartContext, preparation: Preparation) -> None:
        self.context = context
        self.directory = context.place.job_directory
        self.directory.mkdir(parents=True)
        for file in preparation.files:
            path = self.directory / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=file.mode)
            path.write_bytes(file.content)
        script = preparation.script
        self.output = self.directory / script.output
        workspace = context.place.workspace_directory
        launch = LaunchFile(
            launch_key=context.launch_key,
            command=script.command,
            environment={"HOME": str(workspace), **script.environment},
            working_directory=str(workspace if script.working_directory == "workspace" else self.directory),
            output=str(self.output),
            cpu_count=1,
            stop_grace_seconds=5,
            needs_port=script.needs_port,
            probe=None
            if script.probe is None
            else LaunchProbe(
                path=script.probe.path,
                headers=script.probe.headers,
                expect_status=script.probe.expect_status,
                timeout_seconds=script.probe.timeout_seconds,
            ),
            prologue=script.prologue,
        )
        (self.directory / LAUNCH_FILE).write_bytes(render_launch(launch))
        argv = shepherd_command(sys.executable, Path(shepherd.__file__), launch.launch_key, self.directory)
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, cwd=self.directory)

    def record(self) -> ShepherdRecord | None:
        try:
            data = (self.directory / RECORD_FILE).read_bytes()
        except FileNotFoundError:
            return None
        return parse_record(data, self.context.launch_key)

    def log(self) -> str:
        return self.output.read_text() if self.output.exists() else ""

    def phase(self) -> str:
        record = self.record()
        return "" if record is None else record.phase

    def wait_ready(self, seconds: float = 60) -> int:
        """Wait until the application answers its probe; return its port."""
        wait_for(
            lambda: self.phase() in ("ready", "ended"), seconds, lambda: f"{self.record()}\n{self.log()}"
        )
        record = self.record()
        assert record is not None
        assert record.phase == "ready", f"{record}\n{self.log()}"
        assert record.port is not None
        return record.port

    def wait_ended(self, seconds: float = 60) -> ShepherdRecord:
        wait_for(lambda: self.phase() == "ended", seconds, lambda: f"{self.record()}\n{self.log()}")
        record = self.record()
        assert record is not None
        return record

    def stop(self) -> None:
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)
            self.process.wait(20)


@contextmanager
def running(job_type: JobType, context: StartContext) -> Iterator[Running]:
    """Start the job and stop it at the end, whatever happens."""
    job = Running(context, job_type.prepare("local", context))
    try:
        yield job
    finally:
        job.stop()


def get(port: int, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers={"Host": "job-7.localhost:8001", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def post(
    port: int, path: str, body: object, headers: Mapping[str, str], method: str = "POST"
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        own = {"Host": "job-7.localhost:8001", "Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body), {**own, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()

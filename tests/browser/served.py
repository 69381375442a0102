"""`uws serve` in processes of its own: on ports that a restart keeps, with environments that are built once."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
from tests.browser.dataset import held

from uws.config.default import default_config

UWS = [sys.executable, "-m", "uws.cli.main"]
START_SECONDS = 30.0
BUILD_SECONDS = 900.0


class Served:
    """One installation and its server: `start`, `stop`, `kill_all`, and what a test reads of it."""

    def __init__(self, data_dir: Path, environment: Mapping[str, str] | None = None) -> None:
        """Take an existing `data_dir` (mode 0700); `environment` is added to the server's. Starts nothing."""
        self.data_dir = data_dir
        self.log_path = data_dir.with_name(f"{data_dir.name}.log")
        self.link = ""
        self.port, self.jobs_port = two_free_ports()
        self._environment = clean_environment() | dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def workspaces(self) -> Path:
        """The directory that holds the only person's workspaces, each named by its id."""
        (mine,) = (self.data_dir / "workspaces").iterdir()
        return mine

    def start(self) -> None:
        """Start it and wait until it has printed its sign-in link."""
        already_said = self.log_path.stat().st_size if self.log_path.exists() else 0
        ports = ["--port", str(self.port), "--jobs-port", str(self.jobs_port)]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*UWS, "serve", "--data-dir", str(self.data_dir), *ports],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
            )
        deadline = time.monotonic() + START_SECONDS
        while not (found := re.search(r"http\S+/sign-in/\S+", self._said_since(already_said))):
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)
        self.link = found[0]

    def _said_since(self, position: int) -> str:
        return self.log_path.read_bytes()[position:].decode(errors="replace")

    def log(self) -> str:
        return self._said_since(0)

    def stop(self) -> None:
        """End it as an operator does, with SIGTERM. Jobs go on."""
        if self._process is not None and self.is_running:
            self._process.terminate()
            self._process.wait(30)
        self._process = None

    def own_processes(self) -> dict[int, str]:
        """Return name by pid of the server's processes: the supervisor and all below it. Jobs are not among them."""
        assert self._process is not None
        names, parents = {}, {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text()
            except OSError:
                continue
            name, _, rest = fields.partition("(")[2].rpartition(")")
            names[int(stat.parent.name)], parents[int(stat.parent.name)] = name, int(rest.split()[1])
        below = {self._process.pid}
        while more := {pid for pid, parent in parents.items() if parent in below} - below:
            below |= more
        return {pid: names[pid] for pid in below}

    def kill_all(self) -> None:
        """End every process of the server with SIGKILL, the supervisor first, and wait until they are gone."""
        assert self._process is not None
        supervisor = self._process.pid
        pids = [supervisor, *(pid for pid in self.own_processes() if pid != supervisor)]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait(10)
        self._process = None
        deadline = time.monotonic() + 10
        while alive := [pid for pid in pids if is_alive(pid)]:
            assert time.monotonic() < deadline, alive
            time.sleep(0.02)


class Api:
    """The REST API, as the first administrator."""

    def __init__(self, served: Served) -> None:
        """Make a token for the only person there is."""
        name = served.workspaces.name
        token = run_uws("admin", "token", "create", name, "--data-dir", str(served.data_dir)).strip()
        headers = {"UWS-Authorization": f"Token {token}"}
        self._client = httpx2.Client(base_url=f"http://127.0.0.1:{served.port}", headers=headers, timeout=10)

    def jobs(self) -> list[dict[str, Any]]:
        answer = self._client.get("/jobs/")
        return list(answer.raise_for_status().json()["data"]["jobs"])

    def job(self, job_id: int) -> dict[str, Any]:
        (job,) = (job for job in self.jobs() if job["id"] == job_id)
        return job

    def stop(self, job_id: int) -> None:
        self._client.put(f"/jobs/{job_id}/stop/")

    def close(self) -> None:
        self._client.close()


def end_all_jobs(served: Served) -> None:
    """Stop whatever jobs are left, and wait until they have ended; starts the server where it is down."""
    if not any((served.data_dir / "workspaces").glob("*/*/.[0-9]*")):
        return
    if not served.is_running:
        served.start()
    api = Api(served)
    deadline = time.monotonic() + 20
    while live := [job["id"] for job in api.jobs() if job["status"] not in ("complete", "failed")]:
        assert time.monotonic() < deadline, f"still live: {live}"
        for job_id in live:
            api.stop(job_id)
        time.sleep(0.1)
    api.close()


def is_alive(pid: int) -> bool:
    """Whether the process runs; an orphan that nobody has waited for yet is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def two_free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        return first.getsockname()[1], second.getsockname()[1]


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("UWS_", "DJANGO_"))}


def run_uws(*arguments: str) -> str:
    """Run a `uws` command to its end and return what it printed."""
    command = [*UWS, *arguments]
    done = subprocess.run(
        command, check=True, timeout=BUILD_SECONDS, env=clean_environment(), stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def built_environments(cache: Path) -> Path:
    """Return a directory below `cache` with the shipped job types' environments, built where they are missing."""
    locks = Path(__file__).parents[2] / "src" / "uws" / "jobs" / "environments" / "locks"
    content = b"".join(path.read_bytes() for path in sorted(locks.glob("*.lock")))
    data_dir = cache / f"built-{hashlib.sha256(content).hexdigest()[:12]}"
    data_dir.mkdir(mode=0o700, exist_ok=True)
    with held(cache):
        for command in (["migrate"], ["admin", "environment", "build"]):
            run_uws(*command, "--data-dir", str(data_dir))
    return data_dir / "environments"


def new_data_directory(
    data_dir: Path, environments: Path, job_types: Mapping[str, Any] | None = None
) -> Path:
    """Make a data directory as the first start finds it, but for environments that are built already.

    `job_types` are added to those of the shipped configuration, which is else left to the first start.
    """
    data_dir.mkdir(mode=0o700)
    (data_dir / "environments").symlink_to(environments)
    if job_types:
        config = default_config()
        config["available_job_types"] |= job_types
        (data_dir / "config.json").write_text(json.dumps(config))
    return data_dir

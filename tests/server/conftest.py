"""A whole server in its own processes, for tests that need the real thing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.conftest import CONFIG, wait_until

UWS = [sys.executable, "-m", "uws.cli.main"]


@dataclass
class Served:
    """`uws serve` in a process of its own, on free ports."""

    data_dir: Path
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self.read, daemon=True)
        self._reader.start()

    def read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    def word_after(self, label: str) -> str:
        """Wait for a line that begins with `label`, and return its next word."""
        found: list[str] = []

        def look() -> bool:
            found.extend(line.split()[-1] for line in list(self.lines) if line.strip().startswith(label))
            assert found or self.process.poll() is None, "".join(self.lines)
            return bool(found)

        wait_until(look)
        return found[0]

    @property
    def url(self) -> str:
        return self.word_after("Console").rstrip("/").replace("localhost", "127.0.0.1")

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return httpx2.get(self.url + path, timeout=10, **options)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(25)
        self._reader.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


Serve = Callable[..., Served]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("UWS_", "DJANGO_"))}
    return kept | {"PYTHONWARNINGS": "error"}


def write_config(data_dir: Path, server: dict[str, Any] | None = None) -> None:
    """A configuration whose job types need no environments to be built."""
    data_dir.mkdir(mode=0o700, exist_ok=True)
    (data_dir / "config.json").write_text(json.dumps(CONFIG | {"server": server or {}}))


def start_server(data_dir: Path, port: int = 0) -> Served:
    process = subprocess.Popen(
        [*UWS, "serve", "--data-dir", str(data_dir), "--port", str(port), "--jobs-port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
    )
    return Served(data_dir, process)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers; whatever still runs at the end of the test is ended."""
    started: list[Served] = []

    def serve(data_dir: Path, port: int = 0) -> Served:
        started.append(start_server(data_dir, port))
        return started[-1]

    yield serve
    for served in started:
        served.end()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One running server for all tests of a module."""
    data_dir = tmp_path_factory.mktemp("served") / "data-dir"
    write_config(data_dir, {"limits": {"request_body_bytes": 200_000}})
    served = start_server(data_dir)
    assert served.get("/healthz").status_code == 200
    yield served
    served.end()


def run_uws(*arguments: str, data_dir: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a `uws` command to its end."""
    where = ["--data-dir", str(data_dir)] if data_dir is not None else []
    return subprocess.run(
        [*UWS, *arguments, *where], capture_output=True, text=True, check=False, env=environment(), timeout=60
    )

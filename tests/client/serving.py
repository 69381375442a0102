"""A whole server in its own processes, its people and their tokens, for tests of what speaks to it from outside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import CONFIG
from tests.server.conftest import run_uws, start_server

PATIENT = """
import pathlib, time
print("first", flush=True)
while not pathlib.Path("go").exists():
    time.sleep(0.05)
print("last", flush=True)
"""


def job_type(**environment: Any) -> dict[str, Any]:
    return {"name": "x", "job_type": "ApplicationJob", "environment_details": {"local": environment}}


JOB_TYPES = {
    "long": job_type(command=["seq", "-w", "1", "100000"]),
    "patient": job_type(command=["python3", "-c", PATIENT]),
    "web": job_type(
        command=["python3", "-m", "http.server", "{port}", "--bind", "127.0.0.1"],
        probe={"path": "/"},
        connection={"path": "/"},
    ),
    "says": job_type(
        command=["echo", "{parameters.word}"],
        parameters={"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
    ),
}


@dataclass(frozen=True)
class Running:
    """A running server, with a token of ada's and one of grace's."""

    url: str
    data_dir: Path
    ada: str
    grace: str


@contextmanager
def running_server(data_dir: Path) -> Iterator[Running]:
    """Serve on free ports until the block ends."""
    data_dir.mkdir(mode=0o700)
    config = json.loads(json.dumps(CONFIG))
    config["available_job_types"] |= JOB_TYPES
    (data_dir / "config.json").write_text(json.dumps(config))
    (data_dir / "data").mkdir()
    (data_dir / "data" / "cells.txt").write_text("cells")
    served = start_server(data_dir)
    try:
        assert served.get("/healthz").status_code == 200
        yield Running(served.url, data_dir, token(data_dir, "ada"), token(data_dir, "grace"))
    finally:
        served.end()


def token(data_dir: Path, name: str) -> str:
    made = run_uws("admin", "user", "create", name, "--email", f"{name}@example.org", data_dir=data_dir)
    assert made.returncode == 0, made.stderr
    return run_uws("admin", "token", "create", name, data_dir=data_dir).stdout.strip()

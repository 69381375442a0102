"""Real shepherds with real commands: `start` starts one, and what is left of it is ended afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.shepherd.jobs import PYTHON, Job


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """A job's directory without a launch file yet."""
    job = Job(tmp_path)
    yield job
    job.clean_up()


@pytest.fixture
def start(job: Job) -> Callable[..., Job]:
    """`start(command, **fields of LaunchFile)` writes the launch file and starts the shepherd."""

    def begin(command: list[str], **fields: Any) -> Job:
        job.prepare(command, **fields)
        job.start()
        return job

    return begin


@pytest.fixture
def python(start: Callable[..., Job]) -> Callable[..., Job]:
    """`python(program, **fields)`: the same with a Python program as the command."""

    def begin(program: str, **fields: Any) -> Job:
        return start([PYTHON, "-I", "-S", "-c", program], **fields)

    return begin

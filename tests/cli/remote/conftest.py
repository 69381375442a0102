"""A server for these commands, and a way to run them as somebody who has logged in, or not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.client.serving import Running, running_server
from typer.testing import CliRunner

from uws.cli.main import app

UWS = [sys.executable, "-m", "uws.cli.main"]
LEFT_OUT = ("UWS_", "DJANGO_", "XDG_", "NO_COLOR", "FORCE_COLOR", "BROWSER")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for all tests here."""
    with running_server(tmp_path_factory.mktemp("remote") / "data-dir") as running:
        yield running


@dataclass(frozen=True)
class Run:
    """How a command ended and what it printed."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Shell:
    """Runs `uws` in a home of its own."""

    home: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def login_file(self) -> Path:
        return self.home / ".config" / "uws" / "login.json"

    @property
    def environment(self) -> dict[str, str]:
        """What a process of its own is given."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(LEFT_OUT)}
        return kept | {"PYTHONWARNINGS": "error", "HOME": str(self.home), **self.variables}

    def __call__(self, *arguments: str, typed: str = "", **variables: str) -> Run:
        """Run one command here to its end, with `typed` on its standard input."""
        left_out: dict[str, str | None] = {name: None for name in os.environ if name.startswith(LEFT_OUT)}
        environment = {**left_out, "HOME": str(self.home), **self.variables, **variables}
        result = CliRunner().invoke(
            app, list(arguments), input=typed, env=environment, catch_exceptions=False, prog_name="uws"
        )
        return Run(result.exit_code, result.stdout, result.stderr)

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run one command in a process of its own; it must end by itself within the block."""
        process = subprocess.Popen(
            [*UWS, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
        )
        try:
            with process:
                yield process
        finally:
            process.kill()
        assert process.returncode == 0

    def done(self, *arguments: str) -> str:
        """Run one command that must succeed; returns what it prints."""
        run = self(*arguments)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout


@pytest.fixture
def nobody(tmp_path: Path) -> Shell:
    """Somebody who has not logged in."""
    home = tmp_path / "home"
    home.mkdir()
    return Shell(home)


@pytest.fixture
def ada(nobody: Shell, server: Running) -> Shell:
    """The owner, by environment variables."""
    return Shell(nobody.home, {"UWS_URL": server.url, "UWS_TOKEN": server.ada})


@pytest.fixture
def grace(nobody: Shell, server: Running) -> Shell:
    """Somebody else, by environment variables."""
    return Shell(nobody.home, {"UWS_URL": server.url, "UWS_TOKEN": server.grace})

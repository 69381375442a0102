"""An installation of UWS for one run: in a temporary directory, on free loopback ports, ended with the run."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from harness.client import Client
from harness.processes import end, shepherds, wait_until
from harness.report import say
from uws.config.default import default_config
from uws.jobs.environments.store import remove_environment

JUPYTER = "jupyter_lab"
STAMPED_SECONDS = 0.6
STAMPED = "stamped"
SLEEPER = "sleeper"
JOB_TYPES: Mapping[str, Mapping[str, Any]] = {
    SLEEPER: {
        "name": "Sleeper",
        "job_type": "ApplicationJob",
        "environment_details": {"local": {"command": ["sleep", "3600"]}},
    },
    # bash knows the time by itself: no process is started between an instruction and its stamp.
    STAMPED: {
        "name": "Writes when it began and when it ended",
        "job_type": "ApplicationJob",
        "environment_details": {
            "local": {
                "command": [
                    *("bash", "-c"),
                    f"echo $EPOCHREALTIME; sleep {STAMPED_SECONDS}; echo $EPOCHREALTIME",
                ]
            }
        },
    },
}
START_SECONDS = 60.0
END_SECONDS = 30.0
LOG_TAIL_LINES = 30


class CommandFailed(Exception):
    """A `uws` command did not exit with 0; the text has its output."""


class Installation:
    """`with Installation() as uws:` has a running server, the user ada, and a client with her token."""

    def __init__(self, *, with_notebooks: bool = False) -> None:
        self._with_notebooks = with_notebooks
        self._server: subprocess.Popen[bytes] | None = None
        self.build_seconds: float | None = None

    def __enter__(self) -> Installation:
        self.directory = Path(tempfile.mkdtemp(prefix="uws-bench-"))
        self.data_dir = self.directory / "data"
        self._log = self.directory / "serve.log"
        try:
            self._begin()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and isinstance(error, Exception) and self._log.exists():
            lines = self._log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
            say("the last that the server wrote:\n" + "\n".join(lines))
        self._end()

    @property
    def server_pid(self) -> int:
        """The process that started all others of the server."""
        assert self._server is not None
        return self._server.pid

    def environment(self) -> Path:
        """Return the directory of the shared environment with JupyterLab."""
        return next(path.parent for path in (self.data_dir / "environments").glob("*/environment.json"))

    def log_lines(self, job_id: int) -> list[str]:
        """Return what a job has printed."""
        name = f".{job_id}/ApplicationJob_{job_id}_output.log"
        return next((self.data_dir / "workspaces").glob(f"*/*/{name}")).read_text().splitlines()

    def _begin(self) -> None:
        self.data_dir.mkdir(mode=0o700)
        (self.data_dir / "config.json").write_text(json.dumps(self._config()))
        self.run("migrate")
        self.run("admin", "user", "create", "ada", "--email", "ada@example.org", "--admin")
        token = self.run("admin", "token", "create", "ada", "--label", "benchmark").strip()
        if self._with_notebooks:
            say("building the notebooks' environment")
            began = time.monotonic()
            self.run("admin", "environment", "build", JUPYTER)
            self.build_seconds = time.monotonic() - began
            say(f"built in {self.build_seconds:.1f} s")
        self.client = Client(self._serve(), token)

    def _config(self) -> dict[str, Any]:
        config = default_config()
        shipped = config["available_job_types"]
        notebooks = {JUPYTER: shipped[JUPYTER]} if self._with_notebooks else {}
        config["available_job_types"] = {**notebooks, **JOB_TYPES}
        return config

    def run(self, *words: str) -> str:
        """Run a `uws` command on this installation and return what it printed. Raises `CommandFailed`."""
        done = subprocess.run(
            self._command(words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=_variables(),
        )
        if done.returncode != 0:
            raise CommandFailed(f"uws {' '.join(words)}: exit code {done.returncode}\n{done.stderr}")
        return done.stdout

    def _command(self, words: Sequence[str]) -> list[str]:
        uws = Path(sys.executable).with_name("uws")
        return [str(uws), *words, "--data-dir", str(self.data_dir)]

    def _serve(self) -> int:
        """Start the server and return its port."""
        output = self._log
        with open(output, "wb") as log:
            self._server = subprocess.Popen(
                self._command(("serve", "--port", "0", "--jobs-port", "0")),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_variables(),
            )
        address = re.compile(r"Console +http://[^:]+:(\d+)/")

        def is_up() -> object:
            assert self._server is not None
            if self._server.poll() is not None:
                raise CommandFailed(f"uws serve has ended:\n{output.read_text()}")
            return address.search(output.read_text())

        wait_until(is_up, "uws serve", START_SECONDS)
        found = address.search(output.read_text())
        assert found is not None
        port = int(found[1])
        wait_until(lambda: _answers(port), "the server's first answer", START_SECONDS)
        return port

    def _end(self) -> None:
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(signal.SIGTERM)
            try:
                self._server.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait(END_SECONDS)
        end(shepherds(self.data_dir))
        remove_environment(self.directory)


def _variables() -> dict[str, str]:
    """Return the environment of the server: ours, but with Python's byte code kept, as in any installation."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _answers(port: int) -> bool:
    client = Client(port, "")
    try:
        return client.status("GET", "/healthz") == 200
    except OSError:
        return False
    finally:
        client.close()

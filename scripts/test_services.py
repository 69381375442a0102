"""Run every test against real servers: install what is missing, start them, run pytest, stop them.

Each file of `tests/services/servers/` looks after one server and understands three calls:
`missing` (prints the Debian packages to install), `start DIR PORT` (prints NAME=VALUE lines for the tests;
may use PORT to PORT+9) and `stop DIR` (ends only what `start` began in DIR). A new server is a new file.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
SERVERS = sorted((ROOT / "tests/services/servers").glob("*.sh"))
DATABASE_TESTS = [
    f"tests/{part}"
    for part in ("accounts", "api", "background", "events", "jobs", "live", "sharing", "workspaces")
]
SIDE_BY_SIDE = ["-n", "2"]
PORTS_PER_SERVER = 10
MAY_NOT_INSTALL = 77
BEGAN = time.monotonic()


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGAN:3.0f} s  {text}", file=sys.stderr, flush=True)


def call(server: Path, *arguments: str) -> str:
    """Answer what the server's script printed; end the program with its messages if it fails."""
    done = subprocess.run([server, *arguments], capture_output=True, text=True)
    if done.returncode:
        said = f"{done.stdout}{done.stderr}"
        raise SystemExit(f"{server.name} {arguments[0]} ended with exit code {done.returncode}:\n{said}")
    return done.stdout


def missing_packages(server: Path) -> list[str]:
    return call(server, "missing").split()


def usable_servers() -> list[Path]:
    """Install what the servers lack and answer those that can be started."""
    lacking = {server: missing_packages(server) for server in SERVERS}
    packages = [package for names in lacking.values() for package in names]
    if packages:
        say(f"Installing {' '.join(packages)} with apt-get")
        install = [str(ROOT / "scripts/install-debian-packages"), *packages]
        done = subprocess.run(install, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode and (done.returncode != MAY_NOT_INSTALL or os.environ.get("CI") == "true"):
            raise SystemExit(f"{done.stdout}The servers' packages could not be installed.")
        if done.returncode == MAY_NOT_INSTALL:
            print(done.stdout, end="", file=sys.stderr)
            for server, names in lacking.items():
                if names:
                    say(f"Skipped: {server.stem}, and its tests (missing {' '.join(names)})")
            return [server for server, names in lacking.items() if not names]
    for server in SERVERS:
        if still := missing_packages(server):
            raise SystemExit(f"{server.name} still misses {' '.join(still)} after their installation.")
    return SERVERS


def free_port() -> int:
    """Answer a port that begins a free range of PORTS_PER_SERVER on the loopback."""
    for _ in range(100):
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                for offset in range(1, PORTS_PER_SERVER):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port + offset))
            except (OSError, OverflowError):
                continue
            return port
    raise SystemExit(f"No {PORTS_PER_SERVER} free ports in a row were found on 127.0.0.1.")


@contextlib.contextmanager
def running(server: Path, folder: Path) -> Iterator[dict[str, str]]:
    """Start one server in `folder`; stop it at the end, also when its start failed half-way."""
    folder.mkdir()
    say(f"Starting {server.stem}")
    try:
        printed = call(server, "start", str(folder), str(free_port()))
        yield dict(line.split("=", 1) for line in printed.splitlines())
    finally:
        call(server, "stop", str(folder))


def run_tests(arguments: list[str], variables: dict[str, str]) -> int:
    """Run pytest with `variables` set and answer its exit code; SIGTERM is passed on to it."""
    command = [sys.executable, "-m", "pytest", *arguments]
    tests = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **variables})

    def pass_on(number: int, _frame: FrameType | None) -> None:
        tests.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to pytest as well
    exit_code = tests.wait()
    return exit_code if exit_code >= 0 else 128 - exit_code


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="uws-test-services-") as folder, contextlib.ExitStack() as stack:
        Path(folder).chmod(0o755)  # servers that root starts as another account must reach theirs
        variables: dict[str, str] = {}
        for server in usable_servers():
            variables |= stack.enter_context(running(server, Path(folder) / server.stem))
        if sys.argv[1:]:
            return run_tests(sys.argv[1:], variables)
        return run_everything(variables)


def run_everything(variables: dict[str, str]) -> int:
    """Run the tests that mind no company side by side, the browser's by themselves, and the database's twice."""
    rounds = [("every test but the browser's", [*SIDE_BY_SIDE, "-m", "not browser"], {})]
    rounds.append(("the tests in a browser", ["-m", "browser"], {}))
    if "UWS_TEST_POSTGRESQL_URL" in variables:
        on_postgresql = {"UWS_TEST_DATABASE_URL": variables["UWS_TEST_POSTGRESQL_URL"]}
        rounds.append(("the database's tests on PostgreSQL", [*SIDE_BY_SIDE, *DATABASE_TESTS], on_postgresql))
    exit_codes = []
    for name, arguments, more in rounds:
        say(f"Running {name}")
        exit_codes.append(run_tests(arguments, variables | more))
    return next((code for code in exit_codes if code), 0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    sys.exit(main())

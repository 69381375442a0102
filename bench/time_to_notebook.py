"""How long until JupyterLab answers: alone, and through UWS, side by side in one run.

* jupyter lab alone: from the start of `jupyter-lab` in the shared environment to 200 on `api/status` with its token.
  It is the floor: UWS starts the same program.
* new workspace: from the start request to JupyterLab's page answered with 200 through the passthrough (ticket, cookie,
  redirect and all), in a workspace made just before.
* same workspace: once more in that workspace.
"""

from __future__ import annotations

import http.client
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.client import open_page
from harness.installation import JUPYTER, Installation
from harness.processes import end
from harness.report import arguments, bounded, say, show, table

from uws.jobs.environments.store import remove_environment

ROUNDS = 5
LONGEST_RUN_SECONDS = 600.0
POLL_SECONDS = 0.01
AIM_RATIO = 1.5
ALONE, NEW, SAME = "jupyter lab alone", "UWS, new workspace", "UWS, same workspace"


def alone_seconds(environment: Path) -> float:
    """Start JupyterLab by itself, in empty directories of its own, and end it again."""
    directory = Path(tempfile.mkdtemp(prefix="uws-bench-alone-"))
    port, token = _free_port(), secrets.token_hex(20)
    command = [
        *(str(environment / "bin" / "jupyter-lab"), "--no-browser", "--allow-root", "--ip=127.0.0.1"),
        *(f"--port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={directory}"),
    ]
    variables = {"PATH": os.environ["PATH"], "HOME": str(directory), "JUPYTER_TOKEN": token}
    try:
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not _status_is_answered(port, token):
                if process.poll() is not None:
                    raise RuntimeError(f"jupyter lab ended by itself, exit code {process.returncode}")
                time.sleep(POLL_SECONDS)
            return time.monotonic() - began
        finally:
            end([process.pid])
            process.wait()
    finally:
        remove_environment(directory)


def through_uws_seconds(uws: Installation, workspace_id: int) -> float:
    """Start JupyterLab in the workspace, open its page, and stop it again."""
    began = time.monotonic()
    job_id = uws.client.start(workspace_id, JUPYTER)
    origin, path = uws.client.poll_address(job_id)
    open_page(origin, path)
    seconds = time.monotonic() - began
    uws.client.stop(job_id)
    return seconds


def _status_is_answered(port: int, token: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/api/status", headers={"Authorization": f"token {token}"})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def measure(rounds: int) -> tuple[dict[str, list[float]], float]:
    """Return the seconds of each kind, round by round, and those that building the environment took."""
    seconds: dict[str, list[float]] = {ALONE: [], NEW: [], SAME: []}
    with Installation(with_notebooks=True) as uws:
        environment = uws.environment()
        # The first start of all reads the environment from the disk; it would be counted to whoever is first.
        say(f"warming up: {alone_seconds(environment):.2f} s")
        for number in range(1, rounds + 1):
            seconds[ALONE].append(alone_seconds(environment))
            workspace_id = uws.client.create_workspace(f"Round {number}")
            seconds[NEW].append(through_uws_seconds(uws, workspace_id))
            seconds[SAME].append(through_uws_seconds(uws, workspace_id))
            say(f"round {number}: " + ", ".join(f"{name} {each[-1]:.2f} s" for name, each in seconds.items()))
        assert uws.build_seconds is not None
        return seconds, uws.build_seconds


def main() -> int:
    """Measure and print; the exit code is 1 where the aim is missed."""
    parser = arguments("Time to a notebook: JupyterLab alone, and through UWS.")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="how often each is measured (default: %(default)s)"
    )
    options = parser.parse_args()
    with bounded(LONGEST_RUN_SECONDS):
        seconds, build_seconds = measure(options.rounds)
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    floor = medians[ALONE]
    rows = [
        [
            name,
            f"{medians[name]:.2f} s",
            f"{min(each):.2f} - {max(each):.2f} s",
            f"{medians[name] / floor:.2f}",
        ]
        for name, each in seconds.items()
    ]
    reached = all(value <= AIM_RATIO * floor for value in medians.values())
    text = table(
        f"Time to a notebook, medians of {options.rounds}",
        ["", "median", "range", "times the floor"],
        rows,
    )
    text += f"\nBuilding the environment ahead took {build_seconds:.1f} s."
    text += f"\nAim: at most {AIM_RATIO} times the floor: {'reached' if reached else 'MISSED'}."
    show(
        options.json,
        {
            "seconds": seconds,
            "median_seconds": medians,
            "environment_build_seconds": build_seconds,
            "reached": reached,
        },
        text,
    )
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())

"""How soon a job's start is answered, its process runs, and the API says what it does; alone and among many.

Each job writes the time at its first and at its last instruction. From the start request to: the answer; the first
instruction; the first answer of `GET /jobs/<id>/` that says `running`. From the last instruction to the first answer
that says `complete`. Then the same two states as messages of the WebSocket `jobs/<id>/`.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

from harness.installation import SLEEPER, STAMPED, STAMPED_SECONDS, Installation
from harness.processes import wait_until
from harness.report import arguments, bounded, say, show, table
from websockets.sync.client import connect

JOBS = 30
SOCKET_JOBS = 10
OTHERS = (0, 200)
LONGEST_RUN_SECONDS = 900.0
SETTLED_SECONDS = 5.0
ANSWERED, PROCESS, RUNNING, END = "start answered", "process running", "API says running", "end seen"
SOCKET_RUNNING, SOCKET_END = "socket says running", "socket says complete"
ORIGINAL_MS = {ANSWERED: 40.0, PROCESS: 60.0, RUNNING: 140.0, END: 45.0}
"""The original server without load, on the same kind of machine."""

Figures = dict[str, list[float]]


def one_job(uws: Installation, workspace_id: int) -> dict[str, float]:
    """Run one job and return its times in milliseconds."""
    began = time.time()
    job_id = uws.client.start(workspace_id, STAMPED)
    answered = time.time()
    running = uws.client.poll_status(job_id, "running")
    # The API is left alone while the job runs, and asked again from shortly before its end.
    time.sleep(max(0.0, began + 0.8 * STAMPED_SECONDS - time.time()))
    complete = uws.client.poll_status(job_id, "complete") if _is_running(uws, job_id) else time.time()
    first, last = (float(line) for line in uws.log_lines(job_id))
    return {
        ANSWERED: 1000 * (answered - began),
        PROCESS: 1000 * (first - began),
        RUNNING: 1000 * (running - began),
        END: 1000 * (complete - last),
    }


def _is_running(uws: Installation, job_id: int) -> bool:
    status: str = uws.client.job(job_id)["status"]
    if status != "running":
        raise RuntimeError(f"job {job_id} is {status} before its end was looked for")
    return True


def one_job_by_socket(uws: Installation, workspace_id: int) -> dict[str, float]:
    """Run one job and return when the socket told of it, in milliseconds."""
    began = time.time()
    job_id = uws.client.start(workspace_id, STAMPED)
    seen: dict[str, float] = {}
    address = f"ws://127.0.0.1:{uws.client.port}/jobs/{job_id}/"
    with connect(
        address, additional_headers={"UWS-Authorization": f"Token {uws.client.token}"}, compression=None
    ) as socket:
        while "complete" not in seen:
            message = json.loads(socket.recv(timeout=30))
            seen.setdefault(message["status"], time.time())
    last = float(uws.log_lines(job_id)[1])
    return {SOCKET_RUNNING: 1000 * (seen["running"] - began), SOCKET_END: 1000 * (seen["complete"] - last)}


def start_others(uws: Installation, workspace_id: int, count: int) -> None:
    """Start jobs that sleep, and wait until all run and the start's own work is done."""
    say(f"starting {count} other jobs")
    began = time.monotonic()
    jobs = [uws.client.start(workspace_id, SLEEPER) for _ in range(count)]
    wait_until(lambda: _count_running(uws, workspace_id) == len(jobs), f"{count} running jobs", 120.0)
    say(f"{count} other jobs run after {time.monotonic() - began:.1f} s")
    time.sleep(SETTLED_SECONDS)


def _count_running(uws: Installation, workspace_id: int) -> int:
    path = f"/jobs/?workspace_id={workspace_id}&status=running"
    return len(uws.client.request("GET", path)["jobs"])


def measure(job_count: int, others: int) -> dict[int, Figures]:
    """Return the times of each kind in milliseconds, by the number of other jobs."""
    results: dict[int, Figures] = {}
    with Installation() as uws:
        workspace_id = uws.client.create_workspace("Measured")
        for count in (0, others):
            if count:
                start_others(uws, uws.client.create_workspace("Others"), count)
            one_job(uws, workspace_id)  # the first of all is not like the others
            figures: Figures = {}
            for kind, times in ((one_job, job_count), (one_job_by_socket, min(job_count, SOCKET_JOBS))):
                for _ in range(times):
                    for name, milliseconds in kind(uws, workspace_id).items():
                        figures.setdefault(name, []).append(milliseconds)
            results[count] = figures
            say(f"measured with {count} other jobs")
    return results


def main() -> int:
    """Measure and print; the exit code is 1 where we are slower than the original."""
    parser = arguments("Start and end of a job, without and with many other jobs.")
    parser.add_argument(
        "--jobs", type=int, default=JOBS, help="jobs measured each time (default: %(default)s)"
    )
    parser.add_argument(
        "--others",
        type=int,
        default=OTHERS[1],
        help="sleeping jobs of the second time (default: %(default)s)",
    )
    options = parser.parse_args()
    with bounded(LONGEST_RUN_SECONDS):
        results = measure(options.jobs, options.others)
    medians = {
        count: {name: statistics.median(each) for name, each in figures.items()}
        for count, figures in results.items()
    }
    reached = all(medians[0][name] <= limit for name, limit in ORIGINAL_MS.items())
    rows = [
        [
            name,
            *(f"{figures[name]:.0f} ms" for figures in medians.values()),
            f"{ORIGINAL_MS[name]:.0f} ms" if name in ORIGINAL_MS else "-",
        ]
        for name in medians[0]
    ]
    text = table(
        f"Start and end of a job, medians of {options.jobs} (sockets: of {min(options.jobs, SOCKET_JOBS)})",
        ["", *(f"{count} other jobs" for count in medians), "the original, 0"],
        rows,
    )
    text += f"\nAim: no slower than the original without load: {'reached' if reached else 'MISSED'}."
    show(options.json, {"milliseconds": results, "median_milliseconds": medians, "reached": reached}, text)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())

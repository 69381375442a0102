"""What all of UWS costs while nothing happens: CPU time and memory of its own processes, with 0 and with many jobs.

CPU time is that of every process of the server, with the children that they waited for; memory is proportional (PSS),
so that what processes share is counted once. The shepherds, one for each job, stand in a row of their own.
"""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass

from harness.installation import Installation
from harness.processes import Cost, cost, shepherds, tree
from harness.report import arguments, bounded, say, show, table
from start_and_end import start_others

OTHERS = 200
SECONDS = 60.0
SETTLE_SECONDS = 20.0
LONGEST_RUN_SECONDS = 900.0
AIM_CPU_SECONDS_PER_MINUTE = 0.2
AIM_MEMORY_MB = 300.0
JUPYTERHUB = ("JupyterHub, for the same", "", "0.2 - 0.6 s", "200 MB")
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Idle:
    """What a group of processes costs: CPU seconds a minute, proportional memory in MB."""

    process_count: int
    cpu_seconds_per_minute: float
    proportional_mb: float

    @classmethod
    def between(cls, before: Cost, after: Cost, seconds: float) -> Idle:
        used = (after.cpu_seconds - before.cpu_seconds) * 60 / seconds
        return cls(after.process_count, round(used, 3), round(after.proportional_bytes / MEGABYTE, 1))


def observe(uws: Installation, seconds: float) -> tuple[Idle, Idle]:
    """Return what the server's own processes and the shepherds cost over some time in which nobody asks anything."""
    own, watching = tree(uws.server_pid), shepherds(uws.data_dir)
    before = cost(own), cost(watching)
    began = time.monotonic()
    time.sleep(seconds)
    after = cost(own), cost(watching)
    passed = time.monotonic() - began
    return Idle.between(before[0], after[0], passed), Idle.between(before[1], after[1], passed)


def measure(others: int, seconds: float) -> dict[int, tuple[Idle, Idle]]:
    """Return what `observe` does, by the number of sleeping jobs."""
    results = {}
    with Installation() as uws:
        for count in (0, others):
            if count:
                start_others(uws, uws.client.create_workspace("Others"), count)
            say("waiting until it is quiet")
            time.sleep(SETTLE_SECONDS)
            say(f"measuring {seconds:.0f} s with {count} jobs")
            results[count] = observe(uws, seconds)
    return results


def _cells(idle: Idle) -> tuple[str, str, str]:
    return (
        str(idle.process_count),
        f"{idle.cpu_seconds_per_minute:.2f} s",
        f"{idle.proportional_mb:.0f} MB",
    )


def main() -> int:
    """Measure and print; the exit code is 1 where an aim is missed."""
    parser = arguments("What UWS costs while nothing happens, without and with many sleeping jobs.")
    parser.add_argument("--others", type=int, default=OTHERS, help="sleeping jobs (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="how long each is observed (default: %(default)s)"
    )
    options = parser.parse_args()
    with bounded(LONGEST_RUN_SECONDS + 2 * options.seconds):
        results = measure(options.others, options.seconds)
    rows = []
    for count, (own, watching) in results.items():
        rows.append([f"UWS, {count} jobs", *_cells(own)])
        if watching.process_count:
            rows.append([f"  and {count} shepherds", *_cells(watching)])
    reached = all(
        own.cpu_seconds_per_minute < AIM_CPU_SECONDS_PER_MINUTE and own.proportional_mb < AIM_MEMORY_MB
        for own, _ in results.values()
    )
    text = table(
        f"UWS idle, over {options.seconds:.0f} s",
        ["", "processes", "CPU a minute", "memory (PSS)"],
        [*rows, JUPYTERHUB],
    )
    text += (
        f"\nAim: below {AIM_CPU_SECONDS_PER_MINUTE} s a minute and {AIM_MEMORY_MB:.0f} MB: "
        f"{'reached' if reached else 'MISSED'}."
    )
    figures = {
        str(count): {"own": asdict(own), "shepherds": asdict(watching)}
        for count, (own, watching) in results.items()
    }
    show(options.json, {"idle": figures, "reached": reached}, text)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())

"""`GET /workspaces/` and `GET /jobs/`: requests a second and p99 for 1 to 10,000 rows of one user among many of others.

First reads, and polls with `If-None-Match` that changed nothing, beside a bare "hello" of the same server in the same
run: `/healthz` (the front alone) and `/job_types/` (an answer of Django's without the database). SQLite, and PostgreSQL
where UWS_TEST_POSTGRESQL_URL names a database that may be filled. Four connections on the machine that serves.
"""

from __future__ import annotations

import os
import sys
from contextlib import closing
from dataclasses import asdict

from harness.client import Client
from harness.installation import SLEEPER, Installation
from harness.load import Load, measure
from harness.report import arguments, bounded, say, show, table
from harness.rows import Database

OTHERS = 1_000_000
SIZES = (1, 100, 1_000, 10_000)
SECONDS = 3.0
OTHER_PEOPLE = 200
LISTS = ("/workspaces/", "/jobs/")
HELLOS = ("/healthz", "/job_types/")
LONGEST_RUN_SECONDS = 1800.0
MOST_GROWTH = 2.0
"""How much slower, at the median, a poll with the most rows may be than one with the fewest."""

Figures = dict[str, Load]


class Rows:
    """Fills the database: each person of a size gets so many workspaces, ended jobs and events."""

    def __init__(self, uws: Installation, database: Database) -> None:
        self._uws, self._database = uws, database
        workspace = uws.client.create_workspace("Kidney atlas")
        job = uws.client.start(workspace, SLEEPER)
        uws.client.stop(job)
        uws.client.request("GET", "/jobs/")  # numbers the events
        self._workspace, self._job = workspace, job
        self._user = database.ask("SELECT id FROM accounts_user WHERE username = 'ada'")[0]
        self._event = database.ask("SELECT MAX(id) FROM events_event WHERE owner_id IS NOT NULL")[0]
        self._made = 0

    def person(self, size: int) -> str:
        """Make a person with `size` rows of each kind; return their token."""
        name = f"person{size}"
        self._uws.run("admin", "user", "create", name, "--email", f"{name}@example.org")
        token = self._uws.run("admin", "token", "create", name, "--label", "benchmark").strip()
        user = self._database.ask(f"SELECT id FROM accounts_user WHERE username = '{name}'")[0]
        self._fill(str(user), size)
        return token

    def others(self, count: int) -> None:
        """Make `count` rows of each kind, of many people."""
        if not count:
            return
        first = self._database.ask("SELECT MAX(id) + 1 FROM accounts_user")[0]
        names = {"username": "'other' || n", "email": "'other' || n || '@example.org'"}
        self._database.copy_row("accounts_user", self._user, OTHER_PEOPLE, names)
        self._fill(f"{first} + n % {OTHER_PEOPLE}", count)

    def _fill(self, owner: str, count: int) -> None:
        self._database.copy_row("workspaces_workspace", self._workspace, count, {"owner_id": owner})
        key = f"'uws-bench-' || (n + {self._made})"
        self._database.copy_row("jobs_job", self._job, count, {"owner_id": owner, "launch_key": key})
        position = self._database.ask("SELECT MAX(position) + 1 FROM events_event")[0]
        event = {"owner_id": owner, "position": f"n + {position}"}
        self._database.copy_row("events_event", self._event, count, event)
        self._made += count


def tag_of(port: int, token: str, path: str) -> str:
    with closing(Client(port, token)) as client:
        return client.header("GET", path, "ETag")


def run(url: str, others: int, sizes: tuple[int, ...], seconds: float) -> Figures:
    """Measure everything on one database; `url` is empty for SQLite."""
    os.environ["UWS_SERVER__SHARED_ACCOUNT"] = "true"
    os.environ["UWS_SERVER__DATABASE__URL"] = url
    figures: Figures = {}
    with Installation() as uws, closing(Database(uws.data_dir, url)) as database:
        rows = Rows(uws, database)
        say(f"{'PostgreSQL' if url else 'SQLite'}: making {others} rows of others of each of three kinds")
        rows.others(others)
        tokens = {size: rows.person(size) for size in sizes}
        database.settle()
        port = uws.client.port
        for path in HELLOS:
            figures[path] = measure(port, path, {}, seconds=seconds)
        for path in LISTS:
            for size, token in tokens.items():
                say(f"GET {path} of {size} rows")
                headers = {"UWS-Authorization": f"Token {token}"}
                figures[f"{path} {size} first"] = measure(port, path, headers, seconds=seconds)
                headers["If-None-Match"] = tag_of(port, token, path)
                poll = measure(port, path, headers, seconds=seconds, expected=304)
                figures[f"{path} {size} poll"] = poll
    return figures


def _cells(load: Load) -> tuple[str, str, str]:
    return f"{load.requests_per_second:,.0f}", f"{load.median_ms:.1f} ms", f"{load.p99_ms:.1f} ms"


def _table(title: str, figures: Figures, sizes: tuple[int, ...]) -> str:
    blank = ("", "", "")
    rows = [[f"hello: {path}", "", *_cells(figures[path]), *blank] for path in HELLOS]
    for path in LISTS:
        for size in sizes:
            first, poll = figures[f"{path} {size} first"], figures[f"{path} {size} poll"]
            kilobytes = f"{first.body_bytes / 1000:,.1f} kB"
            rows.append([f"{path} {size:,} rows", kilobytes, *_cells(first), *_cells(poll)])
    header = ["", "body", "first/s", "median", "p99", "poll/s", "median", "p99"]
    return table(title, header, rows)


def growth(figures: Figures, sizes: tuple[int, ...]) -> float:
    """Return how much slower a poll with the most rows is, at the median, than one with the fewest."""
    return max(
        figures[f"{path} {sizes[-1]} poll"].median_ms / figures[f"{path} {sizes[0]} poll"].median_ms
        for path in LISTS
    )


def main() -> int:
    """Measure and print; the exit code is 1 where polls grow with the number of rows."""
    parser = arguments("How fast lists are read and polled, for few and for many rows.")
    parser.add_argument("--others", type=int, default=OTHERS, help="rows of others (default: %(default)s)")
    parser.add_argument(
        "--largest", type=int, default=SIZES[-1], help="the most rows of one person (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="how long each is measured (default: %(default)s)"
    )
    options = parser.parse_args()
    sizes = tuple(size for size in SIZES if size <= options.largest)
    urls = {"SQLite": ""}
    if postgresql := os.environ.get("UWS_TEST_POSTGRESQL_URL"):
        urls["PostgreSQL"] = postgresql
    texts, results, worst = [], {}, 0.0
    with bounded(LONGEST_RUN_SECONDS):
        for name, url in urls.items():
            figures = run(url, options.others, sizes, options.seconds)
            texts.append(_table(f"Lists on {name}, among {options.others:,} rows of others", figures, sizes))
            results[name] = {what: asdict(load) for what, load in figures.items()}
            worst = max(worst, growth(figures, sizes))
    reached = worst < MOST_GROWTH
    texts.append(
        f"Aim: a poll with {sizes[-1]:,} rows is at most {MOST_GROWTH:.0f} times as slow as with {sizes[0]}: "
        f"{worst:.1f}, {'reached' if reached else 'MISSED'}."
    )
    show(options.json, {"lists": results, "growth": worst, "reached": reached}, "\n\n".join(texts))
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())

"""Medians and tables for people, or JSON for programs; a run that takes too long is ended."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

_BEGAN = time.monotonic()


class TookTooLong(Exception):
    """The run has passed its time limit. What it had started is ended all the same."""


def say(text: str) -> None:
    """Tell on standard error what is being done now, with the seconds since the start."""
    print(f"[{time.monotonic() - _BEGAN:6.1f} s] {text}", file=sys.stderr, flush=True)


def arguments(description: str) -> argparse.ArgumentParser:
    """Return a parser with the option that every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Raise `TookTooLong` in the block after `seconds`, and SystemExit at SIGTERM, so that it is tidied up."""

    def too_long(number: int, frame: FrameType | None) -> None:
        raise TookTooLong(f"not finished after {seconds:.0f} s")

    def ended(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGALRM, too_long)
    signal.signal(signal.SIGTERM, ended)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table: the first column to the left, the others to the right."""
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    rendered = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    rule = "  ".join("-" * width for width in widths)
    return "\n".join([title, "", rendered[0], rule, *rendered[1:], "", machine()])


def machine() -> str:
    """Say what the figures were taken on, and how busy it was."""
    return f"{os.cpu_count()} CPUs, load of the last minute {os.getloadavg()[0]:.1f} (this run included)."


def show(as_json: bool, figures: dict[str, object], text: str) -> None:
    """Print the result, once."""
    if as_json:
        print(json.dumps(figures | {"cpu_count": os.cpu_count(), "load": os.getloadavg()[0]}, indent=2))
    else:
        print(text)

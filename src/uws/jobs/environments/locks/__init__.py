"""Locks that are shipped: `NAME.in` lists the packages asked for, `NAME.lock` their exact versions and hashes.

A lock serves every Python from 3.11 on; it names no index. Made anew, for the versions of the day, by
`python -m uws.jobs.environments.locks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

DIRECTORY = Path(__file__).parent


def packages(name: str) -> tuple[str, ...]:
    """Return the requirements that a shipped lock was made for."""
    return tuple((DIRECTORY / f"{name}.in").read_text().split("\n"))[:-1]


def find(requirements: Sequence[str]) -> bytes | None:
    """Return the shipped lock that was made for exactly these requirements, in any order, or None."""
    wanted = sorted(requirements)
    for asked in sorted(DIRECTORY.glob("*.in")):
        if sorted(packages(asked.stem)) == wanted:
            return asked.with_suffix(".lock").read_bytes()
    return None

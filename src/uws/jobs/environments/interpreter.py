"""Which Python an environment is made from."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

# Distributions' own interpreters first: every account of the machine may run them, also where the server's own
# lies in a home directory that nobody else may enter.
_SYSTEM_DIRECTORIES = (Path("/usr/bin"), Path("/usr/local/bin"))
_OLDEST = (3, 11)


@lru_cache(maxsize=32)
def _version(executable: str) -> tuple[int, int, int] | None:
    """Return the version of an interpreter, or None where it is none. One process for each; then kept."""
    try:
        answer = subprocess.run(
            [executable, "-I", "-S", "-c", "import sys; print(*sys.version_info[:3])"],
            capture_output=True,
            timeout=20,
            check=True,
        )
        major, minor, micro = (int(part) for part in answer.stdout.split())
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return major, minor, micro


def _fits(version: tuple[int, int, int] | None, wanted: str | None) -> bool:
    if version is None:
        return False
    if wanted is None:
        return version[:2] >= _OLDEST
    parts = tuple(int(part) for part in wanted.split("."))
    return version[: len(parts)] == parts


def choose_interpreter(wanted: str | None) -> str:
    """Return what `uv venv --python` is to be given: the path of an interpreter, or the version itself.

    `wanted` is a version such as `3.12`, or None for the machine's own (3.11 or newer). Interpreters of the
    distribution come first, then the one the server runs on. The bare version is returned where none of them
    fits: uv then looks further, and downloads one. The path has its links resolved, so that a distribution's
    upgrade gives another name and with it another environment.
    """
    name = "python3" if wanted is None else f"python{'.'.join(wanted.split('.')[:2])}"
    server_own = str(getattr(sys, "_base_executable", sys.executable))
    for candidate in (*(str(directory / name) for directory in _SYSTEM_DIRECTORIES), server_own):
        if not os.access(candidate, os.X_OK):
            continue
        real = os.path.realpath(candidate)
        if _fits(_version(real), wanted):
            return real
    if wanted is None:
        raise LookupError(f"no Python {_OLDEST[0]}.{_OLDEST[1]} or newer was found on this machine")
    return wanted


def version_in_path(executable: str) -> str:
    """Return `3.11` of `/usr/bin/python3.11`, of a version itself, else what the interpreter says of itself."""
    found = re.search(r"(\d+\.\d+)(?:\.\d+)?$", executable)
    if found is not None:
        return found[1]
    version = _version(executable)
    return "" if version is None else f"{version[0]}.{version[1]}"

"""Which Python runs the agent, and from which file: its source, or byte code where that fits."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path

from uws.agent.errors import AgentError

PROGRAM = Path(__file__).with_name("program.py")
SYSTEM_PYTHON = "/usr/bin/python3"
OLDEST_PYTHON = (3, 9)  # pidfd_open, pidfd_send_signal
_PROBE_SECONDS = 10.0
_PROBE = (
    "import sys, os, _socket, _frozen_importlib_external as machinery\n"
    "os.pidfd_open, os.posix_spawn\n"
    "print(*sys.version_info[:2], machinery.MAGIC_NUMBER.hex())"
)


@dataclass(frozen=True)
class Interpreter:
    """A Python that can run the agent: its path, and the file that it is given."""

    python: str
    program: str

    def command(self) -> list[str]:
        """Isolated (-I: no environment, no user's packages) and without site (-S: 10 ms)."""
        return [self.python, "-I", "-S", self.program]


def find_interpreter(python: str | None) -> Interpreter:
    """Try `python`, or else the system's own and then ours. Takes one start of each (10 ms).

    The system's comes first because every user may run it; a virtual environment may lie in a home that they
    may not enter. Raises `AgentError` when none can run the agent.
    """
    reasons = []
    for candidate in [python] if python else [SYSTEM_PYTHON, sys.executable]:
        try:
            magic_number = _probe(candidate)
        except AgentError as error:
            reasons.append(error.message)
        else:
            return Interpreter(candidate, _byte_code(magic_number) or str(PROGRAM))
    raise AgentError("No Python can run the agent: " + "; ".join(reasons))


def _probe(python: str) -> bytes:
    """Return the magic number of the interpreter's byte code."""
    try:
        result = subprocess.run(
            [python, "-I", "-S", "-c", _PROBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=True,
            env={},
            cwd="/",
        )
        major, minor, magic_number = result.stdout.decode("ascii").split()
        version = int(major), int(minor)
        magic = bytes.fromhex(magic_number)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise AgentError(f"{python!r} does not run as a Python 3 with _socket and pidfd ({error})") from error
    if version < OLDEST_PYTHON:
        raise AgentError(
            f"{python!r} is Python {major}.{minor}; {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} is needed"
        )
    return magic


def _byte_code(magic_number: bytes) -> str | None:
    """Return the program's cached byte code if the interpreter can read it: it saves half of the start."""
    if magic_number != importlib.util.MAGIC_NUMBER:
        return None
    # Read-only installations simply have none, and the source is used.
    with contextlib.suppress(OSError):
        SourceFileLoader("uws.agent.program", str(PROGRAM)).get_code("uws.agent.program")
        cached = importlib.util.cache_from_source(str(PROGRAM))
        with open(cached, "rb") as file:
            header = file.read(16)
        about = os.stat(PROGRAM)
        moment, size = int(about.st_mtime) & 0xFFFFFFFF, about.st_size & 0xFFFFFFFF
        # PEP 552: magic number, flags (0: checked by time), time and size of the source
        if header == magic_number + bytes(4) + moment.to_bytes(4, "little") + size.to_bytes(4, "little"):
            return cached
    return None

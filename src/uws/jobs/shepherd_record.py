"""The server's side of the shepherd: writes its launch file, reads its record, tells whether it lives.

The record lies where the job's owner can write. `parse_record` therefore believes nothing: it bounds before
it parses, checks every type and range, and gives None for whatever is not a record of this launch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORD_SIZE_LIMIT_BYTES = 64 * 1024
MESSAGE_LIMIT_CHARACTERS = 1000
SAMPLE_LIMIT = 60
PHASES = ("starting", "prologue", "running", "ready", "ended")
REASONS = (
    "success",
    "failed",
    "signalled",
    "timeout",
    "out_of_memory",
    "cancelled",
    "command_not_found",
    "prologue_failed",
    "port_never_answered",
)
LAUNCH_FILE, RECORD_FILE, CLAIM_FILE = "launch.json", "record.json", "claim"
CLAIMED_ALREADY_STATUS = 75
"""The shepherd's exit status where another one had the job already."""

_BOOTSTRAP = "import sys;sys.path.append(sys.argv.pop(1));import shepherd;shepherd.run()"


def shepherd_command(python: str, shepherd: Path, launch_key: str, job_directory: Path) -> list[str]:
    """Return the argv that runs a job.

    Imports the file instead of running it, because Python keeps the compiled form of imported files alone:
    8 ms to the command and 3 MB for each job, against 14 ms and 6 MB.

    Args:
        python: an interpreter on the node, 3.9 or later, that the job's owner may execute.
        shepherd: the file `shepherd.py` on the node; nobody but the operator may write to its directory.
        launch_key: the launch's key, as in the launch file.
        job_directory: the job's directory with `launch.json` in it; absolute.
    """
    return [
        python,
        "-I",
        "-S",
        "-c",
        _BOOTSTRAP,
        str(shepherd.parent),
        "--key",
        launch_key,
        str(job_directory),
    ]


@dataclass(frozen=True)
class LaunchProbe:
    """How the shepherd sees that the application answers: `GET path` with these headers."""

    path: str
    headers: Mapping[str, str]
    expect_status: Sequence[int] = (200,)
    timeout_seconds: float = 120.0


@dataclass(frozen=True)
class LaunchFile:
    """What `launch.json` says. None stands for "no limit" and "not wanted".

    `{port}`, `{host}` and `{job_directory}` are replaced in the words of `command` and `prologue`, in the
    values of `environment` and in the probe's path. `host` is the address on which the application is to
    listen. `cpu_count` is not enforced by the shepherd.
    """

    launch_key: str
    command: Sequence[str]
    environment: Mapping[str, str]
    working_directory: str
    output: str
    cpu_count: int
    time_limit_seconds: float | None = None
    memory_limit_bytes: int | None = None
    stop_grace_seconds: float = 10.0
    needs_port: bool = False
    host: str = "127.0.0.1"
    probe: LaunchProbe | None = None
    notify_socket: str | None = None
    prologue: Sequence[Sequence[str]] = ()


def render_launch(launch: LaunchFile) -> bytes:
    """Return the content of `launch.json`, to be written with mode 0600: it holds the application's token.

    Raises:
        ValueError: a field that no node could carry out; the text names it, what was found, what is expected.
    """
    _check_launch(launch)
    probe = launch.probe
    content = {
        "version": 1,
        "launch_key": launch.launch_key,
        "command": list(launch.command),
        "environment": dict(launch.environment),
        "working_directory": launch.working_directory,
        "output": launch.output,
        "time_limit_seconds": launch.time_limit_seconds,
        "memory_limit_bytes": launch.memory_limit_bytes,
        "cpu_count": launch.cpu_count,
        "stop_grace_seconds": launch.stop_grace_seconds,
        "port": {"needed": True, "host": launch.host} if launch.needs_port else None,
        "probe": None
        if probe is None
        else {
            "path": probe.path,
            "headers": dict(probe.headers),
            "expect_status": list(probe.expect_status),
            "timeout_seconds": probe.timeout_seconds,
        },
        "notify_socket": launch.notify_socket,
        "prologue": [list(words) for words in launch.prologue],
    }
    return json.dumps(content, allow_nan=False).encode("ascii")


def _check_launch(launch: LaunchFile) -> None:
    for number, words in enumerate((launch.command, *launch.prologue)):
        field = "command" if number == 0 else f"prologue[{number - 1}]"
        if isinstance(words, str) or not words or not words[0]:
            raise ValueError(f"{field}: found {words!r}, expected a list of words that begins with a program")
        for word in words:
            _check_text(field, word)
    for name, value in launch.environment.items():
        if not name or "=" in name:
            raise ValueError(f"environment: found the name {name!r}, expected one without '='")
        _check_text("environment", name)
        _check_text(f"environment.{name}", value)
    for field in ("working_directory", "output"):
        path = getattr(launch, field)
        _check_text(field, path)
        if not path.startswith("/"):
            raise ValueError(f"{field}: found {path!r}, expected an absolute path")
    for field, limit in (
        ("time_limit_seconds", launch.time_limit_seconds),
        ("memory_limit_bytes", launch.memory_limit_bytes),
        ("cpu_count", launch.cpu_count),
    ):
        if limit is not None and not (math.isfinite(limit) and limit > 0):
            raise ValueError(f"{field}: found {limit!r}, expected a number above 0")
    if not (math.isfinite(launch.stop_grace_seconds) and launch.stop_grace_seconds >= 0):
        raise ValueError(f"stop_grace_seconds: found {launch.stop_grace_seconds!r}, expected 0 or more")
    if launch.probe is not None:
        _check_probe(launch.probe, launch.needs_port)


def _check_probe(probe: LaunchProbe, needs_port: bool) -> None:
    if not needs_port:
        raise ValueError("probe: found one without a port, expected needs_port to be true")
    if not probe.path.startswith("/") or not _is_header_text(probe.path) or " " in probe.path:
        raise ValueError(f"probe.path: found {probe.path!r}, expected a URL path that begins with '/'")
    for name, value in probe.headers.items():
        if not name or not _is_header_text(name + value) or any(mark in name for mark in ": \t"):
            raise ValueError(f"probe.headers: found {name!r}, expected a header in printable ASCII")
    if not probe.expect_status or not all(100 <= status <= 599 for status in probe.expect_status):
        raise ValueError(
            f"probe.expect_status: found {list(probe.expect_status)!r}, expected HTTP status codes"
        )
    if not (math.isfinite(probe.timeout_seconds) and probe.timeout_seconds > 0):
        raise ValueError(f"probe.timeout_seconds: found {probe.timeout_seconds!r}, expected a number above 0")


def _check_text(field: str, text: str) -> None:
    if "\0" in text:
        raise ValueError(f"{field}: found a NUL character, expected text")


def _is_header_text(text: str) -> bool:
    return text.isascii() and text.isprintable()


@dataclass(frozen=True)
class ShepherdIdentity:
    """Which process the shepherd is or was; see `process_is_alive`."""

    pid: int
    start_time_ticks: int
    boot_id: str


@dataclass(frozen=True)
class Sample:
    """Use at a moment: seconds since the epoch, CPU seconds so far, memory (PSS) then."""

    time: float
    cpu_seconds: float
    memory_bytes: int


@dataclass(frozen=True)
class ShepherdRecord:
    """What the shepherd last wrote, well-formed but not trustworthy: for display and hints.

    Times are seconds since the epoch. `phase` is one of `PHASES`, `reason` one of `REASONS`.
    """

    launch_key: str
    shepherd: ShepherdIdentity
    host: str
    phase: str
    started_at: float
    process_at: float | None
    ready_at: float | None
    ended_at: float | None
    port: int | None
    command_pid: int | None
    cpu_seconds: float
    memory_bytes: int
    peak_memory_bytes: int
    exit_code: int | None
    signal: int | None
    reason: str | None
    message: str | None
    samples: tuple[Sample, ...]


class _Malformed(Exception):
    """Something in a record is not as the shepherd writes it."""


def parse_record(data: bytes, launch_key: str) -> ShepherdRecord | None:
    """Read a `record.json`.

    Args:
        data: the file's content; a reader need not read more than `RECORD_SIZE_LIMIT_BYTES` + 1 bytes.
        launch_key: the launch that it must belong to.

    Returns:
        The record, or None where `data` is not a well-formed record of this launch.
    """
    if len(data) > RECORD_SIZE_LIMIT_BYTES:
        return None
    try:
        content = json.loads(data, parse_constant=_refuse, parse_int=_bounded_integer)
        return _record(_mapping(content), launch_key)
    except (_Malformed, ValueError, RecursionError):  # ValueError: not JSON, not UTF-8, lone surrogates
        return None


def _record(content: dict[str, Any], launch_key: str) -> ShepherdRecord:
    if content.get("version") != 1 or content.get("launch_key") != launch_key:
        raise _Malformed
    shepherd, times = _mapping(content.get("shepherd")), _mapping(content.get("times"))
    samples = content.get("samples")
    if not isinstance(samples, list) or len(samples) > SAMPLE_LIMIT:
        raise _Malformed
    phase, reason = content.get("phase"), content.get("reason")
    if phase not in PHASES or (reason is not None and reason not in REASONS):
        raise _Malformed
    if (phase == "ended") is not (reason is not None):
        raise _Malformed
    message = content.get("message")
    return ShepherdRecord(
        launch_key=launch_key,
        shepherd=ShepherdIdentity(
            pid=_integer(shepherd.get("pid"), 1, 2**31 - 1),
            start_time_ticks=_integer(shepherd.get("start_time_ticks"), 0, 2**63),
            boot_id=_text(shepherd.get("boot_id"), 64),
        ),
        host=_text(content.get("host"), 255),
        phase=phase,
        started_at=_time(times.get("started")),
        process_at=_optional_time(times.get("process")),
        ready_at=_optional_time(times.get("ready")),
        ended_at=_optional_time(times.get("ended")),
        port=_optional_integer(content.get("port"), 1024, 65535),
        command_pid=_optional_integer(content.get("command_pid"), 1, 2**31 - 1),
        cpu_seconds=_number(content.get("cpu_seconds"), 0, 1e12),
        memory_bytes=_integer(content.get("memory_bytes"), 0, 2**60),
        peak_memory_bytes=_integer(content.get("peak_memory_bytes"), 0, 2**60),
        exit_code=_optional_integer(content.get("exit_code"), 0, 255),
        signal=_optional_integer(content.get("signal"), 1, 64),
        reason=reason,
        message=None if message is None else _sentence(message),
        samples=tuple(_sample(_mapping(sample)) for sample in samples),
    )


def _sample(content: dict[str, Any]) -> Sample:
    return Sample(
        time=_time(content.get("time")),
        cpu_seconds=_number(content.get("cpu_seconds"), 0, 1e12),
        memory_bytes=_integer(content.get("memory_bytes"), 0, 2**60),
    )


def _refuse(constant: str) -> None:
    raise _Malformed  # NaN and infinities


def _bounded_integer(digits: str) -> int:
    if len(digits) > 20:
        raise _Malformed
    return int(digits)


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Malformed
    return value


def _text(value: object, limit_characters: int) -> str:
    """Return text that may be shown and stored: no control characters, nothing UTF-8 cannot say."""
    if not isinstance(value, str) or not value or len(value) > limit_characters or not value.isprintable():
        raise _Malformed
    return value


def _sentence(value: object) -> str:
    """Return text that may quote the user's own words, made fit to be shown and stored."""
    if not isinstance(value, str):
        raise _Malformed
    return "".join(mark if mark.isprintable() else "�" for mark in value[:MESSAGE_LIMIT_CHARACTERS])


def _number(value: object, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise _Malformed
    return float(value)


def _integer(value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _Malformed
    return value


def _optional_integer(value: object, least: int, most: int) -> int | None:
    return None if value is None else _integer(value, least, most)


def _time(value: object) -> float:
    return _number(value, 0, 253_402_300_799)  # the last second of the year 9999, datetime's last


def _optional_time(value: object) -> float | None:
    return None if value is None else _time(value)


def process_is_alive(pid: int, start_time_ticks: int, boot_id: str) -> bool:
    """Say whether the process of that number, started then in that boot, still runs on this machine.

    A zombie (Z) and a process being removed (X) are dead: nobody may come to reap an orphan for seconds
    (proc(5), /proc/PID/stat).
    """
    try:
        if Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip() != boot_id:
            return False
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    fields = stat[stat.rindex(b")") + 2 :].split()
    return fields[0] not in (b"Z", b"X") and int(fields[19]) == start_time_ticks

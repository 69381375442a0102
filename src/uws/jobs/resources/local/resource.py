"""The local resource: jobs run on the machine that the server runs on, each under a shepherd of its own."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import ClassVar

from uws.agent.client import AgentSession
from uws.agent.errors import (
    AgentDiedError,
    AgentError,
    NotFoundError,
    OutsideError,
    PermissionRefusedError,
    TooLargeError,
    WrongKindError,
)
from uws.agent.identity import Identity
from uws.agent.interpreter import find_interpreter
from uws.background.wakeup import socket_path
from uws.config.health import Health
from uws.config.models import ResourceEntry
from uws.jobs import shepherd
from uws.jobs.resources.base import (
    EndReason,
    JobHandle,
    JobPlace,
    Launch,
    Launched,
    LaunchRefused,
    Observation,
    ObservedState,
    Resource,
    ResourceUnreachable,
    Usage,
)
from uws.jobs.resources.local.listeners import listening_uids
from uws.jobs.shepherd_record import (
    CLAIM_FILE,
    LAUNCH_FILE,
    RECORD_FILE,
    RECORD_SIZE_LIMIT_BYTES,
    LaunchFile,
    LaunchProbe,
    ShepherdRecord,
    parse_record,
    process_is_alive,
    render_launch,
    shepherd_command,
)

LOOPBACK = "127.0.0.1"
LISTENING_SECONDS, LOOK_SECONDS = 5.0, 0.01
SHEPHERD = Path(shepherd.__file__)
SHEPHERD_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
GONE_PID = 0
"""Stands in a launch whose shepherd left a claim but no trace of its process."""


class LocalResource(Resource):
    """Runs jobs on this machine. A job's number is the process number of its shepherd."""

    Settings: ClassVar[type[ResourceEntry]] = ResourceEntry
    launch_timeout_seconds: ClassVar[float] = 15.0

    def launch(self, launch: Launch) -> Launched:
        place = launch.place
        inside = f"{place.workspace_path}/{place.job_path}"
        try:
            content = render_launch(self._launch_file(launch))
        except ValueError as error:
            raise LaunchRefused(f"The job cannot be started: {error}") from error
        try:
            with self.deployment.agents(place.identity, timeout_seconds=self.launch_timeout_seconds) as files:
                files.make_directory(place.storage_root, inside, mode=0o700)
                for file in launch.files:
                    path = f"{inside}/{file.name}"
                    files.write_file(place.storage_root, path, file.content, mode=file.mode)
                files.write_file(place.storage_root, f"{inside}/{LAUNCH_FILE}", content, mode=0o600)
                spawned = files.spawn(
                    shepherd_command(_shepherd_python(), SHEPHERD, launch.key, place.job_directory),
                    root=place.storage_root,
                    path=inside,
                    environment=SHEPHERD_ENVIRONMENT,
                )
        except AgentDiedError as error:
            raise ResourceUnreachable(str(error)) from error
        except AgentError as error:
            raise LaunchRefused(f"The job cannot be started: {error}") from error
        return Launched(spawned.pid, _state(spawned.pid, spawned.start_time_ticks))

    def _launch_file(self, launch: Launch) -> LaunchFile:
        script, options, place = launch.script, launch.options, launch.place
        probe = script.probe
        notify = socket_path(self.deployment.data_dir)
        in_workspace = script.working_directory == "workspace"
        working_directory = place.workspace_directory if in_workspace else place.job_directory
        return LaunchFile(
            launch_key=launch.key,
            command=script.command,
            environment=base_environment(place.identity) | dict(script.environment),
            working_directory=str(working_directory),
            output=str(place.job_directory / script.output),
            cpu_count=options.cpu_count,
            time_limit_seconds=options.time_limit_seconds,
            memory_limit_bytes=options.memory_bytes,
            stop_grace_seconds=self.deployment.server.limits.job_stop_grace_seconds,
            needs_port=script.needs_port,
            host=LOOPBACK,
            probe=LaunchProbe(probe.path, probe.headers, probe.expect_status, probe.timeout_seconds)
            if probe
            else None,
            notify_socket=str(notify) if notify else None,
            prologue=script.prologue,
        )

    def find(self, key: str, place: JobPlace) -> Launched | None:
        running = _running_shepherd(key, place.identity.uid)
        if running is not None:
            return Launched(running[0], _state(*running))
        inside = f"{place.workspace_path}/{place.job_path}"
        try:
            with self.deployment.agents(place.identity) as files:
                record = _read_record(files, place.storage_root, inside, key)
                if record is not None:
                    who = record.shepherd
                    return Launched(
                        who.pid,
                        {"pid": who.pid, "start_time_ticks": who.start_time_ticks, "boot_id": who.boot_id},
                    )
                claim = _read(files, place.storage_root, f"{inside}/{CLAIM_FILE}", 256) or b""
                if claim.decode("ascii", "replace").strip() == key:
                    return Launched(GONE_PID, {"pid": GONE_PID, "start_time_ticks": 0, "boot_id": _boot_id()})
        except AgentError as error:
            raise ResourceUnreachable(str(error)) from error
        return None

    def observe(self, jobs: Sequence[JobHandle]) -> Mapping[str, Observation]:
        # Who is alive is asked first: a record read after its writer's death is the last one.
        alive = {job.key: _is_alive(job) for job in jobs}
        records = self._all_records(jobs)
        uids = _Listeners()
        seen = {}
        for job in jobs:
            if job.key not in records:
                seen[job.key] = Observation(state=ObservedState.UNKNOWN)
                continue
            record = records[job.key]
            has_ended = record is not None and record.phase == "ended"
            if has_ended and alive[job.key]:
                # Its shepherd tells of the end just before it ends itself: by now it may have, and nothing follows.
                alive[job.key] = _is_alive(job)
            elif not has_ended and not alive[job.key]:
                # Of two launches at once one has the job, and perhaps not the one whose number was written down.
                alive[job.key] = _running_shepherd(job.key, job.place.identity.uid) is not None
            seen[job.key] = _observation(job, alive[job.key], record, uids)
        return seen

    def _all_records(self, jobs: Sequence[JobHandle]) -> dict[str, ShepherdRecord | None]:
        """Read all records, without those of an owner as whom nothing can be done now."""
        records: dict[str, ShepherdRecord | None] = {}
        problem = None
        by_owner = sorted(jobs, key=lambda job: job.place.identity.uid)
        for _, group in groupby(by_owner, key=lambda job: job.place.identity.uid):
            try:
                records |= self._records(list(group))
            except ResourceUnreachable as error:
                problem = error
        if problem is not None and not records:
            raise problem
        return records

    def _records(self, jobs: Sequence[JobHandle]) -> dict[str, ShepherdRecord | None]:
        found: dict[str, ShepherdRecord | None] = {}
        try:
            with self.deployment.agents(jobs[0].place.identity) as files:
                for job in jobs:
                    inside = f"{job.place.workspace_path}/{job.place.job_path}"
                    found[job.key] = _read_record(files, job.place.storage_root, inside, job.key)
        except AgentError as error:
            raise ResourceUnreachable(str(error)) from error
        return found

    def stop(self, job: JobHandle, grace_seconds: float) -> None:
        process = _process(job) if _is_alive(job) else _running_shepherd(job.key, job.place.identity.uid)
        if process is None:
            return
        try:
            with self.deployment.agents(job.place.identity) as files:
                _wait_until_it_listens(files, job, process)
                files.signal(*process, signal.SIGTERM)
                files.signal(*process, signal.SIGCONT)  # a job may have halted the one that watches over it
        except AgentError as error:
            raise ResourceUnreachable(str(error)) from error

    def end_descriptor(self, job: JobHandle) -> int | None:
        pid, _ = _process(job)
        if pid == GONE_PID:
            return None
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            return None
        if _is_alive(job):
            return descriptor
        os.close(descriptor)
        return None

    def health(self) -> Health:
        load = os.getloadavg()[0]
        return Health(True, f"{os.cpu_count()} CPUs, load {load:.1f}.")


class _Listeners:
    """Who listens on which local port, read once a tick and only if somebody needs it."""

    def __init__(self) -> None:
        self._uids: Mapping[int, frozenset[int]] | None = None

    def belongs_to(self, port: int, uid: int) -> bool:
        if self._uids is None:
            self._uids = listening_uids()
        return self._uids.get(port) == frozenset({uid})


def _observation(
    job: JobHandle, alive: bool, record: ShepherdRecord | None, listeners: _Listeners
) -> Observation:
    if alive:
        return _running(job, record, listeners)
    if record is None or record.phase != "ended" or record.reason is None:
        return _lost(job, record)
    return Observation(
        state=ObservedState.ENDED,
        reason=EndReason(record.reason),
        message=record.message,
        started_at=record.process_at or record.started_at,
        ended_at=record.ended_at,
        exit_code=record.exit_code,
        signal=record.signal,
        usage=_usage(record),
    )


def _running(job: JobHandle, record: ShepherdRecord | None, listeners: _Listeners) -> Observation:
    if record is None:
        return Observation(state=ObservedState.RUNNING)
    ready_at, port = None, None
    # The record is the user's to write: the port must be one that a process of theirs listens on.
    if (
        record.phase == "ready"
        and record.port is not None
        and listeners.belongs_to(record.port, job.place.identity.uid)
    ):
        ready_at, port = record.ready_at, record.port
    return Observation(
        state=ObservedState.RUNNING,
        started_at=record.process_at or record.started_at,
        host=LOOPBACK,
        port=port,
        ready_at=ready_at,
        usage=_usage(record),
    )


def _lost(job: JobHandle, record: ShepherdRecord | None) -> Observation:
    rebooted = job.state.get("boot_id") != _boot_id()
    message = (
        "The machine was restarted while the job ran."
        if rebooted
        else "The process that watched over the job was killed; how the job ended is not known."
    )
    return Observation(
        state=ObservedState.ENDED,
        reason=EndReason.NODE_FAIL if rebooted else EndReason.LOST,
        message=message,
        started_at=(record.process_at or record.started_at) if record else None,
        usage=_usage(record) if record else Usage(),
    )


def _usage(record: ShepherdRecord) -> Usage:
    # A job too short to be looked at has used some memory, but nobody knows how much.
    return Usage(record.cpu_seconds, record.memory_bytes, record.peak_memory_bytes or None)


def _read_record(files: AgentSession, root: Path, inside: str, key: str) -> ShepherdRecord | None:
    data = _read(files, root, f"{inside}/{RECORD_FILE}", RECORD_SIZE_LIMIT_BYTES)
    return None if data is None else parse_record(data, key)


def _read(files: AgentSession, root: Path, path: str, limit_bytes: int) -> bytes | None:
    """Read a file, or None for what its owner can bring about. An `AgentError` means that the storage is away."""
    try:
        return files.read_file(root, path, limit_bytes=limit_bytes)
    except (NotFoundError, OutsideError, WrongKindError, TooLargeError, PermissionRefusedError) as error:
        if error.code == "no_root":
            raise
        return None


def _wait_until_it_listens(files: AgentSession, job: JobHandle, process: tuple[int, int]) -> None:
    """Wait for a shepherd that has only just been started to have its claim.

    Before that, while its interpreter starts, a signal would end it like any other program, and its job would be lost.
    """
    claim = f"{job.place.workspace_path}/{job.place.job_path}/{CLAIM_FILE}"
    deadline = time.monotonic() + LISTENING_SECONDS
    while process_is_alive(*process, _boot_id()) and time.monotonic() < deadline:
        if files.status(job.place.storage_root, claim) is not None:
            return
        time.sleep(LOOK_SECONDS)


def _process(job: JobHandle) -> tuple[int, int]:
    pid, ticks = job.state.get("pid"), job.state.get("start_time_ticks")
    assert isinstance(pid, int)
    assert isinstance(ticks, int)
    return pid, ticks


def _is_alive(job: JobHandle) -> bool:
    pid, start_time_ticks = _process(job)
    return process_is_alive(pid, start_time_ticks, str(job.state.get("boot_id")))


def _state(pid: int, start_time_ticks: int) -> dict[str, object]:
    return {
        "pid": pid,
        "start_time_ticks": start_time_ticks,
        "boot_id": _boot_id(),
        "host": socket.gethostname(),
    }


def base_environment(identity: Identity) -> dict[str, str]:
    """Return what every job finds in its environment beneath its own variables; nothing is inherited from us."""
    try:
        account = pwd.getpwuid(identity.uid)
        home, shell = account.pw_dir, account.pw_shell
    except KeyError:
        home, shell = "/", "/bin/sh"
    return SHEPHERD_ENVIRONMENT | {
        "HOME": home,
        "USER": identity.username,
        "LOGNAME": identity.username,
        "SHELL": shell or "/bin/sh",
    }


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


@cache
def _shepherd_python() -> str:
    """Return the interpreter of the shepherds. Finding it starts one, which every launch would wait for."""
    return find_interpreter(None).python


def _running_shepherd(key: str, uid: int) -> tuple[int, int] | None:
    """Find a live shepherd of this launch among the processes of `uid`: its pid and start time in ticks."""
    for directory in _processes():
        try:
            if directory.stat().st_uid != uid:
                continue
            words = (directory / "cmdline").read_bytes().split(b"\0")
            if not _is_shepherd(words, key.encode()):
                continue
            fields = (directory / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] not in ("Z", "X"):
            return int(directory.name), int(fields[19])
    return None


def _is_shepherd(words: Sequence[bytes], key: bytes) -> bool:
    return any(words[index : index + 2] == [b"--key", key] for index in range(len(words)))


def _processes() -> Iterable[Path]:
    return (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())

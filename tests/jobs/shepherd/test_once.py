"""One launch runs one command; the record is whole whenever it is read."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable

from tests.jobs.shepherd.jobs import KEY, Job, processes_with, wait_until

from uws.jobs.shepherd_record import CLAIMED_ALREADY_STATUS, process_is_alive

Start = Callable[..., Job]


def test_twenty_starts_at_once_run_one_command(job: Job) -> None:
    job.prepare(["sh", "-c", "echo ran; sleep 0.5"])
    starters = [job.start() for _ in range(20)]
    codes = sorted(starter.wait(20) for starter in starters)
    assert codes == [0] + [CLAIMED_ALREADY_STATUS] * 19
    assert job.output() == "ran\n"
    assert (job.directory / "claim").read_text() == KEY


def test_a_start_after_the_end_changes_nothing(start: Start) -> None:
    job = start(["sh", "-c", "echo ran"])
    job.ends()
    before = (job.directory / "record.json").read_bytes()
    assert job.start().wait(10) == CLAIMED_ALREADY_STATUS
    assert (job.directory / "record.json").read_bytes() == before
    assert job.output() == "ran\n"


def test_the_record_is_whole_at_all_times(python: Start) -> None:
    job = python("while True: pass", prologue=[["true"]])
    seen, over = set(), threading.Event()

    def read() -> None:
        while not over.is_set() or "ended" not in seen:
            if record := job.record():  # asserts that it is well-formed
                seen.add(record.phase)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    job.reaches("running")
    wait_until("a first sample", lambda: (record := job.record()) and record.samples)
    wait_until("the reader to have looked", lambda: "running" in seen)
    job.stop()
    job.ends()
    over.set()
    reader.join(20)
    assert {"running", "ended"} <= seen


def test_what_it_writes_is_the_owner_s_alone(job: Job) -> None:
    before = os.umask(0)
    try:
        job.prepare(["true"])
        job.start()
    finally:
        os.umask(before)
    job.ends()
    for name in ("claim", "record.json", "output.log"):
        assert stat.S_IMODE((job.directory / name).stat().st_mode) == 0o600, name


def test_a_directory_moved_while_the_job_runs_keeps_its_record(job: Job) -> None:
    job.prepare(["sh", "-c", "sleep 0.6; exit 5"])
    job.start()
    job.reaches("running")
    moved = job.directory.with_name("moved")
    os.rename(job.directory, moved)
    job.directory = moved
    assert job.ends().exit_code == 5


def test_a_record_that_cannot_be_written_does_not_end_the_job(job: Job) -> None:
    blocker = job.directory / ".record.json.new"
    job.prepare(
        [
            "sh",
            "-c",
            "until test -e go; do sleep 0.02; done; mkdir .record.json.new; sleep 0.7; rmdir .record.json.new; exit 6",
        ]
    )
    job.start()
    job.reaches("running")
    (job.directory / "go").touch()
    wait_until("writing fails", blocker.is_dir)
    assert job.ends().exit_code == 6


def test_a_record_that_could_not_be_written_at_the_end_is_tried_again(job: Job) -> None:
    blocker = job.directory / ".record.json.new"
    job.prepare(["sh", "-c", "mkdir .record.json.new"])
    job.start()
    wait_until("the command has ended", lambda: blocker.is_dir() and not processes_with(job.mark))
    assert job.record() is not None
    blocker.rmdir()
    assert job.ends().reason == "success"


def test_the_shepherd_says_who_it_is(start: Start) -> None:
    job = start(["sleep", "60"])
    record = job.reaches("running")
    identity = record.shepherd
    assert identity.pid == job.starters[0].pid
    assert process_is_alive(identity.pid, identity.start_time_ticks, identity.boot_id)
    assert not process_is_alive(identity.pid, identity.start_time_ticks + 1, identity.boot_id)
    assert not process_is_alive(identity.pid, identity.start_time_ticks, "another-boot")
    job.stop()
    job.reaches("ended")
    wait_until("it is a zombie", lambda: _state(identity.pid) == "Z")
    assert not process_is_alive(identity.pid, identity.start_time_ticks, identity.boot_id)
    job.starters[0].wait()
    assert not process_is_alive(identity.pid, identity.start_time_ticks, identity.boot_id)


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]

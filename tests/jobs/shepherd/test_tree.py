"""The whole process tree: everything is counted, nothing is left."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest
from tests.jobs.shepherd.jobs import Job, processes_with, wait_until

Start = Callable[..., Job]

BURN = """
import os, time
def burn(seconds):
    while time.process_time() < seconds: pass
"""


def test_a_child_left_behind_is_ended_with_the_job(start: Start) -> None:
    job = start(["sh", "-c", "setsid sleep 60 & exit 0"])
    record = job.ends(5)  # which looks for processes left
    assert record.reason == "success"


def test_a_child_left_behind_that_ignores_sigterm_is_killed(python: Start) -> None:
    program = """
import os, signal, time
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid(); signal.signal(15, signal.SIG_IGN); os.write(writer, b"x"); time.sleep(60)
os.read(reader, 1)
"""
    begun = time.monotonic()
    assert python(program).ends().reason == "success"
    assert time.monotonic() - begun < 4.0


def test_a_stop_reaches_children_in_sessions_of_their_own(start: Start) -> None:
    job = start(["sh", "-c", "setsid setsid sleep 60 & setsid sleep 60 & sleep 60"])
    wait_until("three sleep", lambda: len(processes_with(job.mark)) >= 4)
    job.stop()
    assert job.ends(5).reason == "cancelled"


def test_a_stop_ends_children_that_are_suspended(start: Start) -> None:
    job = start(["sh", "-c", "setsid sh -c 'kill -STOP $$' & sleep 60"])
    wait_until("one is suspended", lambda: "T" in [_state(pid) for pid in processes_with(job.mark)])
    job.stop()
    assert job.ends(5).reason == "cancelled"


def _state(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return ""


@pytest.mark.parametrize("flee", ["", "os.setsid()"], ids=["same-session", "new-sessions"])
def test_a_process_that_keeps_forking_away_is_caught(python: Start, flee: str) -> None:
    program = f"""
import os, signal, time
signal.signal(15, signal.SIG_IGN)
if os.fork() == 0:
    while True:
        {flee}
        if os.fork() > 0: os._exit(0)
print("forking", flush=True)
time.sleep(60)
"""
    job = python(program, stop_grace_seconds=0.2)
    wait_until("it forks", lambda: "forking" in job.output())
    job.stop()
    assert job.ends(14).message == "The job was stopped."


def test_many_processes_are_all_ended(start: Start) -> None:
    job = start(
        ["sh", "-c", "i=0; while [ $i -lt 60 ]; do setsid sleep 60 & i=$((i+1)); done; echo up; wait"]
    )
    wait_until("all are up", lambda: "up" in job.output())
    job.stop()
    assert job.ends(5).reason == "cancelled"


def test_the_cpu_time_of_grandchildren_is_counted(python: Start) -> None:
    program = (
        BURN
        + """
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid(); burn(0.6); os._exit(0)
    os._exit(0)  # orphans the grandchild
burn(0.3)
time.sleep(0.8)
"""
    )
    record = python(program).ends()
    assert record.cpu_seconds == pytest.approx(0.9, rel=0.1)


def test_the_cpu_time_of_children_that_were_waited_for_is_counted_once(python: Start) -> None:
    program = (
        BURN
        + """
for _ in range(3):
    if os.fork() == 0:
        burn(0.25); os._exit(0)
    os.wait()
"""
    )
    record = python(program).ends()
    assert record.cpu_seconds == pytest.approx(0.75, rel=0.1)


def test_the_cpu_time_of_a_running_job_is_told(python: Start) -> None:
    job = python(BURN + "if os.fork() == 0: burn(60)\nburn(60)")
    wait_until("CPU time shows", lambda: (record := job.record()) and record.cpu_seconds > 0.2)
    job.stop()
    record = job.ends()
    assert len(record.samples) >= 2
    assert record.samples[-1].cpu_seconds >= record.samples[0].cpu_seconds


def test_memory_of_several_processes_is_summed(python: Start) -> None:
    program = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid(); x = bytearray(40 << 20); time.sleep(60)
time.sleep(60)
"""
    job = python(program)
    wait_until("the memory shows", lambda: (record := job.record()) and record.memory_bytes > 115 << 20)
    job.stop()
    assert 115 << 20 < job.ends().peak_memory_bytes < 150 << 20


def test_memory_that_forks_share_is_counted_once(python: Start) -> None:
    program = """
import os, time
x = bytearray(100 << 20)
for _ in range(3):
    if os.fork() == 0: time.sleep(60)
print("forked", flush=True)
time.sleep(60)
"""
    job = python(program)
    wait_until("it has forked", lambda: "forked" in job.output())
    wait_until("a sample has seen it", lambda: len(job.raw()["samples"]) >= 4)
    job.stop()
    assert 95 << 20 < job.ends().peak_memory_bytes < 130 << 20


def test_a_peak_between_two_samples_is_seen(python: Start) -> None:
    job = python("import time\ntime.sleep(0.7)\nx = bytearray(150 << 20)\ndel x\ntime.sleep(60)")
    wait_until(
        "a quiet sample follows", lambda: job.raw()["peak_memory_bytes"] > 140 << 20 if job.record() else 0
    )
    job.stop()
    assert job.ends().peak_memory_bytes < 180 << 20


def test_a_job_too_short_to_be_sampled_has_a_peak(python: Start) -> None:
    assert python("x = bytearray(60 << 20)").ends().peak_memory_bytes > 55 << 20


def test_a_command_that_only_sleeps_has_a_small_peak(start: Start) -> None:
    assert 0 < start(["sleep", "0.1"]).ends().peak_memory_bytes < 4 << 20


def test_threads_are_not_taken_for_processes(python: Start) -> None:
    program = """
import _thread, time
x = bytearray(50 << 20)
for _ in range(20): _thread.start_new_thread(time.sleep, (60,))
time.sleep(60)
"""
    job = python(program)
    wait_until("some samples", lambda: (record := job.record()) and len(record.samples) >= 3)
    job.stop()
    assert job.ends().peak_memory_bytes < 90 << 20


def test_the_command_has_default_signals_and_no_descriptors_but_three(job: Job) -> None:
    job.prepare(["sh", "-c", "grep -E '^Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd | tr '\\n' ' '"])
    reader, writer = os.pipe()
    os.set_inheritable(reader, True)

    def ignore() -> None:
        for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})

    job.start(preexec_fn=ignore, pass_fds=(reader,))
    os.close(reader)
    os.close(writer)
    job.ends()
    lines = job.output().splitlines()
    assert [line.split()[1] for line in lines[:2]] == ["0" * 16, "0" * 16]
    assert lines[2].split() == ["0", "1", "2", "3"]  # 3 is the listing's own

"""Every way in which a job may end, each with its reason, code and sentence."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.jobs.shepherd.jobs import KEY, PYTHON, SHEPHERD, Job, processes_with, wait_until

from uws.jobs.shepherd_record import LaunchProbe, shepherd_command

Start = Callable[..., Job]


def test_a_command_that_ends_well_is_a_success(start: Start) -> None:
    job = start(["sh", "-c", "echo done"])
    record = job.ends()
    assert (record.reason, record.exit_code, record.signal, record.message) == ("success", 0, None, None)
    assert job.output() == "done\n"
    assert job.starters[0].returncode == 0
    assert record.process_at is not None
    assert record.ended_at is not None
    assert record.started_at <= record.process_at <= record.ended_at


def test_an_exit_code_is_kept_and_passed_on(start: Start) -> None:
    job = start(["sh", "-c", "exit 7"])
    record = job.ends()
    assert (record.reason, record.exit_code, record.signal) == ("failed", 7, None)
    assert record.message == "The job's command ended with exit code 7."
    assert job.starters[0].returncode == 7


def test_a_signal_is_told_apart_from_an_exit_code(start: Start) -> None:
    job = start(["sh", "-c", "kill -SEGV $$"])
    record = job.ends()
    assert (record.reason, record.exit_code, record.signal) == ("signalled", None, 11)
    assert record.message == "The job's command was ended by signal 11 (SIGSEGV)."
    assert job.starters[0].returncode == 128 + 11


def test_an_exit_code_survives_a_starter_that_ignores_sigchld(job: Job) -> None:
    job.prepare(["sh", "-c", "exit 3"])
    job.start(preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert job.ends().exit_code == 3


def test_a_command_that_does_not_exist_is_named(start: Start) -> None:
    record = start(["no-such-program", "--flag"]).ends()
    assert (record.reason, record.exit_code, record.command_pid) == ("command_not_found", None, None)
    assert record.message is not None
    assert record.message.startswith("The command 'no-such-program' could not be run on ")
    assert record.message.endswith(": No such file or directory.")


def test_a_command_that_may_not_be_executed_is_named(job: Job) -> None:
    program = job.directory / "program"
    program.write_text("text")
    job.prepare([str(program)])
    job.start()
    record = job.ends()
    assert record.reason == "command_not_found"
    assert record.message is not None
    assert "Permission denied" in record.message


def test_a_working_directory_that_is_not_there_is_named(start: Start) -> None:
    record = start(["true"], working_directory="/nonexistent/place").ends()
    assert record.reason == "failed"
    assert record.message == (
        "The working directory /nonexistent/place could not be entered: No such file or directory."
    )


def test_a_job_past_its_time_limit_is_ended(start: Start) -> None:
    begun = time.monotonic()
    record = start(["sleep", "60"], time_limit_seconds=1).ends()
    assert 1.0 <= time.monotonic() - begun < 2.5
    assert (record.reason, record.signal) == ("timeout", signal.SIGTERM)
    assert record.message == "The job ran past its time limit of 1 second and was ended."


def test_a_job_past_its_memory_limit_is_killed(python: Start) -> None:
    job = python("x = bytearray(200 << 20)\nimport time\ntime.sleep(60)", memory_limit_bytes=50 << 20)
    record = job.ends()
    assert (record.reason, record.signal) == ("out_of_memory", signal.SIGKILL)
    assert record.message is not None
    assert "more than its limit of 50 MB" in record.message
    assert record.peak_memory_bytes > 50 << 20


def test_memory_that_grows_quickly_is_caught_before_it_is_far_over(python: Start) -> None:
    program = "import time\nx = []\nwhile True:\n    x.append(bytearray(5 << 20)); time.sleep(0.05)"
    record = python(program, memory_limit_bytes=120 << 20).ends()
    assert record.reason == "out_of_memory"
    assert record.peak_memory_bytes < 240 << 20


def test_a_stopped_job_is_cancelled(start: Start) -> None:
    job = start(["sleep", "60"])
    job.reaches("running")
    job.stop()
    begun = time.monotonic()
    record = job.ends()
    assert time.monotonic() - begun < 1.0
    assert (record.reason, record.message, record.signal) == (
        "cancelled",
        "The job was stopped.",
        signal.SIGTERM,
    )


def test_a_job_that_ignores_sigterm_is_killed_after_the_grace_period(python: Start) -> None:
    program = (
        "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('set', flush=True)\ntime.sleep(60)"
    )
    job = python(program, stop_grace_seconds=0.5)
    wait_until("the handler is set", lambda: "set" in job.output())
    job.stop()
    begun = time.monotonic()
    record = job.ends()
    assert 0.4 < time.monotonic() - begun < 1.5
    assert (record.reason, record.signal) == ("cancelled", signal.SIGKILL)


def test_a_second_stop_kills_at_once(python: Start) -> None:
    program = (
        "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('set', flush=True)\ntime.sleep(60)"
    )
    job = python(program, stop_grace_seconds=30)
    wait_until("the handler is set", lambda: "set" in job.output())
    job.stop()
    pid = job.starters[0].pid
    wait_until("the first stop is taken", lambda: _pending_signals(pid) == 0)
    job.stop()
    assert job.ends(5).reason == "cancelled"


def _pending_signals(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("ShdPnd:")[1].split()[0], 16)


def test_a_job_may_use_its_grace_period_to_save(python: Start) -> None:
    program = """
import signal, sys, time
def save(number, frame):
    time.sleep(0.3); print("saved", flush=True); sys.exit(0)
signal.signal(15, save)
print("set", flush=True)
time.sleep(60)
"""
    job = python(program, stop_grace_seconds=10)
    wait_until("the handler is set", lambda: "set" in job.output())
    job.stop()
    record = job.ends()
    assert (record.reason, record.exit_code) == ("cancelled", 0)
    assert "saved" in job.output()


def test_a_suspended_job_can_be_stopped(start: Start) -> None:
    job = start(["sleep", "60"])
    pid = job.reaches("running").command_pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    job.stop()
    assert job.ends(5).reason == "cancelled"


def test_prologue_commands_run_first_and_in_order(start: Start) -> None:
    job = start(["sh", "-c", "echo three"], prologue=[["sh", "-c", "sleep 0.1; echo one"], ["echo", "two"]])
    record = job.ends()
    assert record.reason == "success"
    assert job.output() == "one\ntwo\nthree\n"
    assert record.process_at is not None
    assert record.process_at - record.started_at >= 0.1


def test_a_prologue_that_fails_ends_the_job(start: Start) -> None:
    job = start(["echo", "never"], prologue=[["sh", "-c", "exit 4"]])
    record = job.ends()
    assert (record.reason, record.exit_code) == ("prologue_failed", None)
    assert record.message == "A preparation step of the job ended with exit code 4."
    assert job.output() == ""


def test_a_prologue_that_does_not_exist_is_named(start: Start) -> None:
    record = start(["echo", "never"], prologue=[["no-such-step"]]).ends()
    assert record.reason == "prologue_failed"
    assert record.message is not None
    assert "'no-such-step'" in record.message


def test_a_port_that_never_answers_ends_the_job(start: Start) -> None:
    probe = LaunchProbe("/", {}, timeout_seconds=0.5)
    record = start(["sleep", "60"], needs_port=True, probe=probe).ends()
    assert record.reason == "port_never_answered"
    assert record.message == (
        "The application did not answer on its port within 0.5 seconds (nothing listened there), "
        "and the job was ended."
    )


def test_an_unreadable_launch_file_is_an_end_with_a_reason(job: Job) -> None:
    (job.directory / "launch.json").write_text('{"version": 1')
    job.start()
    record = job.ends()
    assert record.reason == "failed"
    assert record.message is not None
    assert record.message.startswith("launch.json is not complete")


def test_an_incomplete_launch_file_is_an_end_with_a_reason(job: Job) -> None:
    (job.directory / "launch.json").write_text('{"version": 1, "launch_key": "uws-3f2a-12-1", "port": null}')
    job.start()
    record = job.ends()
    assert (record.reason, record.message) == ("failed", "launch.json is not complete: KeyError: 'prologue'")


def test_another_launch_s_file_is_refused(job: Job) -> None:
    job.prepare(["touch", "ran"], launch_key="uws-3f2a-12-2")
    job.start()
    assert job.ends().reason == "failed"
    assert not (job.directory / "ran").exists()


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_an_output_that_is_no_file_of_the_job_is_refused(job: Job, kind: str) -> None:
    if kind == "link":
        (job.directory / "output.log").symlink_to(job.directory / "elsewhere")
    else:
        os.mkfifo(job.directory / "output.log")
    job.prepare(["touch", "ran"])
    job.start()
    record = job.ends()
    assert record.reason == "failed"
    assert not (job.directory / "ran").exists()
    assert not (job.directory / "elsewhere").exists()


def test_a_killed_shepherd_takes_the_command_with_it(start: Start) -> None:
    job = start(["sleep", "60"])
    pid = job.reaches("running").command_pid
    job.starters[0].kill()
    wait_until("the command has ended", lambda: pid not in processes_with(job.mark))


def test_whoever_started_it_may_be_killed(job: Job) -> None:
    job.prepare(["sh", "-c", "sleep 0.7; echo done"])
    argv = shepherd_command(PYTHON, SHEPHERD, KEY, job.directory)
    starter = f"import subprocess, time; subprocess.Popen({argv!r}); time.sleep(60)"
    parent = subprocess.Popen([PYTHON, "-c", starter], start_new_session=True)
    job.starters.append(parent)
    job.reaches("running")
    os.killpg(parent.pid, signal.SIGKILL)
    assert job.ends().reason == "success"
    assert job.output() == "done\n"


def test_changes_are_told_to_the_notify_socket(job: Job) -> None:
    path = job.directory / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(10)
        job.prepare(["true"], notify_socket=str(path))
        job.start()
        assert [listener.recv(100) for _ in range(2)] == [b"uws-3f2a-12-1"] * 2
    assert job.ends().reason == "success"


def test_a_notify_socket_without_a_listener_does_no_harm(start: Start) -> None:
    assert start(["true"], notify_socket="/nonexistent/reconciler.sock").ends().reason == "success"

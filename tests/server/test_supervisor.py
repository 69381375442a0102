from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import wait_until

from uws.server.processes import own_pid_file, pid_path

PROGRAM = str(Path(__file__).with_name("supervised.py"))

Start = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a supervisor of the named kinds of roles; whatever is left is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(kinds: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, PROGRAM, str(tmp_path), kinds],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        for kind in kinds.split(","):
            wait_until(lambda kind=kind: pid_path(tmp_path, f"{kind}-1").exists())  # type: ignore[misc]
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def pid_of(directory: Path, role: str) -> int:
    return int(pid_path(directory, role).read_text())


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def is_ready(pid: int) -> bool:
    """True once the child has its own SIGTERM handler (or ignores it): SigCgt and SigIgn of proc(5)."""
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
    )
    handled = int(status["SigCgt"], 16) | int(status["SigIgn"], 16)
    return bool(handled & (1 << (signal.SIGTERM - 1)))


def wait_ready(directory: Path, *roles: str) -> None:
    for role in roles:
        wait_until(lambda role=role: is_ready(pid_of(directory, role)))  # type: ignore[misc]


def test_a_child_that_is_killed_is_started_again(start: Start, tmp_path: Path) -> None:
    start("sleeps")
    first = pid_of(tmp_path, "sleeps-1")
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: pid_path(tmp_path, "sleeps-1").exists() and pid_of(tmp_path, "sleeps-1") != first)
    assert lives(pid_of(tmp_path, "sleeps-1"))


def test_a_child_that_crashes_again_and_again_is_started_less_and_less_often(start: Start) -> None:
    process = start("crashes")
    assert process.stdout is not None
    pauses: list[str] = []
    for line in process.stdout:
        if "starting it again in" in line:
            pauses.append(line.rsplit(" in ", 1)[1].strip())
        if len(pauses) == 3:
            break
    assert pauses == ["0.05 s", "0.1 s", "0.2 s"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_everything_with_exit_code_0(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    process = start("sleeps,slow")
    wait_ready(tmp_path, "sleeps-1", "slow-1")
    pids = [pid_of(tmp_path, "sleeps-1"), pid_of(tmp_path, "slow-1")]
    process.send_signal(number)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "finished what had begun" in output
    assert not any(lives(pid) for pid in pids)
    assert list(tmp_path.iterdir()) == []


def test_a_signal_that_came_twice_at_once_is_one_wish(start: Start, tmp_path: Path) -> None:
    process = start("slow")
    wait_ready(tmp_path, "slow-1")
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=10)
    assert "finished what had begun" in output


def test_a_second_signal_ends_a_deaf_child_at_once(start: Start, tmp_path: Path) -> None:
    process = start("deaf")
    wait_ready(tmp_path, "deaf-1")
    pid = pid_of(tmp_path, "deaf-1")
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.7)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=5)
    assert (process.returncode, lives(pid)) == (0, False)
    assert "deaf-1 did not end in time and is killed" in output


def test_children_end_when_the_supervisor_is_killed(start: Start, tmp_path: Path) -> None:
    process = start("sleeps,slow")
    wait_ready(tmp_path, "sleeps-1", "slow-1")
    pids = [pid_of(tmp_path, "sleeps-1"), pid_of(tmp_path, "slow-1")]
    process.kill()
    wait_until(lambda: not any(lives(pid) for pid in pids), 5)


def test_a_sigint_to_the_whole_group_leaves_ending_to_the_supervisor(start: Start, tmp_path: Path) -> None:
    start("sleeps")
    wait_ready(tmp_path, "sleeps-1")
    pid = pid_of(tmp_path, "sleeps-1")
    os.kill(pid, signal.SIGINT)
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not pid_path(tmp_path, "sleeps-1").exists() or pid_of(tmp_path, "sleeps-1") != pid)


def test_roles_that_run_alone_are_numbered_by_who_lives(tmp_path: Path) -> None:
    pid_path(tmp_path, "web-1").write_text("999999999\n")
    with own_pid_file(tmp_path, "web") as first, own_pid_file(tmp_path, "web") as second:
        assert (first, second) == ("web-1", "web-2")
        assert pid_of(tmp_path, "web-2") == os.getpid()
    assert list(tmp_path.iterdir()) == []

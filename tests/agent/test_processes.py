from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.agent.observing import is_running, wait_for

from uws.agent.client import Agents, AgentSession, Spawned
from uws.agent.errors import AgentError, NotFoundError, PermissionRefusedError
from uws.agent.identity import Identity

REPORT = """
import json, os, signal, sys
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
report = {
    "environment": dict(os.environ), "directory": os.getcwd(), "argv": sys.argv[1:],
    "descriptors": {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if int(fd) < 3
                    or os.path.exists(f"/proc/self/fd/{fd}")},
    "session": os.getsid(0), "pid": os.getpid(), "umask": os.umask(0),
    "blocked": int(status["SigBlk"], 16), "ignored": int(status["SigIgn"], 16),
}
os.rename(open("part", "w").write(json.dumps(report)) and "part", "report")
"""


@pytest.fixture
def spawn(files: AgentSession, root: Path) -> Iterator[Callable[..., Spawned]]:
    """Spawn in ada's workspace; whatever is left is killed at the end."""
    started = []

    def start(argv: list[str], environment: dict[str, str] | None = None) -> Spawned:
        started.append(files.spawn(argv, root=root, path="ada/1", environment=environment or {}))
        return started[-1]

    yield start
    for process in started:
        files.signal(process.pid, process.start_time_ticks, signal.SIGKILL)


def test_a_process_gets_exactly_what_is_given(spawn: Callable[..., Spawned], root: Path) -> None:
    os.environ["UWS_TEST_SECRET"] = "not for jobs"
    inherited = os.open("/etc/hostname", os.O_RDONLY)
    os.set_inheritable(inherited, True)
    try:
        environment = {
            "NAME": "with spaces; $(and) 'quotes'",
            "ÄÖ": "ü\udcff",
            "EMPTY": "",
            "LC_ALL": "C.UTF-8",
        }
        process = spawn([sys.executable, "-I", "-S", "-c", REPORT, "a b", "*", ""], environment)
        wait_for((root / "ada/1/report").exists, "the report")
    finally:
        os.close(inherited)
        del os.environ["UWS_TEST_SECRET"]
    report = json.loads((root / "ada/1/report").read_text())
    assert report["environment"] == environment
    assert report["directory"] == str(root / "ada/1")
    assert report["argv"] == ["a b", "*", ""]
    assert report["descriptors"] == {"0": "/dev/null", "1": "/dev/null", "2": "/dev/null"}
    assert report["pid"] == report["session"] == process.pid
    assert report["umask"] == 0o022
    assert report["blocked"] == 0
    # Python itself ignores SIGPIPE and SIGXFSZ in every program it runs
    assert ignored(report["ignored"]) <= {signal.SIGPIPE, signal.SIGXFSZ}


def test_signals_that_the_server_ignores_or_blocks_are_back_to_normal(
    agents: Agents, me: Identity, root: Path
) -> None:
    """An ignored SIGCHLD is inherited through every exec, and makes every exit code read 0."""
    code = (
        "import signal, sys\n"
        "from uws.agent.client import Agents\nfrom uws.agent.identity import Identity\n"
        "for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR1])\n"
        "with Agents()(Identity.current()) as files:\n"
        "    files.spawn(['/bin/sh', '-c', 'cat /proc/self/status > part; mv part status'],\n"
        "                root=sys.argv[1], path='ada/1', environment={'PATH': '/usr/bin:/bin'})\n"
    )
    subprocess.run([sys.executable, "-c", code, root], check=True, timeout=30)
    wait_for((root / "ada/1/status").exists, "the status")
    lines = (root / "ada/1/status").read_text().splitlines()
    masks = {line[:6]: int(line[8:], 16) for line in lines if line.startswith(("SigBlk", "SigIgn"))}
    assert masks["SigBlk"] == 0
    assert ignored(masks["SigIgn"]) == set()


def ignored(mask: int) -> set[int]:
    """The ignored signals in a mask of proc(5); 32 and 33 are glibc's own, which its posix_spawn ignores."""
    return {number for number in range(1, 65) if mask & 1 << number - 1} - {32, 33}


def test_its_start_time_is_that_of_proc(spawn: Callable[..., Spawned]) -> None:
    process = spawn(["sleep", "60"], {"PATH": "/usr/bin:/bin"})
    stat = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    assert process.start_time_ticks == int(stat[19])


def test_a_command_that_cannot_be_executed_is_named(files: AgentSession, root: Path) -> None:
    (root / "ada/1/no-script").write_text("no program")
    (root / "ada/1/no-script").chmod(0o755)
    (root / "ada/1/not-executable").write_text("#!/bin/sh\n")
    for command, reason in (
        ("/no/such/program", "No such file"),
        ("nothing-of-this-name", "No such file"),
        ("./no-script", "Exec format error"),
        ("./not-executable", "Permission denied"),
        ("/", "Permission denied"),
    ):
        with pytest.raises(AgentError, match=f"'{command}' could not be started: {reason}") as refused:
            files.spawn([command], root=root, path="ada/1", environment={"PATH": "/usr/bin:/bin"})
        assert refused.value.code == "spawn"
    with pytest.raises(NotFoundError, match="'ada/2' does not exist"):
        files.spawn(["/bin/true"], root=root, path="ada/2", environment={})
    with pytest.raises(AgentError, match="Argument list too long"):
        files.spawn(["/bin/true", "x" * 1_000_000], root=root, path="ada/1", environment={})


@pytest.mark.parametrize(
    ("argv", "environment"),
    [
        ([], {}),
        ([""], {}),
        (["/bin/true", "a\0b"], {}),
        (["/bin/true", "\ud800"], {}),
        (["/bin/true"], {"A=B": ""}),
        (["/bin/true"], {"": "x"}),
        (["/bin/true"], {"A": "b\0c"}),
    ],
)
def test_what_no_process_can_be_given_is_refused(
    files: AgentSession, root: Path, argv: list[str], environment: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match=r"command|environment"):
        files.spawn(argv, root=root, path="ada/1", environment=environment)
    assert files.make_directory(root, "ada/1") is False


def test_the_command_is_searched_in_its_own_path(spawn: Callable[..., Spawned], root: Path) -> None:
    (root / "ada/1/bin").mkdir()
    (root / "ada/1/bin/tool").write_text("#!/bin/sh\necho found > report\n")
    (root / "ada/1/bin/tool").chmod(0o755)
    spawn(["tool"], {"PATH": f"/nowhere:{root / 'ada/1/bin'}"})
    wait_for((root / "ada/1/report").exists, "the report")


def test_a_process_survives_the_session_and_the_server(root: Path) -> None:
    code = (
        "import os, sys\nfrom uws.agent.client import Agents\nfrom uws.agent.identity import Identity\n"
        "with Agents()(Identity.current()) as files:\n"
        "    process = files.spawn(['/bin/sleep', '60'], root=sys.argv[1], path='', environment={})\n"
        "    print(process.pid, process.start_time_ticks, files.pid, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    server = subprocess.run(
        [sys.executable, "-c", code, root], stdout=subprocess.PIPE, check=False, timeout=30
    )
    assert server.returncode == -9
    pid, start_time_ticks, agent = map(int, server.stdout.split())
    wait_for(lambda: not is_running(agent), "the end of the agent")
    assert is_running(pid)
    parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
    assert int(parent) not in (agent, os.getpid())
    with Agents()(Identity.current()) as files:
        assert files.signal(pid, start_time_ticks, signal.SIGKILL) is True
    wait_for(lambda: not is_running(pid), "the end of the process")


def test_only_the_very_process_is_signalled(
    files: AgentSession, spawn: Callable[..., Spawned], root: Path
) -> None:
    process = spawn(["/bin/sleep", "60"])
    assert files.signal(process.pid, process.start_time_ticks + 1, signal.SIGKILL) is False
    assert is_running(process.pid)
    assert files.signal(process.pid, process.start_time_ticks, signal.SIGTERM) is True
    wait_for(lambda: not is_running(process.pid), "the end of the process")
    # Still the agent's child, so a zombie now: it is there, but nothing can be signalled any more.
    assert Path(f"/proc/{process.pid}").exists()
    assert files.signal(process.pid, process.start_time_ticks, signal.SIGTERM) is False


def test_a_process_that_never_was_is_gone(files: AgentSession) -> None:
    assert files.signal(2**22 + 1, 5, signal.SIGTERM) is False
    for pid, number in ((1, 15), (0, 15), (-1, 15), (5, 0), (5, 65)):
        with pytest.raises(ValueError, match=r"process|signal"):
            files.signal(pid, 5, number)


def test_somebody_elses_process_is_refused_not_gone(files: AgentSession) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may signal every process")
    (start,) = [Path("/proc/2/stat").read_text().rpartition(")")[2].split()[19]]
    with pytest.raises(PermissionRefusedError):
        files.signal(2, int(start), signal.SIGURG)

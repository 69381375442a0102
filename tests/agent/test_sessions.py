"""The agent's life: started, killed, hostile, silent; and the server that must not mind."""

from __future__ import annotations

import dataclasses
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.agent.observing import everything, is_running, open_descriptors, wait_for

from uws.agent import client
from uws.agent.client import Agents, AgentSession
from uws.agent.errors import (
    AgentDiedError,
    AgentError,
    AgentTimeoutError,
    NotFoundError,
    PermissionRefusedError,
)
from uws.agent.identity import Identity
from uws.agent.process import AgentProcess

Hostile = Callable[..., AgentSession]


def test_the_agent_ends_with_the_session(agents: Agents, me: Identity, root: Path) -> None:
    before = open_descriptors()
    with agents(me) as files:
        files.make_directory(root, "ada/2")
        assert is_running(files.pid)
    assert not Path(f"/proc/{files.pid}").exists()
    assert open_descriptors() == before
    with pytest.raises(AgentDiedError):
        files.make_directory(root, "ada/3")


def test_only_the_servers_own_account_can_be_become(agents: Agents, me: Identity) -> None:
    grace = dataclasses.replace(me, username="grace", uid=me.uid + 1)
    with (
        pytest.raises(PermissionRefusedError, match=f"'grace' \\(uid {grace.uid}\\).*uid {me.uid}.*'self'"),
        agents(grace),
    ):
        pass


def test_the_current_identity_is_that_of_the_process() -> None:
    me = Identity.current()
    assert (me.uid, me.gid) == (os.geteuid(), os.getegid())
    assert me.username


def test_an_interpreter_that_cannot_run_it_is_named(me: Identity, tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 2 7 00\n")
    broken.chmod(0o755)
    for python, reason in (
        (str(tmp_path / "none"), "No such file"),
        (str(broken), "Python 2.7; 3.9 is needed"),
    ):
        with pytest.raises(AgentError, match=reason), Agents(python=python)(me):
            pass


def test_another_interpreter_can_be_named(me: Identity, root: Path) -> None:
    with Agents(python=sys.executable)(me) as files:
        assert os.path.samefile(f"/proc/{files.pid}/exe", sys.executable)
        assert files.make_directory(root, "ada/2") is True


def test_sessions_in_many_threads_do_not_disturb_each_other(agents: Agents, me: Identity, root: Path) -> None:
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for number in range(5):
                with agents(me) as files:
                    files.write_file(root, f"ada/{name}/{number}", name.encode())
                    assert files.read_file(root, f"ada/{name}/{number}") == name.encode()
        except BaseException as error:
            failures.append(error)

    before = open_descriptors()
    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(10, 18)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(everything(root / "ada")) == 1 + 8 * 6
    assert open_descriptors() == before


def test_an_agent_killed_between_calls_is_said_so_and_the_next_works(
    agents: Agents, me: Identity, root: Path
) -> None:
    with agents(me) as files:
        os.kill(files.pid, signal.SIGKILL)
        with pytest.raises(AgentDiedError, match="ended unexpectedly"):
            files.make_directory(root, "ada/2")
        with pytest.raises(AgentDiedError):
            files.status(root, "ada")
    with agents(me) as files:
        assert files.make_directory(root, "ada/2") is True


def test_an_agent_killed_in_the_middle_of_a_call_leaves_no_part(
    agents: Agents, me: Identity, root: Path
) -> None:
    reader, writer = os.pipe()
    (root / "ada/1/x").write_text("old")
    before = open_descriptors()
    with agents(me) as files:

        def kill() -> None:
            agents_own = Path(f"/proc/{files.pid}/fd")
            wait_for(lambda: any("ada/1" in os.readlink(fd) for fd in agents_own.iterdir()), "the part")
            os.kill(files.pid, signal.SIGKILL)
            os.write(writer, b"new")  # only now can the call go on, and meet nobody
            os.close(writer)

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(AgentDiedError):
            files.write_from(root, "ada/1/x", reader, size=3)
        killer.join()
    os.close(reader)
    assert open_descriptors() == before - 2
    assert (root / "ada/1/x").read_text() == "old"
    assert everything(root / "ada/1") == ["x"]


def test_a_server_killed_in_the_middle_of_a_copy_leaves_no_part(root: Path) -> None:
    import subprocess

    code = (
        "import os, sys\nfrom uws.agent.client import Agents\nfrom uws.agent.identity import Identity\n"
        "with Agents()(Identity.current()) as files:\n"
        "    print(files.pid, flush=True)\n"
        "    files.write_from(sys.argv[1], 'ada/2/x', 0, size=None)\n"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", code, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdout is not None
    assert server.stdin is not None
    agent = int(server.stdout.readline())
    server.stdin.write(b"half of it")
    server.stdin.flush()
    wait_for((root / "ada/2").exists, "the directory")
    server.kill()
    server.wait()
    server.stdout.close()
    server.stdin.close()
    wait_for(lambda: not is_running(agent), "the end of the agent")
    assert everything(root) == ["ada", "ada/1"]


def test_a_call_that_is_too_long_for_a_frame_harms_nothing(files: AgentSession, root: Path) -> None:
    with pytest.raises(ValueError, match="too long"):
        files.spawn(["/bin/true", "x" * 5_000_000], root=root, path="", environment={})
    assert files.make_directory(root, "ada/2") is True


# An agent that is somebody else's program


HOSTILE_ANSWERS = {
    "nothing": "",
    "half a head": "channel.sendall(b'\\0\\0')",
    "an endless answer": "channel.sendall(b'\\xff\\xff\\xff\\xff\\0\\0\\0\\0')",
    "an endless payload": "channel.sendall(b'\\0\\0\\0\\2\\xff\\xff\\xff\\xff{}')",
    "no JSON": "answer(b'no JSON')",
    "no UTF-8": 'answer(b\'{"ok":"\\xff"}\')',
    "no object": "answer([1])",
    "no answer": "answer({})",
    "both answers": "answer({'ok': True, 'error': 'exists', 'message': 'x'})",
    "progress to a short call": "answer({'progress': 1})",
    "deep JSON": "answer(b'[' * 60000)",
    "many digits": "answer(b'{\"ok\":' + b'9' * 60000 + b'}')",
    "another type": "answer({'ok': 'yes'})",
    "a descriptor": "answer({'ok': True}, descriptors=[0])",
    "a descriptor with an error": "answer({'error': 'exists', 'message': 'x'}, descriptors=[0])",
    "many descriptors": "answer({'ok': True}, descriptors=[0] * 200)",
}


@pytest.mark.parametrize("code", HOSTILE_ANSWERS.values(), ids=HOSTILE_ANSWERS.keys())
def test_an_answer_that_is_none_ends_the_session_and_leaks_nothing(
    hostile: Hostile, root: Path, code: str
) -> None:
    before = open_descriptors()
    files = hostile("order()\n" + code)
    with pytest.raises(AgentDiedError, match="ended unexpectedly"):
        files.make_directory(root, "ada/2")
    assert open_descriptors() == before
    with pytest.raises(AgentDiedError):
        files.make_directory(root, "ada/2")


@pytest.mark.parametrize("number", ["-1", "2**63", "1.5", "True", "None", "'5'"])
def test_numbers_are_checked(hostile: Hostile, root: Path, number: str) -> None:
    for value, call in (
        (f"[{number}, False]", lambda files: files.scan(root, "")),
        (f"[{number}, 5]", lambda files: files.spawn(["x"], root=root, path="", environment={})),
        (
            f"{{'kind': 'file', 'size_bytes': {number}, 'modified': 1.0, 'uid': 0}}",
            lambda files: files.status(root, "x"),
        ),
    ):
        with pytest.raises(AgentDiedError):
            call(hostile(f"order()\nanswer({{'ok': {value}}})"))


@pytest.mark.parametrize("listing", ["b'f/x'", "b'x/x\\0'", "b'fx\\0'", "b'f/x\\0' * 11"])
def test_a_listing_is_checked(hostile: Hostile, root: Path, listing: str) -> None:
    files = hostile(f"order()\nanswer({{'ok': [0, False]}}, {listing})")
    with pytest.raises(AgentDiedError):
        files.scan(root, "", limit=10)


@pytest.mark.parametrize("names", ["b'f1/..\\0'", "b'f1/.\\0'", "b'd1/../../etc\\0'", "b'f1/a/b\\0'"])
def test_an_entry_that_no_directory_can_have_is_refused(hostile: Hostile, root: Path, names: str) -> None:
    files = hostile(f"order()\nanswer({{'ok': False}}, {names})")
    with pytest.raises(AgentDiedError):
        files.list_directory(root, "ada/1")


@pytest.mark.parametrize("saying", ["b''", "b'a\\0b'", "b'x' * 5000"])
def test_what_no_link_can_say_is_refused(hostile: Hostile, root: Path, saying: str) -> None:
    files = hostile(f"order()\nanswer({{'ok': None}}, {saying})")
    with pytest.raises(AgentDiedError):
        files.read_link(root, "ada/1/link")


def test_a_pipe_passed_for_a_file_blocks_nobody(hostile: Hostile, root: Path) -> None:
    before = open_descriptors()
    files = hostile("order()\nanswer({'ok': None}, descriptors=[os.pipe()[1]])\ntime.sleep(60)")
    with pytest.raises(AgentDiedError):
        files.write_from(root, "x", 0, size=None)
    assert open_descriptors() == before


def test_an_endless_message_is_cut(hostile: Hostile, root: Path) -> None:
    files = hostile("order()\nanswer({'error': 'x' * 9999, 'message': 'y' * 9999})")
    with pytest.raises(AgentError) as refused:
        files.make_directory(root, "ada/2")
    assert len(refused.value.message) == 2000
    assert len(refused.value.code) == 40


def test_an_error_without_a_message_is_still_one(hostile: Hostile, root: Path) -> None:
    with pytest.raises(AgentError, match="unreadable"):
        hostile("order()\nanswer({'error': 5})").make_directory(root, "ada/2")


def test_a_silent_agent_is_given_up_in_time(hostile: Hostile, root: Path) -> None:
    files = hostile("time.sleep(60)", timeout_seconds=0.2)
    start = time.monotonic()
    with pytest.raises(AgentTimeoutError, match="did not answer within"):
        files.make_directory(root, "ada/2")
    assert time.monotonic() - start < 4
    wait_for(lambda: not is_running(files.pid), "the end of the agent")


def test_an_agent_that_trickles_is_given_up_in_time(hostile: Hostile, root: Path) -> None:
    files = hostile(
        "for byte in b'\\0\\0\\0\\x50': channel.sendall(bytes([byte])); time.sleep(0.2)", timeout_seconds=0.3
    )
    with pytest.raises(AgentTimeoutError):
        files.make_directory(root, "ada/2")


def test_an_agent_that_does_not_listen_is_given_up_in_time(hostile: Hostile, root: Path) -> None:
    files = hostile("time.sleep(60)", timeout_seconds=0.2)
    with pytest.raises(AgentTimeoutError):
        files.write_file(root, "x", bytes(1 << 20))


def test_progress_keeps_a_long_call_alive_but_not_for_ever(
    hostile: Hostile, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "order()\nfor number in range(%d): answer({'progress': number}); time.sleep(0.1)\nanswer({'ok': True})"
    assert hostile(code % 8, timeout_seconds=0.5).remove_tree(root, "x") is True
    monkeypatch.setattr(client, "LONGEST_TREE_SECONDS", 0.6)
    with pytest.raises(AgentTimeoutError):
        hostile(code % 50, timeout_seconds=0.5).remove_tree(root, "x")


def test_its_last_words_go_to_the_log_and_not_to_the_person(
    hostile: Hostile, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = hostile("order()\nraise SystemExit('sudo: /secret/place: no such rule')")
    with caplog.at_level(logging.WARNING), pytest.raises(AgentDiedError) as died:
        files.make_directory(root, "ada/2")
    assert "/secret/place" not in died.value.message
    assert died.value.detail == "sudo: /secret/place: no such rule"
    assert "/secret/place" in caplog.text


def test_an_interrupted_call_leaves_no_stream_out_of_step(
    agents: Agents, me: Identity, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with agents(me) as files:

        def interrupted(deadline: float) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(files._process.channel, "receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            files.status(root, "ada")
        monkeypatch.undo()
        with pytest.raises(AgentDiedError):  # and not the answer to the call before
            files.make_directory(root, "ada/2")


def test_a_missing_path_does_not_end_the_session(files: AgentSession, root: Path) -> None:
    with pytest.raises(NotFoundError):
        files.read_file(root, "ada/9")
    assert files.make_directory(root, "ada/2") is True


def test_an_agent_that_cannot_be_started_is_an_agent_error(me: Identity) -> None:
    before = open_descriptors()
    with pytest.raises(AgentError, match="could not be started"):
        AgentProcess(me, ["/no/such/python"])
    assert open_descriptors() == before

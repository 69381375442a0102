from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from uws.agent import process
from uws.agent.client import Agents, AgentSession
from uws.agent.identity import Identity
from uws.agent.process import AgentProcess


@pytest.fixture(scope="session")
def agents() -> Agents:
    return Agents()


@pytest.fixture
def me() -> Identity:
    return Identity.current()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A storage root with one workspace, ada/1, and a directory beside it that nothing may touch."""
    (tmp_path / "root/ada/1").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret.txt").write_text("grace's")
    return tmp_path / "root"


@pytest.fixture
def outside(root: Path) -> Path:
    return root.parent / "outside"


@pytest.fixture
def files(agents: Agents, me: Identity) -> Iterator[AgentSession]:
    with agents(me) as session:
        yield session


@pytest.fixture
def hostile(me: Identity, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AgentSession]]:
    """Make a session whose agent is the given Python code: it has `channel`, `order()` and `answer(…)`."""
    monkeypatch.setattr(process, "_END_SECONDS", 0.1)
    sessions = []

    def start(code: str, *, timeout_seconds: float = 5.0) -> AgentSession:
        hostile_process = AgentProcess(me, [sys.executable, "-I", "-c", HOSTILE_START + code])
        sessions.append(AgentSession(hostile_process, timeout_seconds=timeout_seconds))
        return sessions[-1]

    yield start
    for session in sessions:
        session.close()


HOSTILE_START = """
import json, os, socket, time
channel = socket.socket(fileno=0)
def order():
    size, payload = (int.from_bytes(channel.recv(4, socket.MSG_WAITALL), "big") for _ in range(2))
    text = channel.recv(size, socket.MSG_WAITALL)
    channel.recv(payload, socket.MSG_WAITALL)
    return json.loads(text) if text else None
def answer(value, payload=b"", descriptors=()):
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    frame = len(text).to_bytes(4, "big") + len(payload).to_bytes(4, "big") + text + payload
    socket.send_fds(channel, [frame], descriptors) if descriptors else channel.sendall(frame)
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB. Only root may mount one."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "uws-test", disk], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine does not let root mount a tmpfs")
    yield disk
    subprocess.run(["umount", disk], check=True)

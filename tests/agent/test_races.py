"""The owner changes the tree while we work in it. Each test runs for a second or so of wall time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.agent.observing import everything, wait_for

from uws.agent.client import AgentSession
from uws.agent.errors import AgentError, OutsideError

ROUND_SECONDS = 1.2
PATIENCE_SECONDS = 60.0
ENOUGH = 20


FLIPPER = """
import ctypes, os, sys
path, outside = sys.argv[1:]
rename = ctypes.CDLL(None, use_errno=True).renameat2
here, link, exchange = -100, path + "-link", 2  # AT_FDCWD, and RENAME_EXCHANGE of renameat2(2)
while True:
    try:
        if rename(here, os.fsencode(path), here, os.fsencode(link), exchange) == 0:
            continue
        os.makedirs(path, exist_ok=True)
        if not os.path.islink(path) and not os.path.islink(link):
            if os.path.lexists(link):
                os.rename(link, link + os.urandom(8).hex())
            os.symlink(outside, link)
    except OSError:
        pass  # the agent was faster: start again with what there is
"""


@contextmanager
def flipping(path: Path, outside: Path) -> Iterator[None]:
    """Exchange the directory at `path` for a link to `outside` and back, as fast as the kernel can."""
    flipper = subprocess.Popen([sys.executable, "-I", "-S", "-c", FLIPPER, path, outside])
    try:
        wait_for(path.is_symlink, "the first exchange")
        yield
        assert flipper.poll() is None
    finally:
        flipper.kill()
        flipper.wait()


def hammer(call: Callable[[int], object], *, needs_refusals: bool = True) -> tuple[int, int]:
    """Call for a while; return how many calls were done and how many refused because of the link.

    On a busy machine a while is as long as it takes to have met both often enough.
    """
    done = refused = number = 0
    end = time.monotonic() + ROUND_SECONDS
    latest_end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end or (
        needs_refusals and min(done, refused) <= ENOUGH and time.monotonic() < latest_end
    ):
        number += 1
        try:
            call(number)
        except OutsideError:
            refused += 1
        except AgentError:
            pass  # not there just now
        else:
            done += 1
    return done, refused


def test_nothing_is_written_outside_while_a_directory_and_a_link_change_places(
    files: AgentSession, root: Path, outside: Path
) -> None:
    def write(number: int) -> None:
        files.write_file(root, "ada/1/data/x.txt", b"ada's", parents=number % 2 == 0)
        files.make_directory(root, f"ada/1/data/d{number % 5}")
        files.make_link(root, "ada/1/data/l", "/target")

    with flipping(root / "ada/1/data", outside):
        done, refused = hammer(write)
    assert done > ENOUGH
    assert refused > ENOUGH
    assert everything(outside) == ["secret.txt"]


def test_nothing_is_read_outside_while_a_directory_and_a_link_change_places(
    files: AgentSession, root: Path, outside: Path
) -> None:
    (root / "ada/1/data").mkdir()
    (root / "ada/1/data/secret.txt").write_text("ada's")

    def read(number: int) -> None:
        assert files.read_file(root, "ada/1/data/secret.txt") == b"ada's"
        assert files.scan(root, "ada/1").size_bytes in (0, 5)

    with flipping(root / "ada/1/data", outside):
        done, refused = hammer(read)
    assert done > ENOUGH
    assert refused > ENOUGH


def test_nothing_is_removed_outside_while_a_directory_and_a_link_change_places(
    files: AgentSession, root: Path, outside: Path
) -> None:
    (outside / "sub").mkdir()
    (outside / "sub/x").write_text("grace's")

    def remove(number: int) -> None:
        if number % 3 == 0:
            files.remove_tree(root, "ada/1/data")
        else:
            files.make_directory(root, "ada/1/data/sub/x", parents=True)
            files.remove_tree(root, "ada/1/data/sub")

    with flipping(root / "ada/1/data", outside):
        done, refused = hammer(remove)
    assert done > ENOUGH
    assert refused > ENOUGH
    assert everything(outside) == ["secret.txt", "sub", "sub/x"]


def test_a_tree_that_is_written_to_is_removed_or_refused_in_the_end(
    files: AgentSession, root: Path, outside: Path
) -> None:
    stop = threading.Event()

    def fill() -> None:
        while not stop.is_set():
            try:
                os.makedirs(root / "ada/1/data/a/b", exist_ok=True)
                (root / "ada/1/data/a/b/x").write_text("x")
            except OSError:
                time.sleep(0.001)

    filler = threading.Thread(target=fill)
    filler.start()
    try:
        done, _ = hammer(lambda number: files.remove_tree(root, "ada/1/data"), needs_refusals=False)
    finally:
        stop.set()
        filler.join()
    assert done > 0
    files.remove_tree(root, "ada/1/data")
    assert everything(root / "ada/1") == []

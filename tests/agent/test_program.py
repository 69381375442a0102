"""What can only be seen with the program inside the test's own process."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.agent.observing import everything, open_descriptors

from uws.agent import program
from uws.agent.interpreter import PROGRAM


@pytest.fixture
def no_nameless_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system like NFS or Lustre, that knows no O_TMPFILE."""
    real_open = os.open

    def opened(path: Any, flags: int, *arguments: Any, **keywords: Any) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return real_open(path, flags, *arguments, **keywords)

    monkeypatch.setattr(os, "open", opened)


def test_where_nameless_files_are_unknown_the_part_is_hidden_and_renamed(
    root: Path, no_nameless_files: None
) -> None:
    before = open_descriptors()
    part = program.Part(str(root), "ada/1/new/x", 0o600, True)
    (beside,) = (root / "ada/1/new").iterdir()
    assert beside.name.startswith(".uws-part-")
    os.write(part.descriptor, b"content")
    part.commit()
    assert everything(root / "ada/1") == ["new", "new/x"]
    assert (root / "ada/1/new/x").read_bytes() == b"content"
    assert open_descriptors() == before


def test_where_nameless_files_are_unknown_a_part_given_up_is_removed(
    root: Path, no_nameless_files: None
) -> None:
    before = open_descriptors()
    program.Part(str(root), "ada/1/new/x", 0o600, True).discard()
    assert everything(root / "ada/1") == []
    part = program.Part(str(root), "ada/1/x", 0o600, True)
    (root / "ada/1/x").mkdir()
    with pytest.raises(IsADirectoryError):
        part.commit()
    assert everything(root / "ada/1") == ["x"]
    assert open_descriptors() == before


def test_a_nameless_part_that_cannot_take_its_place_is_gone(root: Path) -> None:
    part = program.Part(str(root), "ada/1/x", 0o600, True)
    assert everything(root / "ada/1") == []
    (root / "ada/1/x").mkdir()
    with pytest.raises(IsADirectoryError):
        part.commit()
    assert everything(root / "ada/1") == ["x"]


def test_a_listing_has_bounded_bytes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "LONGEST_LISTING_BYTES", 30)
    for name in ("a", "b", "c", "d"):
        (root / f"ada/1/{name * 8}").write_text("12345")
    (size, truncated), listing, _ = program.scan(str(root), "ada/1", 100, lambda: None)
    assert (size, truncated) == (20, True)
    assert len(listing) == 22


def test_a_directory_moved_away_while_it_is_scanned_leads_nowhere_else(root: Path, outside: Path) -> None:
    (root / "ada/1/a/b/c").mkdir(parents=True)
    (root / "ada/1/z").mkdir()
    (root / "ada/1/z/x").write_text("12345")
    moved = False

    def move() -> None:
        nonlocal moved
        if not moved and any(Path(f"/proc/self/fd/{fd}").resolve().name == "c" for fd in descriptors()):
            (root / "ada/1/a/b").rename(outside / "b")
            moved = True

    (size, _), listing, _ = program.scan(str(root), "ada/1", 100, move)
    assert moved
    assert size == 5
    assert listing == b"f/z/x\0"


def descriptors() -> list[str]:
    return os.listdir("/proc/self/fd")


def test_the_program_is_one_file_that_needs_nothing_else(tmp_path: Path) -> None:
    alone = tmp_path / "agent.py"
    alone.write_bytes(PROGRAM.read_bytes())
    answer = subprocess.run(
        [sys.executable, "-I", "-S", alone], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert answer.returncode == 1
    assert answer.stderr == b"This program is started by UWS, with a socket as its standard input.\n"
    code = (
        f"import sys\nexec(compile(open({str(alone)!r}).read(), 'agent', 'exec'), {{'__name__': 'agent'}})\n"
        "print(*sys.modules)"
    )
    imported = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, check=True, text=True
    ).stdout.split()
    assert not set(imported) & {"socket", "json", "signal", "subprocess", "typing", "re", "enum"}


@pytest.mark.parametrize(
    "value", [None, True, False, 0, -5, 2**62, 1.5, 'a"\\\n\0ä\udcff', {"a": [1, "b", {}]}]
)
def test_what_it_encodes_is_json_and_what_it_decodes_too(value: object) -> None:
    import json

    assert json.loads(program.encode(value)) == value
    assert program.decode(json.dumps(value)) == value

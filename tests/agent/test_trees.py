from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.agent.observing import everything

from uws.agent.client import AgentSession
from uws.agent.errors import NotFoundError, OutsideError, PathError, WrongKindError


def deep_tree(directory: Path, depth: int) -> None:
    """Make `d/d/d/…`, with a file of one byte at every hundredth level: longer than any path can be."""
    here = os.open(directory, os.O_RDONLY)
    for level in range(depth):
        os.mkdir("d", dir_fd=here)
        there = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = there
        if level % 100 == 0:
            os.write(file := os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=here), b"x")
            os.close(file)
    os.close(here)


# Scan


def test_files_and_links_are_listed_and_hidden_ones_counted(
    files: AgentSession, root: Path, outside: Path
) -> None:
    workspace = root / "ada/1"
    (workspace / "sub/.deep").mkdir(parents=True)
    (workspace / ".job/seven").mkdir(parents=True)
    for name in ("z.txt", "sub/x.txt", ".hidden", "sub/.deep/y", ".job/seven/log"):
        (workspace / name).write_text("12345")
    (workspace / "sub/l").symlink_to(outside)
    (workspace / "k").symlink_to(outside / "secret.txt")
    (workspace / ".m").symlink_to(outside)
    (workspace / "dangling").symlink_to("/nowhere")
    os.mkfifo(workspace / "fifo")
    scan = files.scan(root, "ada/1")
    assert scan.files == ["/sub/x.txt", "/z.txt"]
    assert scan.links == ["/dangling", "/k", "/sub/l"]
    assert scan.size_bytes == 25
    assert scan.truncated is False


def test_a_file_with_several_names_is_counted_once(files: AgentSession, root: Path) -> None:
    (root / "ada/1/a").write_bytes(bytes(1000))
    (root / "ada/1/d").mkdir()
    os.link(root / "ada/1/a", root / "ada/1/b")
    os.link(root / "ada/1/a", root / "ada/1/d/c")
    scan = files.scan(root, "ada/1")
    assert scan.files == ["/a", "/b", "/d/c"]
    assert scan.size_bytes == 1000


def test_names_that_are_not_utf8_or_hold_newlines_break_nothing(files: AgentSession, root: Path) -> None:
    workspace = os.fsencode(root / "ada/1")
    os.mkdir(workspace + b"/\xff\xfe")
    for name in (b"/\xff\xfe/x", b"/new\nline", b"/tab\t"):
        with open(workspace + name, "wb") as file:
            file.write(b"12345")
    scan = files.scan(root, "ada/1")
    assert scan.files == ["/new\nline", "/tab\t", "/\ufffd\ufffd/x"]
    assert scan.size_bytes == 15
    assert files.read_file(root, "ada/1/\udcff\udcfe/x") == b"12345"
    assert files.remove_tree(root, "ada/1/\udcff\udcfe") is True
    assert files.scan(root, "ada/1").files == ["/new\nline", "/tab\t"]


def test_a_listing_is_cut_at_the_limit_and_the_size_is_not(files: AgentSession, root: Path) -> None:
    for number in range(10):
        (root / f"ada/1/{number}").write_text("x")
    scan = files.scan(root, "ada/1", limit=4)
    assert len(scan.files) == 4
    assert scan.truncated is True
    assert scan.size_bytes == 10
    assert files.scan(root, "ada/1", limit=10).truncated is False


def test_scanning_what_is_no_directory_is_refused(files: AgentSession, root: Path) -> None:
    (root / "ada/1/x").write_text("")
    with pytest.raises(NotFoundError, match="'ada/2' does not exist"):
        files.scan(root, "ada/2")
    with pytest.raises(WrongKindError, match="'ada/1/x' is not a directory"):
        files.scan(root, "ada/1/x")


def test_a_tree_3000_deep_is_scanned_and_removed(files: AgentSession, root: Path) -> None:
    try:
        deep_tree(root / "ada/1", 3000)
        scan = files.scan(root, "ada/1")
        assert scan.size_bytes == 30
        assert len(scan.files) == 30
        assert max(scan.files, key=len) == "/d" * 2901 + "/f"
        assert files.remove_tree(root, "ada/1") is True
        assert everything(root) == ["ada"]
    finally:  # pytest's own clean-up cannot go that deep
        subprocess.run(["rm", "-rf", root / "ada"], check=True)


def test_a_tree_with_100000_entries_is_scanned_and_removed(files: AgentSession, root: Path) -> None:
    workspace = root / "ada/1"
    for number in range(100):
        (workspace / str(number)).mkdir()
    descriptor = os.open(workspace, os.O_RDONLY)
    for number in range(2):  # one file has 65,000 names at most
        os.close(os.open(f"file{number}", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor))
    for number in range(99_800):
        os.link(f"file{number % 2}", f"{number % 99}/{number}", src_dir_fd=descriptor, dst_dir_fd=descriptor)
    os.close(descriptor)
    scan = files.scan(root, "ada/1")
    assert len(scan.files) == 99_802
    assert scan.truncated is False
    assert files.remove_tree(root, "ada/1") is True
    assert everything(root) == ["ada"]


# Removal


def test_a_tree_is_removed_and_no_link_in_it_is_followed(
    files: AgentSession, root: Path, outside: Path
) -> None:
    workspace = root / "ada/1"
    (workspace / "a/b/c").mkdir(parents=True)
    (workspace / "a/b/d").mkdir()
    (workspace / "a/b/c/x").write_text("x")
    (workspace / "a/l").symlink_to(outside)
    (workspace / "a/b/m").symlink_to(outside / "secret.txt")
    os.link(outside / "secret.txt", workspace / "a/hard")
    os.mkfifo(workspace / "a/fifo")
    assert files.remove_tree(root, "ada/1") is True
    assert everything(root) == ["ada"]
    assert (outside / "secret.txt").read_text() == "grace's"


def test_a_link_or_file_is_removed_itself(files: AgentSession, root: Path, outside: Path) -> None:
    (root / "ada/1/l").symlink_to(outside)
    (root / "ada/1/x").write_text("")
    assert files.remove_tree(root, "ada/1/l") is True
    assert files.remove_tree(root, "ada/1/x") is True
    assert everything(root / "ada/1") == []
    assert everything(outside) == ["secret.txt"]


def test_removing_what_is_not_there_is_no_error(files: AgentSession, root: Path) -> None:
    (root / "ada/1/x").write_text("")
    for path in ("ada/2", "ada/2/x", "alan/1", "ada/1/x/y"):
        assert files.remove_tree(root, path) is False
    assert everything(root) == ["ada", "ada/1", "ada/1/x"]


def test_the_whole_root_is_never_removed(files: AgentSession, root: Path) -> None:
    with pytest.raises(PathError, match="empty"):
        files.remove_tree(root, "")
    assert everything(root) == ["ada", "ada/1"]


def test_the_owners_read_only_directories_are_removed(files: AgentSession, root: Path) -> None:
    """Go's module cache and conda's packages are such; root never sees the difference."""
    inner = root / "ada/1/cache/module/sub"
    inner.mkdir(parents=True)
    (inner / "x").write_text("x")
    for directory in (inner, inner.parent, inner.parent.parent):
        directory.chmod(0o000 if directory == inner else 0o555)
    assert files.remove_tree(root, "ada/1/cache") is True
    assert everything(root / "ada/1") == []


def test_a_workspace_replaced_by_a_link_before_its_removal_loses_the_link_alone(
    files: AgentSession, root: Path, outside: Path
) -> None:
    (root / "ada/1").rename(root / "ada/elsewhere")
    (root / "ada/1").symlink_to(outside)
    assert files.remove_tree(root, "ada/1") is True
    assert everything(root) == ["ada", "ada/elsewhere"]
    assert everything(outside) == ["secret.txt"]


def test_an_account_directory_replaced_by_a_link_stops_the_removal(
    files: AgentSession, root: Path, outside: Path
) -> None:
    (outside / "1").mkdir()
    (root / "ada").rename(root / "was-ada")
    (root / "ada").symlink_to(outside)
    with pytest.raises(OutsideError, match="'ada' is a symbolic link"):
        files.remove_tree(root, "ada/1")
    assert everything(outside) == ["1", "secret.txt"]


def test_a_directory_is_listed_with_kinds_and_sizes_and_nothing_followed(
    files: AgentSession, root: Path
) -> None:
    (root / "d").mkdir()
    (root / "d" / "file").write_bytes(b"12345")
    (root / "d" / "sub").mkdir()
    (root / "d" / "link").symlink_to("/etc")
    listing = files.list_directory(root, "d")
    assert [(entry.name, entry.kind) for entry in listing.entries] == [
        ("file", "file"),
        ("link", "link"),
        ("sub", "directory"),
    ]
    assert listing.entries[0].size_bytes == 5
    assert not listing.truncated
    assert files.list_directory(root, "d", limit=2).truncated
    with pytest.raises(OutsideError):
        files.list_directory(root, "d/link")

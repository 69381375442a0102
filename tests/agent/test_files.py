from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
from tests.agent.observing import everything, open_descriptors

from uws.agent.client import AgentSession
from uws.agent.errors import (
    AgentError,
    ExistsError,
    IncompleteError,
    NoSpaceError,
    NotFoundError,
    OutsideError,
    PathError,
    PermissionRefusedError,
    TooLargeError,
    WrongKindError,
)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# Directories


def test_a_directory_is_made_with_those_above_it(files: AgentSession, root: Path) -> None:
    assert files.make_directory(root, "ada/2/data", mode=0o700) is True
    assert mode_of(root / "ada/2/data") == 0o700
    assert mode_of(root / "ada/2") == 0o755


def test_a_directory_that_exists_is_not_made_again(files: AgentSession, root: Path) -> None:
    assert files.make_directory(root, "ada/1", mode=0o700) is False
    assert mode_of(root / "ada/1") != 0o700
    assert files.make_directory(root, "") is False


def test_a_directory_that_exists_is_refused_where_a_new_one_is_wanted(
    files: AgentSession, root: Path
) -> None:
    with pytest.raises(ExistsError, match="'ada/1' exists"):
        files.make_directory(root, "ada/1", exist_ok=False)


def test_without_parents_a_missing_parent_is_not_made(files: AgentSession, root: Path) -> None:
    with pytest.raises(NotFoundError, match="'ada/2' does not exist"):
        files.make_directory(root, "ada/2/data", parents=False)
    assert not (root / "ada/2").exists()


def test_a_directory_is_not_made_where_a_file_is(files: AgentSession, root: Path) -> None:
    (root / "ada/1/x").write_text("")
    with pytest.raises(WrongKindError, match="'ada/1/x' is not a directory"):
        files.make_directory(root, "ada/1/x/y")


def test_a_refused_name_leaves_no_directory(files: AgentSession, root: Path) -> None:
    too_long = "x" * 256
    with pytest.raises(PathError, match="too long"):
        files.make_directory(root, f"ada/2/data/{too_long}")
    with pytest.raises(PathError, match="too long"):
        files.write_file(root, f"ada/2/data/{too_long}", b"")
    with pytest.raises(PathError, match="too long"):
        files.make_link(root, f"ada/2/data/{too_long}", "/target")
    assert everything(root) == ["ada", "ada/1"]


@pytest.mark.parametrize(
    "path", ["..", "ada/../../outside", "/etc", "ada//1", "ada/1/", "./ada", "a\0b", "\ud800"]
)
def test_the_agent_itself_refuses_a_path_that_leads_out(files: AgentSession, root: Path, path: str) -> None:
    with pytest.raises(PathError):
        files.make_directory(root, path)
    with pytest.raises(PathError):
        files.write_file(root, path, b"")
    with pytest.raises(PathError):
        files.remove_tree(root, path)
    assert everything(root) == ["ada", "ada/1"]


def test_a_missing_root_is_told_apart_from_a_missing_path(files: AgentSession, root: Path) -> None:
    for call in (files.status, files.remove_tree, files.scan, files.make_directory):
        with pytest.raises(NotFoundError) as refused:
            call(root / "unmounted", "ada/1")
        assert refused.value.code == "no_root"
        assert str(root) not in refused.value.message


def test_the_root_itself_may_be_reached_over_a_link(files: AgentSession, root: Path, tmp_path: Path) -> None:
    (tmp_path / "storage").symlink_to(root)
    files.write_file(tmp_path / "storage", "ada/1/x", b"x")
    assert (root / "ada/1/x").read_bytes() == b"x"


def test_a_refusal_of_the_operating_system_is_a_permission_error(files: AgentSession) -> None:
    if not os.path.ismount("/sys"):
        pytest.skip("sysfs is not mounted at /sys: nothing here is refused to root")
    with pytest.raises(PermissionRefusedError, match="'uws' may not be"):
        files.make_directory("/sys", "uws")  # refused to root as well


# Writing


@pytest.mark.parametrize("size", [0, 5, 3_000_000])
def test_a_file_is_written_whole(files: AgentSession, root: Path, size: int) -> None:
    content = os.urandom(size)
    files.write_file(root, "ada/1/new/x.bin", content, mode=0o600)
    assert (root / "ada/1/new/x.bin").read_bytes() == content
    assert mode_of(root / "ada/1/new/x.bin") == 0o600
    assert everything(root / "ada/1") == ["new", "new/x.bin"]


def test_a_file_is_replaced_and_who_has_it_open_keeps_the_old_one(files: AgentSession, root: Path) -> None:
    path = root / "ada/1/x"
    path.write_text("old")
    with path.open() as reader:
        files.write_file(root, "ada/1/x", b"new")
        assert reader.read() == "old"
    assert path.read_text() == "new"


def test_a_link_is_replaced_itself(files: AgentSession, root: Path, outside: Path) -> None:
    (root / "ada/1/x").symlink_to(outside / "secret.txt")
    files.write_file(root, "ada/1/x", b"ada's")
    assert not (root / "ada/1/x").is_symlink()
    assert (outside / "secret.txt").read_text() == "grace's"


def test_a_directory_is_not_replaced(files: AgentSession, root: Path) -> None:
    (root / "ada/1/d").mkdir()
    for write in (
        lambda: files.write_file(root, "ada/1/d", b""),
        lambda: files.make_link(root, "ada/1/d", "/target"),
        lambda: files.write_from(root, "ada/1/d", 0, size=0),
    ):
        with pytest.raises(WrongKindError, match="'ada/1/d' is a directory"):
            write()
    assert everything(root / "ada/1") == ["d"]


def test_set_id_bits_are_never_given(files: AgentSession, root: Path) -> None:
    with pytest.raises(ValueError, match="4755"):
        files.write_file(root, "ada/1/x", b"", mode=0o4755)
    with pytest.raises(ValueError, match="2755"):
        files.make_directory(root, "ada/1/x", mode=0o2755)
    assert files.status(root, "ada/1/x") is None


def test_bulk_data_comes_from_a_file_at_its_position(files: AgentSession, root: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(40_000_000))
    descriptor = os.open(source, os.O_RDONLY)
    try:
        os.lseek(descriptor, 1000, os.SEEK_SET)
        assert files.write_from(root, "ada/1/all", descriptor, size=None) == 39_999_000
        os.lseek(descriptor, 0, os.SEEK_SET)
        assert files.write_from(root, "ada/1/some", descriptor, size=17_000_000) == 17_000_000
    finally:
        os.close(descriptor)
    content = source.read_bytes()
    assert (root / "ada/1/all").read_bytes() == content[1000:]
    assert (root / "ada/1/some").read_bytes() == content[:17_000_000]


def test_bulk_data_comes_from_a_pipe_and_from_a_socket(files: AgentSession, root: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"from a pipe")
    os.close(writer)
    assert files.write_from(root, "ada/1/pipe", reader, size=None) == 11
    os.close(reader)
    one, other = socket.socketpair()
    with one, other:
        one.sendall(b"from a socket")
        assert files.write_from(root, "ada/1/socket", other.fileno(), size=6) == 6
    assert (root / "ada/1/pipe").read_bytes() == b"from a pipe"
    assert (root / "ada/1/socket").read_bytes() == b"from a"


def test_a_copy_cut_short_leaves_the_old_file_whole_and_no_part(
    files: AgentSession, root: Path, tmp_path: Path
) -> None:
    (root / "ada/1/x").write_text("old")
    (tmp_path / "source").write_bytes(b"12345")
    with (tmp_path / "source").open("rb") as source:
        with pytest.raises(IncompleteError, match="'ada/1/x' is incomplete: 5 of 10 bytes"):
            files.write_from(root, "ada/1/x", source.fileno(), size=10)
        with pytest.raises(IncompleteError):
            files.write_from(root, "ada/1/new/y", source.fileno(), size=10)
    assert (root / "ada/1/x").read_text() == "old"
    assert everything(root / "ada/1") == ["x"]


def test_a_source_that_cannot_be_read_leaves_nothing(files: AgentSession, root: Path, tmp_path: Path) -> None:
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(AgentError, match="'ada/1/new/x' could not be written: Is a directory"):
            files.write_from(root, "ada/1/new/x", directory, size=None)
    finally:
        os.close(directory)
    assert everything(root / "ada/1") == []
    assert files.make_directory(root, "ada/1/next") is True


def test_a_full_disk_is_said_so_and_leaves_the_old_file_whole(
    files: AgentSession, root: Path, small_disk: Path
) -> None:
    (small_disk / "x").write_text("old")
    content = bytes(3_000_000)
    with pytest.raises(NoSpaceError, match="'x' could not be written: the disk is full"):
        files.write_file(small_disk, "x", content)
    with pytest.raises(NoSpaceError, match="'x' could not be written: the disk is full"):
        files.write_file(
            small_disk, "x", content[: 1 << 20]
        )  # travels inside the order, written by the agent
    assert (small_disk / "x").read_text() == "old"
    assert everything(small_disk) == ["x"]


# Links


def test_a_link_is_made_and_replaced_in_one_step(files: AgentSession, root: Path) -> None:
    files.make_link(root, "ada/1/data/first", "/data/one")
    assert os.readlink(root / "ada/1/data/first") == "/data/one"
    files.make_link(root, "ada/1/data/first", "/data/two")
    assert os.readlink(root / "ada/1/data/first") == "/data/two"
    files.write_file(root, "ada/1/data/file", b"x")
    files.make_link(root, "ada/1/data/file", "/data/three")
    assert os.readlink(root / "ada/1/data/file") == "/data/three"
    assert everything(root / "ada/1") == ["data", "data/file", "data/first"]


@pytest.mark.parametrize("target", ["", "a\0b", "\ud800"])
def test_an_impossible_target_is_refused(files: AgentSession, root: Path, target: str) -> None:
    with pytest.raises(ValueError, match="target"):
        files.make_link(root, "ada/1/x", target)
    with pytest.raises(PathError):
        files.make_link(root, "ada/1/x", "t" * 5000)
    assert everything(root / "ada/1") == []


# Reading


def test_a_file_is_read_whole(files: AgentSession, root: Path) -> None:
    (root / "ada/1/x").write_bytes(b"content")
    assert files.read_file(root, "ada/1/x") == b"content"
    assert files.read_file(root, "ada/1/x", limit_bytes=7) == b"content"


def test_a_file_that_is_too_large_is_refused(files: AgentSession, root: Path) -> None:
    (root / "ada/1/x").write_bytes(b"content")
    with pytest.raises(TooLargeError, match="'ada/1/x' has 7 bytes; at most 6"):
        files.read_file(root, "ada/1/x", limit_bytes=6)


def test_a_file_without_a_size_is_bounded_all_the_same(files: AgentSession) -> None:
    with pytest.raises(TooLargeError):
        files.read_file("/proc/self", "maps", limit_bytes=10)


def test_the_tail_of_a_log_of_any_size_is_read(files: AgentSession, root: Path) -> None:
    with (root / "ada/1/log").open("wb") as log:
        log.truncate(20_000_000_000)
        log.seek(0, os.SEEK_END)
        log.write(b"the end")
    assert files.read_tail(root, "ada/1/log", limit_bytes=7) == b"the end"
    (root / "ada/1/short").write_bytes(b"short")
    assert files.read_tail(root, "ada/1/short", limit_bytes=7) == b"short"


def test_a_descriptor_of_a_file_is_passed(files: AgentSession, root: Path) -> None:
    (root / "ada/1/x").write_bytes(b"content")
    descriptor = files.open_file(root, "ada/1/x")
    try:
        assert os.read(descriptor, 100) == b"content"
        assert not os.get_inheritable(descriptor)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(descriptor, b"x")
    finally:
        os.close(descriptor)


def test_what_lies_at_a_path_is_told(files: AgentSession, root: Path) -> None:
    (root / "ada/1/x").write_bytes(b"content")
    os.utime(root / "ada/1/x", (1000.5, 1000.5))
    (root / "ada/1/l").symlink_to("/nowhere")
    os.mkfifo(root / "ada/1/p")
    file = files.status(root, "ada/1/x")
    assert file is not None
    assert (file.kind, file.size_bytes, file.modified, file.uid) == ("file", 7, 1000.5, os.geteuid())
    kinds = {name: files.status(root, name) for name in ("", "ada/1", "ada/1/l", "ada/1/p")}
    assert {name: status and status.kind for name, status in kinds.items()} == {
        "": "directory",
        "ada/1": "directory",
        "ada/1/l": "link",
        "ada/1/p": "other",
    }
    for missing in ("ada/2", "ada/2/x", "ada/1/x/y"):
        assert files.status(root, missing) is None


def test_reading_what_is_missing_is_said_so(files: AgentSession, root: Path) -> None:
    for read in (files.read_file, files.read_tail, files.open_file):
        with pytest.raises(NotFoundError, match="'ada/1/x' does not exist"):
            read(root, "ada/1/x")


# Links and special files in the way


def test_a_link_in_a_parent_stops_every_call(files: AgentSession, root: Path, outside: Path) -> None:
    (root / "ada/1/data").symlink_to(outside)
    (outside / "d").mkdir()
    before = everything(outside)
    calls = [
        lambda path: files.make_directory(root, path),
        lambda path: files.write_file(root, path, b"x"),
        lambda path: files.write_from(root, path, 0, size=0),
        lambda path: files.make_link(root, path, "/target"),
        lambda path: files.read_file(root, path),
        lambda path: files.read_tail(root, path),
        lambda path: files.open_file(root, path),
        lambda path: files.status(root, path),
        lambda path: files.scan(root, path),
        lambda path: files.remove_tree(root, path),
        lambda path: files.spawn(["true"], root=root, path=path, environment={"PATH": "/usr/bin:/bin"}),
    ]
    for call in calls:
        with pytest.raises(OutsideError, match="'ada/1/data' is a symbolic link") as refused:
            call("ada/1/data/d/x")
        assert str(root) not in refused.value.message
    assert everything(outside) == before


def test_a_link_as_the_last_name_is_not_followed(files: AgentSession, root: Path, outside: Path) -> None:
    (root / "ada/1/x").symlink_to(outside / "secret.txt")
    (root / "ada/1/d").symlink_to(outside)
    for read in (files.read_file, files.read_tail, files.open_file):
        with pytest.raises(OutsideError, match="'ada/1/x' is a symbolic link"):
            read(root, "ada/1/x")
    for call in (files.make_directory, files.scan):
        with pytest.raises(OutsideError, match="'ada/1/d' is a symbolic link"):
            call(root, "ada/1/d")


def test_a_dangling_link_is_not_written_through(files: AgentSession, root: Path, outside: Path) -> None:
    (root / "ada/1/x").symlink_to(outside / "new.txt")
    files.write_file(root, "ada/1/x", b"x")
    assert everything(outside) == ["secret.txt"]


def test_what_is_no_regular_file_is_not_read_and_blocks_nobody(files: AgentSession, root: Path) -> None:
    os.mkfifo(root / "ada/1/fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        short = os.open(root / "ada/1", os.O_RDONLY)  # a socket's address has 107 bytes at most
        listener.bind(f"/proc/self/fd/{short}/socket")
        os.close(short)
    for read in (files.read_file, files.read_tail, files.open_file):
        for name in ("fifo", "socket", ""):
            with pytest.raises(WrongKindError, match="regular file"):
                read(root, f"ada/1/{name}".rstrip("/"))
    with pytest.raises(WrongKindError):
        files.read_file("/dev", "zero")


def test_no_descriptor_is_left_behind(files: AgentSession, root: Path, outside: Path) -> None:
    (root / "ada/1/l").symlink_to(outside)
    files.write_file(root, "ada/1/x", b"x")
    calls = [
        lambda: files.write_file(root, "ada/1/l/x", b""),
        lambda: files.write_from(root, "ada/1/y", source, size=10),
        lambda: files.read_file(root, "ada/1/l"),
        lambda: files.make_directory(root, "ada/1/x/y"),
        lambda: files.make_link(root, "ada/1", "/target"),
        lambda: files.remove_tree(root, "ada/1/l/x"),
        lambda: files.spawn(["/no/such"], root=root, path="ada/1", environment={}),
        lambda: files.scan(root, "ada/2"),
    ]
    source = os.open("/dev/null", os.O_RDONLY)
    agents_own = Path(f"/proc/{files.pid}/fd")
    before = open_descriptors(), len(list(agents_own.iterdir()))
    for _ in range(5):
        for call in calls:
            with pytest.raises(AgentError):
                call()
        os.close(files.open_file(root, "ada/1/x"))
        files.write_from(root, "ada/1/z", source, size=0)
        files.scan(root, "")
    assert (open_descriptors(), len(list(agents_own.iterdir()))) == before
    os.close(source)


# What copies need


def test_a_link_is_read_without_being_followed(files: AgentSession, root: Path, outside: Path) -> None:
    (root / "ada/1/link").symlink_to(outside / "secret.txt")
    os.symlink(b"caf\xe9", os.fsencode(root) + b"/ada/1/odd")
    assert files.read_link(root, "ada/1/link") == str(outside / "secret.txt")
    saying = files.read_link(root, "ada/1/odd")
    files.make_link(root, "ada/1/again", saying)
    assert os.readlink(os.fsencode(root) + b"/ada/1/again") == b"caf\xe9"


def test_what_is_no_link_cannot_be_read_as_one(files: AgentSession, root: Path, outside: Path) -> None:
    (root / "ada/1/file").write_text("")
    (root / "ada/1/way").symlink_to(outside)
    for path in ("ada/1/file", "ada/1"):
        with pytest.raises(WrongKindError, match="is not a symbolic link"):
            files.read_link(root, path)
    with pytest.raises(NotFoundError):
        files.read_link(root, "ada/1/none")
    with pytest.raises(OutsideError):
        files.read_link(root, "ada/1/way/secret.txt")


def test_exact_names_can_be_used_again(files: AgentSession, root: Path) -> None:
    with open(os.fsencode(root) + b"/ada/1/caf\xe9", "wb") as file:
        file.write(b"odd")
    (entry,) = files.list_directory(root, "ada/1").entries
    assert entry.name == "caf\ufffd"
    (entry,) = files.list_directory(root, "ada/1", exact_names=True).entries
    assert files.read_file(root, f"ada/1/{entry.name}") == b"odd"


def test_a_file_is_written_with_the_time_that_it_is_given(files: AgentSession, root: Path) -> None:
    with (root / "source").open("w+b") as source:
        source.write(b"cells")
        source.seek(0)
        files.write_from(root, "ada/1/copy", source.fileno(), size=5, modified_ns=1_234_567_890_123_456_789)
    assert (root / "ada/1/copy").stat().st_mtime_ns == 1_234_567_890_123_456_789


def test_progress_is_told_and_can_end_the_copying(files: AgentSession, root: Path) -> None:
    class Enough(Exception):
        pass

    told: list[int] = []

    def progress(count: int) -> None:
        told.append(count)
        if len(told) == 2:
            raise Enough

    size = 40 << 20
    with (root / "source").open("w+b") as source:
        source.truncate(size)
        with pytest.raises(Enough):
            files.write_from(root, "ada/1/copy", source.fileno(), size=size, progress=progress)
        assert 0 < sum(told) < size
        assert everything(root) == ["ada", "ada/1", "source"]
        source.seek(0)
        told.clear()
        files.write_from(root, "ada/1/copy", source.fileno(), size=size, progress=told.append)
    assert sum(told) == size

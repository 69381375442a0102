"""What the agent's calls return, checked: the agent runs as the user, so its answers are the user's words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

_LARGEST_INTEGER = 2**63 - 1  # of a database column
_LARGEST_TIME_SECONDS = 2.0**40
_KINDS: dict[str, Literal["file", "directory", "link", "other"]] = {
    "file": "file",
    "directory": "directory",
    "link": "link",
    "other": "other",
}


class BadAnswer(Exception):
    """The agent answered something that its protocol does not allow."""


@dataclass(frozen=True)
class FileStatus:
    """What lies at a path; a link is described itself, never what it points to. `modified`: Unix seconds."""

    kind: Literal["file", "directory", "link", "other"]
    size_bytes: int
    modified: float
    uid: int


@dataclass(frozen=True)
class Scan:
    """The visible contents of a tree, sorted, and the size of all of it.

    `files` and `links` begin with `/` and are relative to the tree; what is hidden (a name that begins with
    `.`, or anything below one) stands in neither, but its bytes are in `size_bytes`, which counts regular
    files, one that has several names once. A name that is not UTF-8 has U+FFFD in it. `truncated`: there were
    more names than the caller's limit; the size is complete all the same. Directories that their owner may
    not read are left out.
    """

    files: list[str]
    links: list[str]
    size_bytes: int
    truncated: bool


@dataclass(frozen=True)
class Spawned:
    """A started process: its id, and its start time in clock ticks since boot (proc(5), field 22 of stat)."""

    pid: int
    start_time_ticks: int


@dataclass(frozen=True)
class Entry:
    """One entry of a directory. A link is told as one, whatever it points to; `size_bytes` is its own."""

    name: str
    kind: Literal["file", "directory", "link", "other"]
    size_bytes: int


@dataclass(frozen=True)
class Listing:
    """One directory's entries, by name. `truncated`: there are more than were asked for."""

    entries: list[Entry]
    truncated: bool


def integer(value: object, *, largest: int = _LARGEST_INTEGER) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= largest:
        raise BadAnswer("a number out of range")
    return value


def truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise BadAnswer("something else than true or false")
    return value


def file_status(value: object) -> FileStatus | None:
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) != {"kind", "size_bytes", "modified", "uid"}:
        raise BadAnswer("something else than a file's status")
    kind, modified = value["kind"], value["modified"]
    if not isinstance(kind, str) or kind not in _KINDS:
        raise BadAnswer("an unknown kind of file")
    if (
        not isinstance(modified, float)
        or not math.isfinite(modified)
        or abs(modified) > _LARGEST_TIME_SECONDS
    ):
        raise BadAnswer("a time out of range")
    uid = integer(value["uid"], largest=2**32 - 1)
    return FileStatus(_KINDS[kind], integer(value["size_bytes"]), modified, uid)


def listing(value: object, content: bytes, limit: int, errors: str = "replace") -> Listing:
    truncated = truth(value)
    lines = content.split(b"\0")
    if lines.pop() != b"" or len(lines) > limit:
        raise BadAnswer("a listing that is cut off or too long")
    entries = []
    for line in lines:
        head, _, name = line.partition(b"/")
        kind = {b"f": "file", b"d": "directory", b"l": "link", b"o": "other"}.get(head[:1])
        if kind is None or not head[1:].isdigit() or len(head) > 20 or not name:
            raise BadAnswer("an unknown kind of entry in a listing")
        if b"/" in name or name in (b".", b".."):
            raise BadAnswer("an entry that no directory can have")
        entries.append(Entry(name.decode("utf-8", errors), _KINDS[kind], int(head[1:])))
    return Listing(sorted(entries, key=lambda entry: entry.name), truncated)


def scan_result(value: object, listing: bytes, limit: int) -> Scan:
    if not isinstance(value, list) or len(value) != 2:
        raise BadAnswer("something else than a listing")
    files: list[str] = []
    links: list[str] = []
    lines = listing.split(b"\0")
    if lines.pop() != b"" or len(lines) > limit:
        raise BadAnswer("a listing that is cut off or too long")
    for line in lines:
        kind, path = line[:2], line[1:].decode("utf-8", "replace")
        if kind == b"f/":
            files.append(path)
        elif kind == b"l/":
            links.append(path)
        else:
            raise BadAnswer("an unknown kind of entry in a listing")
    files.sort()
    links.sort()
    return Scan(files, links, integer(value[0]), truth(value[1]))


def spawned(value: object) -> Spawned:
    if not isinstance(value, list) or len(value) != 2:
        raise BadAnswer("something else than a process")
    pid = integer(value[0], largest=2**31 - 1)
    if pid < 2:
        raise BadAnswer("a process id out of range")
    return Spawned(pid, integer(value[1]))

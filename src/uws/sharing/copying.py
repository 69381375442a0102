"""Copying a workspace's visible tree into another's: read as the one owner, written as the other.

Links are made anew and never followed, hidden entries stay behind, and so do devices, FIFOs and sockets. A file
keeps its permission bits (never set-id ones) and its modification time; its blocks are shared with the original where
the file system can do that (copy_file_range), and never by a hard link: both sides may write to their file.

The original's owner may change it meanwhile. What goes while we look at it is left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol, TypeVar

from uws.agent.errors import IncompleteError, NotFoundError, OutsideError, TooLargeError, WrongKindError
from uws.workspaces.files import WorkspaceFiles

DIRECTORY_LIMIT = 1_000_000
"""Entries of one directory; a larger one ends the copy with its name, never with a part of it."""
ATTEMPTS = 5

T = TypeVar("T")


class Progress(Protocol):
    """Told what was copied; what it raises ends the copy."""

    def bytes_copied(self, count: int) -> None: ...

    def entry_copied(self) -> None: ...


def copy_tree(source: WorkspaceFiles, target: WorkspaceFiles, progress: Progress) -> None:
    """Copy everything visible of `source` into the empty `target`. Raises `AgentError`, and what `progress` does."""
    waiting = [""]
    while waiting:
        directory = waiting.pop()
        for name, kind in _entries(source, directory):
            path = f"{directory}/{name}" if directory else name
            if kind == "directory":
                target.make_directory(path)
                waiting.append(path)
            elif kind == "link":
                _copy_link(source, target, path)
            elif kind == "file":
                _copy_file(source, target, path, progress)
            progress.entry_copied()


def _entries(source: WorkspaceFiles, directory: str) -> list[tuple[str, str]]:
    def read() -> list[tuple[str, str]]:
        listing = source.list_directory(directory, limit=DIRECTORY_LIMIT, exact_names=True)
        if listing.truncated:
            shown = directory.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            raise TooLargeError(
                f"The directory {shown!r} holds more than {DIRECTORY_LIMIT} entries: too many to be copied."
            )
        return [(entry.name, entry.kind) for entry in listing.entries if not entry.name.startswith(".")]

    if not directory:
        return read()
    return _unless_gone(read) or []


def _copy_link(source: WorkspaceFiles, target: WorkspaceFiles, path: str) -> None:
    saying = _unless_gone(lambda: source.read_link(path))
    if saying is not None:
        target.link(path, saying)


def _copy_file(source: WorkspaceFiles, target: WorkspaceFiles, path: str, progress: Progress) -> None:
    for attempt in range(ATTEMPTS):
        descriptor = _unless_gone(lambda: source.open_file(path))
        if descriptor is None:
            return
        try:
            about = os.fstat(descriptor)
            # Exactly the size that it has now: a file that grows all the time would never end.
            target.write_from(
                path,
                descriptor,
                size=about.st_size,
                mode=about.st_mode & 0o777,
                modified_ns=about.st_mtime_ns,
                progress=progress.bytes_copied,
            )
            return
        except IncompleteError:  # it was cut meanwhile: again, with its new size
            if attempt == ATTEMPTS - 1:
                raise
        finally:
            os.close(descriptor)


def _unless_gone(read: Callable[[], T]) -> T | None:
    """Return what `read` does; None where its entry has gone or become something else since it was listed."""
    try:
        return read()
    except NotFoundError as error:
        if error.code == "no_root":
            raise
        return None
    except (WrongKindError, OutsideError):
        return None

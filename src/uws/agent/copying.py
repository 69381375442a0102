"""Bulk data from one descriptor to another, in the kernel where it can."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from uws.agent.errors import IncompleteError

_PIECE_BYTES = 16 << 20
_BUFFER_BYTES = 1 << 20
_NOT_HERE = frozenset(
    {
        errno.EINVAL,  # not for this pair of descriptors
        errno.ENOSYS,
        errno.EOPNOTSUPP,
        errno.EXDEV,  # copy_file_range before Linux 5.19, between file systems
        errno.EBADF,  # opened for appending
        errno.EPERM,
        errno.ESPIPE,
        errno.ETXTBSY,
    }
)


Progress = Callable[[int], None]
"""Told the bytes of each piece that was copied; what it raises ends the copy."""


def copy(source: int, target: int, size: int | None, shown: str, *, progress: Progress | None = None) -> int:
    """Copy `size` bytes (None: until the end) from `source`'s position to `target`'s; return their number.

    The fastest way that both descriptors know: copy_file_range(2), which shares blocks where the file system
    can, then sendfile(2), then read and write. Raises `IncompleteError`, naming `shown`, when the source ends
    before `size` bytes, and OSError.
    """
    copied = 0
    for move in (_by_copy_file_range, _by_sendfile, _by_reading):
        copied += _all_by(move, source, target, None if size is None else size - copied, progress)
    if size is not None and copied != size:
        raise IncompleteError(f"{shown} is incomplete: {copied} of {size} bytes arrived.")
    return copied


def _all_by(
    move: Callable[[int, int, int], int],
    source: int,
    target: int,
    size: int | None,
    progress: Progress | None,
) -> int:
    """Copy with one method until it reports the end or that it is not for these descriptors."""
    copied = 0
    while size is None or copied < size:
        wanted = _PIECE_BYTES if size is None else min(_PIECE_BYTES, size - copied)
        try:
            moved = move(source, target, wanted)
        except OSError as error:
            if move is not _by_reading and error.errno in _NOT_HERE:
                break
            raise
        if moved == 0:
            break
        copied += moved
        if progress is not None:
            progress(moved)
    return copied


def _by_copy_file_range(source: int, target: int, count: int) -> int:
    return os.copy_file_range(source, target, count)


def _by_sendfile(source: int, target: int, count: int) -> int:
    return os.sendfile(target, source, None, count)


def _by_reading(source: int, target: int, count: int) -> int:
    content = os.read(source, min(count, _BUFFER_BYTES))
    write_all(target, content)
    return len(content)


def write_all(target: int, content: bytes) -> None:
    """Write all of `content`. Raises OSError."""
    view = memoryview(content)
    while view:
        view = view[os.write(target, view) :]

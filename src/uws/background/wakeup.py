"""A tap on the shoulder between processes of one host: datagrams on a Unix socket, hints only.

A datagram that is lost costs a second of delay (the reconciler also looks by itself), never a change. The shepherd
sends the same datagrams from the jobs' side.
"""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

MAXIMUM_PATH_BYTES = 107
"""`sockaddr_un.sun_path` has 108 bytes with its NUL (unix(7))."""
MOST_TEXTS = 1000


def socket_path(data_directory: Path) -> Path | None:
    """Return where the reconciler listens, or None where the path is too long for a Unix socket."""
    path = data_directory / "run" / "reconciler.sock"
    return path if len(os.fsencode(path)) <= MAXIMUM_PATH_BYTES else None


class Wakeup:
    """The sending side: `poke()` wakes the reconciler of this host, if there is one."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def poke(self, text: str = "") -> None:
        if self._path is None:
            return
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
        with socket.socket(socket.AF_UNIX, kind) as sender, contextlib.suppress(OSError):
            sender.sendto(text.encode(), str(self._path))


class Listener:
    """The reconciler's side. `fileno()` is readable when somebody poked; `drain()` returns what they said."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(path))
        path.chmod(0o600)

    def fileno(self) -> int:
        return self._socket.fileno()

    def drain(self) -> set[str]:
        """Return what was said, at most `MOST_TEXTS` of it: whoever floods us must not keep us here."""
        texts: set[str] = set()
        for _ in range(MOST_TEXTS):
            try:
                texts.add(self._socket.recv(256).decode("ascii", "replace"))
            except BlockingIOError:
                break
        return texts

    def close(self) -> None:
        self._socket.close()
        self._path.unlink(missing_ok=True)

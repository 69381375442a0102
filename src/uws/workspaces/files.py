"""File work inside one workspace, done by the agent as the workspace's owner."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from uws.agent.client import Agents, AgentSession, FileStatus, Listing, Scan, Spawned
from uws.agent.copying import Progress
from uws.agent.identity import Identity


class WorkspaceFiles:
    """One workspace's directory, open for any number of operations by one agent process.

    Every path is relative to the workspace and walked without following links. Errors are the agent's
    (`uws.agent.errors.AgentError`), with messages that name the path as the user knows it.
    """

    def __init__(self, session: AgentSession, root: Path, path: str) -> None:
        self._session = session
        self._root = root
        self._path = path

    @property
    def directory(self) -> Path:
        """The workspace's absolute directory, for a command line or a job's environment; not for opening."""
        return self._root / self._path

    def _inside(self, name: str) -> str:
        return str(PurePosixPath(self._path, name)) if name else self._path

    def create(self) -> bool:
        """Make the workspace's own directory (0700). True where it was not there before."""
        return self._session.make_directory(self._root, self._path, mode=0o700)

    def make_directory(self, name: str, *, mode: int = 0o755) -> bool:
        return self._session.make_directory(self._root, self._inside(name), mode=mode)

    def write(self, name: str, content: bytes, *, mode: int = 0o644) -> None:
        """Write a whole small file, beside and renamed; replaces a file or a link, never what it points to."""
        self._session.write_file(self._root, self._inside(name), content, mode=mode)

    def write_from(
        self,
        name: str,
        descriptor: int,
        *,
        size: int | None = None,
        mode: int = 0o644,
        modified_ns: int | None = None,
        progress: Progress | None = None,
    ) -> int:
        """Write a file of any size from an open descriptor; returns its bytes. All or nothing."""
        return self._session.write_from(
            self._root,
            self._inside(name),
            descriptor,
            size=size,
            mode=mode,
            modified_ns=modified_ns,
            progress=progress,
        )

    def link(self, name: str, target: str) -> None:
        self._session.make_link(self._root, self._inside(name), target)

    def read_link(self, name: str) -> str:
        return self._session.read_link(self._root, self._inside(name))

    def list_directory(self, name: str = "", *, limit: int = 1000, exact_names: bool = False) -> Listing:
        return self._session.list_directory(
            self._root, self._inside(name), limit=limit, exact_names=exact_names
        )

    def open_file(self, name: str) -> int:
        """Open a regular file for reading and return the descriptor, which the caller closes."""
        return self._session.open_file(self._root, self._inside(name))

    def read(self, name: str, *, limit_bytes: int = 65536) -> bytes:
        return self._session.read_file(self._root, self._inside(name), limit_bytes=limit_bytes)

    def read_tail(self, name: str, *, limit_bytes: int = 65536) -> bytes:
        return self._session.read_tail(self._root, self._inside(name), limit_bytes=limit_bytes)

    def read_piece(self, name: str, offset: int, limit_bytes: int) -> tuple[bytes, int, int]:
        """Read at most `limit_bytes` of a regular file of any size from `offset` (negative: from its end).

        Returns the bytes, where they begin, and the file's size then.
        """
        descriptor = self._session.open_file(self._root, self._inside(name))
        try:
            size = os.fstat(descriptor).st_size
            begin = max(0, size + offset) if offset < 0 else min(offset, size)
            return os.pread(descriptor, limit_bytes, begin), begin, size
        finally:
            os.close(descriptor)

    def status(self, name: str = "") -> FileStatus | None:
        return self._session.status(self._root, self._inside(name))

    def scan(self) -> Scan:
        return self._session.scan(self._root, self._path)

    def remove(self, name: str = "") -> bool:
        """Remove a tree inside the workspace, or (no name) the workspace's directory itself."""
        return self._session.remove_tree(self._root, self._inside(name))

    def spawn(self, argv: list[str], *, name: str, environment: Mapping[str, str]) -> Spawned:
        """Start a detached process whose working directory is `name`."""
        return self._session.spawn(argv, root=self._root, path=self._inside(name), environment=environment)

    def signal(self, pid: int, start_time_ticks: int, signal_number: int) -> bool:
        return self._session.signal(pid, start_time_ticks, signal_number)


@contextmanager
def open_workspace(agents: Agents, identity: Identity, root: Path, path: str) -> Iterator[WorkspaceFiles]:
    """Open a workspace's directory for file work as `identity`. `path` must not be empty (the whole root)."""
    if not path or path.strip("/") == "":
        raise ValueError("a workspace's path is never empty: that would be the whole storage root")
    with agents(identity) as session:
        yield WorkspaceFiles(session, root, path)

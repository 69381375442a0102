"""The server's side of the agent: `with agents(identity) as files:` starts one process for one operation."""

from __future__ import annotations

import errno
import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from uws.agent.copying import Progress, copy, write_all
from uws.agent.errors import AgentDiedError, AgentError, AgentTimeoutError, NoSpaceError, error_from
from uws.agent.identity import Identity
from uws.agent.interpreter import Interpreter, find_interpreter
from uws.agent.process import AgentProcess
from uws.agent.results import (
    BadAnswer,
    FileStatus,
    Listing,
    Scan,
    Spawned,
    file_status,
    listing,
    scan_result,
    spawned,
    truth,
)
from uws.agent.wire import LONGEST_PAYLOAD_BYTES, BrokenProtocol, Frame

__all__ = ["AgentSession", "Agents", "FileStatus", "Identity", "Listing", "Scan", "Spawned"]

logger = logging.getLogger(__name__)

T = TypeVar("T")
Root = str | os.PathLike[str]
Order = dict[str, Any]

DEFAULT_TIMEOUT_SECONDS = 30.0
LONGEST_TREE_SECONDS = 3600.0
LONGEST_LINK_BYTES = 4096  # PATH_MAX of limits.h
PASSING = frozenset({"begin", "open_file"})  # the calls that a descriptor answers
_INLINE_BYTES = 1 << 20


class Agents:
    """Starts agents: one process a session, no pool. One instance serves all threads of a process."""

    def __init__(self, *, python: str | None = None) -> None:
        """`python`: the interpreter of the agent, 3.9 or newer, which every user must be able to run.

        Default: the system's (`/usr/bin/python3`) if it can, else our own. Tried at the first session.
        """
        self._python = python
        self._interpreter: Interpreter | None = None
        self._lock = threading.Lock()

    @contextmanager
    def __call__(
        self, identity: Identity, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    ) -> Iterator[AgentSession]:
        """Run an agent as `identity` for the length of a `with` block.

        `timeout_seconds`: how long one call may take (for `scan` and `remove_tree`: how long the agent may
        say nothing). Raises `PermissionRefusedError` when the server cannot become `identity`, and
        `AgentError` when no interpreter can run the agent.
        """
        process = AgentProcess(identity, self._find_interpreter().command())
        session = AgentSession(process, timeout_seconds=timeout_seconds)
        try:
            yield session
        finally:
            session.close()

    def _find_interpreter(self) -> Interpreter:
        with self._lock:
            if self._interpreter is None:
                self._interpreter = find_interpreter(self._python)
            return self._interpreter


class AgentSession:
    """Calls to one agent, from one thread at a time. Every call may raise an `AgentError`.

    `root` is an absolute directory that the operator configured: trusted. `path` is relative to it, POSIX, as
    `check_relative_path` returns it; `''` is the root itself. Below the root no link is followed. After an
    `AgentDiedError` the session is over.
    """

    def __init__(self, process: AgentProcess, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        self.timeout_seconds = timeout_seconds
        self._process = process
        self._usable = True
        self._ended = False

    @property
    def pid(self) -> int:
        """The process id of the agent (of the step that became the user, where there is one)."""
        return self._process.pid

    def close(self) -> None:
        """End the agent and wait for it. May be repeated."""
        self._usable = False
        self._end()

    # Files

    def make_directory(
        self, root: Root, path: str, *, mode: int = 0o755, parents: bool = True, exist_ok: bool = True
    ) -> bool:
        """Make a directory, and with `parents` those above it (0755). True when it was not there before.

        Raises `ExistsError` without `exist_ok`, `WrongKindError` when a file is there. Directories made by a
        call that fails are removed again.
        """
        order = {**_where(root, path), "mode": _mode(mode), "parents": parents, "exist_ok": exist_ok}
        return self._checked(truth, self._call("make_directory", order))

    def write_file(
        self, root: Root, path: str, content: bytes, *, mode: int = 0o644, parents: bool = True
    ) -> None:
        """Write a whole file beside and rename it: the old or the new content, never between.

        Replaces a file or a link itself, never what the link points to; a directory: `WrongKindError`.
        """
        if len(content) > _INLINE_BYTES:
            with self._part(root, path, mode, parents) as part:
                write_all(part, content)
            return
        order = {**_where(root, path), "mode": _mode(mode), "parents": parents}
        self._call("write_file", order, payload=content)

    def write_from(
        self,
        root: Root,
        path: str,
        descriptor: int,
        *,
        size: int | None,
        mode: int = 0o644,
        parents: bool = True,
        modified_ns: int | None = None,
        progress: Progress | None = None,
    ) -> int:
        """Write a file of any size from an open (blocking) descriptor, at its position; return its bytes.

        The agent opens the file and passes the descriptor; the bytes go through the kernel. All or nothing:
        `IncompleteError` when the source ends before `size` bytes, `NoSpaceError` on a full disk.
        `modified_ns`: the file's modification time, Unix nanoseconds; default: now. `progress` is told the
        bytes of each piece of at most 16 MiB; what it raises gives the file up.
        """
        with self._part(root, path, mode, parents, modified_ns) as part:
            return copy(descriptor, part, size, repr(path), progress=progress)

    def make_link(self, root: Root, path: str, target: str, *, parents: bool = True) -> None:
        """Make a symbolic link; replaces a file or link in one step; a directory: `WrongKindError`."""
        if not target or not _is_text(target):
            raise ValueError("a link's target is a non-empty path without NUL")
        self._call("make_link", {**_where(root, path), "target": target, "parents": parents})

    def read_file(self, root: Root, path: str, *, limit_bytes: int = 65536) -> bytes:
        """Read a regular file; `TooLargeError` above `limit_bytes`, `WrongKindError` for another kind."""
        return self._read(root, path, limit_bytes, tail=False)

    def read_tail(self, root: Root, path: str, *, limit_bytes: int = 65536) -> bytes:
        """Read the last `limit_bytes` of a regular file of any size, such as a log."""
        return self._read(root, path, limit_bytes, tail=True)

    def read_link(self, root: Root, path: str) -> str:
        """Return what a symbolic link says, whether or not it leads anywhere; another kind: `WrongKindError`.

        Bytes that are not UTF-8 are surrogate escapes, as `make_link` takes them.
        """
        payload = self._call("read_link", _where(root, path)).payload
        if not payload or len(payload) > LONGEST_LINK_BYTES or b"\0" in payload:
            raise self._died("sent something that no link can say")
        return payload.decode("utf-8", "surrogateescape")

    def open_file(self, root: Root, path: str) -> int:
        """Open a regular file for reading and return the descriptor, which the caller closes."""
        return self._descriptor(self._call("open_file", _where(root, path)))

    def status(self, root: Root, path: str) -> FileStatus | None:
        """Say what lies at a path, without following it if it is a link. None when nothing is there."""
        return self._checked(file_status, self._call("status", _where(root, path)))

    def list_directory(
        self, root: Root, path: str, *, limit: int = 1000, exact_names: bool = False
    ) -> Listing:
        """List one directory, hidden entries too, at most `limit` of them; links are told, not followed.

        A name that is not UTF-8 has U+FFFD in it, or, with `exact_names`, surrogate escapes: so it can be
        named in further calls.
        """
        frame = self._call("list_directory", {**_where(root, path), "limit": limit})
        errors = "surrogateescape" if exact_names else "replace"
        return self._checked(lambda value: listing(value, frame.payload, limit, errors), frame)

    # Trees

    def scan(self, root: Root, path: str, *, limit: int = 100_000) -> Scan:
        """List what is visible in a tree, at most `limit` names, and add up its size (see `Scan`)."""
        frame = self._call("scan", {**_where(root, path), "limit": limit}, long=True)
        return self._checked(lambda value: scan_result(value, frame.payload, limit), frame)

    def remove_tree(self, root: Root, path: str) -> bool:
        """Remove a directory and all in it, a file, or a link (not its target). False: nothing was there.

        May be repeated. The owner's read-only directories are removed as well. On an error a part is left.
        """
        return self._checked(truth, self._call("remove_tree", _where(root, path), long=True))

    # Processes

    def spawn(self, argv: Sequence[str], *, root: Root, path: str, environment: Mapping[str, str]) -> Spawned:
        """Start a detached process in the directory `path` and return it once its program runs.

        Own session, standard streams on /dev/null, no other descriptor, default signals, umask 022, and
        `environment` exactly as given. It is nobody's child when the session ends, and outlives the server.
        Raises `AgentError` (code `spawn`) naming a command that cannot be executed.
        """
        words = list(argv)
        if not words or not words[0] or not all(map(_is_text, words)):
            raise ValueError("a command is a list of words without NUL, the first not empty")
        for name, value in environment.items():
            if not name or "=" in name or not _is_text(name) or not _is_text(value):
                raise ValueError(f"the environment variable {name!r} cannot be set")
        order = {**_where(root, path), "argv": words, "environment": dict(environment)}
        return self._checked(spawned, self._call("spawn", order))

    def signal(self, pid: int, start_time_ticks: int, signal_number: int) -> bool:
        """Signal a process, by pidfd, if it started then and is no zombie. False: it is gone."""
        if pid < 2:
            raise ValueError(f"process {pid} is never one of ours")
        if not 1 <= signal_number <= 64:
            raise ValueError(f"{signal_number} is not the number of a signal")
        order = {"pid": pid, "start_time_ticks": start_time_ticks, "signal_number": int(signal_number)}
        return self._checked(truth, self._call("signal", order))

    # The conversation

    @contextmanager
    def _part(
        self, root: Root, path: str, mode: int, parents: bool, modified_ns: int | None = None
    ) -> Iterator[int]:
        """A descriptor of the file being written; committed at the end of the block, removed on an error."""
        order = {**_where(root, path), "mode": _mode(mode), "parents": parents}
        part = self._descriptor(self._call("begin", order))
        try:
            try:
                yield part
            finally:
                os.close(part)  # may raise: some file systems tell of a full disk only now
        except BaseException as error:
            self._abort()
            if isinstance(error, OSError):
                raise _cannot_write(path, error) from error
            raise
        self._call("commit", {"modified_ns": modified_ns})

    def _abort(self) -> None:
        try:
            self._call("abort", {})
        except AgentDiedError as error:
            # Its end removes the part as well; the reason of the abort is what the caller must see.
            logger.warning("an agent died while a file was being given up: %s", error.detail)

    def _read(self, root: Root, path: str, limit_bytes: int, *, tail: bool) -> bytes:
        if not 0 <= limit_bytes < LONGEST_PAYLOAD_BYTES:
            raise ValueError(
                f"at most {LONGEST_PAYLOAD_BYTES - 1} bytes can be read at once, not {limit_bytes}"
            )
        order = {**_where(root, path), "limit_bytes": limit_bytes, "tail": tail}
        payload = self._call("read_file", order).payload
        if len(payload) > limit_bytes:
            raise self._died("sent more than it was asked for")
        return payload

    def _checked(self, check: Callable[[object], T], frame: Frame) -> T:
        try:
            return check(frame.message["ok"])
        except BadAnswer as error:
            raise self._died(f"sent {error}") from error

    def _descriptor(self, frame: Frame) -> int:
        descriptor = frame.take_descriptor()
        if descriptor is None:
            raise self._died("sent no descriptor")
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # a pipe could hold our thread for ever
            os.close(descriptor)
            raise self._died("sent a descriptor of something else than a file")
        return descriptor

    def _call(self, call: str, arguments: Order, *, payload: bytes = b"", long: bool = False) -> Frame:
        """Send one order and wait for its answer, through progress if it is a `long` one."""
        if not self._usable:
            raise AgentDiedError(
                "The program that works on the files has ended; nothing more can be done with it."
            )
        self._usable = False  # until the answer is whole: an exception half-way leaves the stream out of step
        start = time.monotonic()
        last = start + (LONGEST_TREE_SECONDS if long else self.timeout_seconds)
        channel = self._process.channel
        try:
            channel.send({"call": call, "with": arguments}, payload, start + self.timeout_seconds)
            frame = channel.receive(min(last, time.monotonic() + self.timeout_seconds))
            while long and "progress" in frame.message:
                frame.drop()
                frame = channel.receive(min(last, time.monotonic() + self.timeout_seconds))
        except TimeoutError as error:
            raise self._died(
                f"did not answer within {time.monotonic() - start:.0f} s", timeout=True
            ) from error
        except (OSError, BrokenProtocol) as error:
            raise self._died(f"ended unexpectedly ({error})") from error
        except ValueError:  # too long for a frame: nothing was sent
            self._usable = True
            raise
        return self._answer(call, frame)

    def _answer(self, call: str, frame: Frame) -> Frame:
        if ("ok" in frame.message) == ("error" in frame.message):
            frame.drop()
            raise self._died("sent something that is no answer")
        if frame.descriptor is not None and (call not in PASSING or "error" in frame.message):
            frame.drop()
            raise self._died("sent a descriptor that nobody asked for")
        self._usable = True
        if "error" in frame.message:
            raise error_from(frame.message["error"], frame.message.get("message"))
        return frame

    def _died(self, what: str, *, timeout: bool = False) -> AgentDiedError:
        """End the agent and build the error that tells of it."""
        self._usable = False
        detail = self._end() or what
        logger.warning("agent %d %s: %s", self.pid, what, detail)
        if timeout:
            return AgentTimeoutError(f"The work on the files was given up: it {what}.", detail=detail)
        return AgentDiedError("The program that works on the files ended unexpectedly.", detail=detail)

    def _end(self) -> str:
        if self._ended:
            return ""
        self._ended = True
        return self._process.end()


def _where(root: Root, path: str) -> Order:
    return {"root": os.fspath(root), "path": path}


def _is_text(text: str) -> bool:
    """Whether the operating system can take it: no NUL, no surrogate but those that stand for a byte."""
    try:
        return b"\0" not in text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False


def _mode(mode: int) -> int:
    if mode & ~0o777:
        raise ValueError(
            f"mode {mode:o} has more than permission bits; set-id and sticky bits are never given"
        )
    return mode


def _cannot_write(path: str, error: OSError) -> AgentError:
    if error.errno == errno.ENOSPC:
        return NoSpaceError(f"{path!r} could not be written: the disk is full.")
    if error.errno == errno.EDQUOT:
        return NoSpaceError(f"{path!r} could not be written: the disk quota is used up.")
    return AgentError(f"{path!r} could not be written: {error.strerror}.")

"""What a process of this server needs of Linux: to end with its parent, to be seen, to be the only one.

AlreadyServing         another process serves this data directory
AddressUnusable        a port can't be listened on
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_NAME_BYTES = 15
_BACKLOG = 2048


class AlreadyServing(Exception):
    """The data directory is being served. The text is one sentence for the operator."""


class AddressUnusable(Exception):
    """An address can't be listened on. The text is one sentence for the operator."""


def end_with_parent(parent: int) -> None:
    """Ask the kernel for SIGTERM when the process that forked us ends (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we asked
        os.kill(os.getpid(), signal.SIGTERM)


def show_name(name: str) -> None:
    """Set the name that `ps -o comm` and `top` show, `uws web-1`; the kernel keeps 15 bytes."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NAME, f"uws {name}".encode()[:_NAME_BYTES], 0, 0, 0)


@contextmanager
def locked_data_directory(run_directory: Path) -> Iterator[int]:
    """Hold the data directory's lock; gives its descriptor, which a forked process must close.

    Raises `AlreadyServing` where another process has it.
    """
    descriptor = os.open(run_directory / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = (_read_lock(descriptor) or ["unknown"])[0]
            raise AlreadyServing(
                f"{run_directory.parent} is already being served by process {holder}; "
                f"stop it, or choose another --data-dir."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def announce(descriptor: int, console_url: str) -> None:
    """Write into the lock's file where the console is served; `descriptor` is the lock's."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n{console_url}\n".encode(), 0)


def announced_url(run_directory: Path) -> str | None:
    """Return where the console of this data directory is being served, None where it is not being served."""
    # Read only: taking the lock to find out, even for a moment, could refuse a start.
    try:
        descriptor = os.open(run_directory / "serve.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        lines = _read_lock(descriptor)
    finally:
        os.close(descriptor)
    return lines[1] if len(lines) > 1 and _is_alive(lines[0]) else None


def _read_lock(descriptor: int) -> list[str]:
    return os.pread(descriptor, 1024, 0).decode("utf-8", "replace").split()


def listen(host: str, port: int, option: str) -> socket.socket:
    """Bind and listen on `host`:`port`; `option` is what the operator would change, for the error's text.

    Raises `AddressUnusable`.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise AddressUnusable(f"{host} is not an address of this machine: {error.strerror}.") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise AddressUnusable(_why_not(error, host, port, option)) from None
    return listener


def _why_not(error: OSError, host: str, port: int, option: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use; stop what uses it, or choose another with {option}."
    if error.errno == errno.EACCES:
        return f"Port {port} on {host} needs more rights than this account has; choose one from 1024 with {option}."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine; choose another with --host."
    return f"Port {port} on {host} can't be listened on: {os.strerror(error.errno or 0)}."


def pid_path(run_directory: Path, role: str) -> Path:
    """Return where the pid of `role` (`web-1`) is written."""
    return run_directory / f"{role}.pid"


def write_pid(run_directory: Path, role: str, pid: int) -> None:
    """Write the pid file of `role`, whole or not at all."""
    path = pid_path(run_directory, role)
    beside = path.with_suffix(f".pid.{os.getpid()}")
    beside.write_text(f"{pid}\n")
    beside.replace(path)


@contextmanager
def own_pid_file(run_directory: Path, role: str) -> Iterator[str]:
    """Hold the first free `<role>-<n>.pid` for as long as this process runs one role by itself; gives `<role>-<n>`."""
    number = 1
    while _lives(pid_path(run_directory, f"{role}-{number}")):
        number += 1
    name = f"{role}-{number}"
    write_pid(run_directory, name, os.getpid())
    try:
        yield name
    finally:
        pid_path(run_directory, name).unlink(missing_ok=True)


def _lives(path: Path) -> bool:
    try:
        return _is_alive(path.read_text())
    except OSError:
        return False


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (OSError, ValueError):
        return False
    return True

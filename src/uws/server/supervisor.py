"""One parent, several roles: forks them, starts those again that die, and ends them all.

The parent has imported and built everything before it forks, so that the children share its memory; it then sleeps in
one system call. Children end when it ends, however it ends. Jobs are nobody's children here and go on.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from uws.server.logs import configure_logging
from uws.server.processes import end_with_parent, pid_path, show_name, write_pid

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A child that lived this long has shown that it works: its next death costs the first pause again."""
DRAIN_SECONDS = 15.0
SAME_SIGNAL_SECONDS = 0.5
"""`timeout`, a terminal and some init systems signal a process and its group: the same wish, twice at once."""

_STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
_WAITED_FOR = _STOP_SIGNALS | {signal.SIGCHLD}


@dataclass
class Role:
    """One child. `run` serves until SIGTERM and returns; `sockets` are the listeners it keeps, others are closed."""

    name: str
    run: Callable[[], None]
    sockets: Sequence[socket.socket] = ()
    pid: int | None = field(default=None, init=False)
    began: float = field(default=0.0, init=False)
    pause_seconds: float = field(default=0.0, init=False)
    due: float = field(default=0.0, init=False)


class Supervisor:
    """Runs roles until SIGTERM, SIGINT or SIGHUP; a second one ends everything at once."""

    def __init__(self, roles: Sequence[Role], run_directory: Path, lock: int | None = None) -> None:
        self._roles = roles
        self._run_directory = run_directory
        self._lock = lock
        self._parent = os.getpid()

    def run(self) -> int:
        """Return the exit code: 0 where everything ended as asked."""
        # An ignored SIGCHLD is inherited, and every exit code would then read 0.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
        gc.collect()
        gc.freeze()
        for role in self._roles:
            self._start(role)
        stopped_by = self._watch()
        logger.info("%s: ending; jobs go on", stopped_by.name)
        return self._drain()

    def _watch(self) -> signal.Signals:
        while True:
            received = self._wait(self._next_start())
            if received in _STOP_SIGNALS:
                return signal.Signals(received)
            self._reap()
            for role in self._roles:
                if role.pid is None and role.due <= time.monotonic():
                    self._start(role)

    def _next_start(self) -> float | None:
        due = [role.due for role in self._roles if role.pid is None]
        return None if not due else max(0.0, min(due) - time.monotonic())

    def _wait(self, timeout_seconds: float | None) -> int | None:
        """Sleep until a signal arrives, or the time is up: None."""
        if timeout_seconds is None:
            return signal.sigwait(_WAITED_FOR)
        information = signal.sigtimedwait(_WAITED_FOR, timeout_seconds)
        return None if information is None else information.si_signo

    def _reap(self) -> None:
        """Note who has ended. Signals merge: one SIGCHLD may stand for several children."""
        for role in self._roles:
            if role.pid is None:
                continue
            pid, status = os.waitpid(role.pid, os.WNOHANG)
            if pid:
                self._ended(role, os.waitstatus_to_exitcode(status))

    def _ended(self, role: Role, exit_code: int) -> None:
        lived = time.monotonic() - role.began
        steady = lived >= STEADY_SECONDS
        role.pause_seconds = (
            FIRST_PAUSE_SECONDS
            if steady or not role.pause_seconds
            else min(2 * role.pause_seconds, LONGEST_PAUSE_SECONDS)
        )
        role.due = time.monotonic() + role.pause_seconds
        pid_path(self._run_directory, role.name).unlink(missing_ok=True)
        logger.error(
            "%s (process %s) ended by itself, %s, after %.0f s; starting it again in %g s",
            role.name,
            role.pid,
            f"killed by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"exit code {exit_code}",
            lived,
            role.pause_seconds,
        )
        role.pid = None

    def _start(self, role: Role) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._be_child(role)
        role.pid, role.began = pid, time.monotonic()
        write_pid(self._run_directory, role.name, pid)

    def _be_child(self, role: Role) -> NoReturn:
        code = 1
        try:
            # Python handlers that do nothing, not SIG_IGN: an ignored signal would be ignored in every job too.
            signal.signal(signal.SIGINT, _nothing)
            signal.signal(signal.SIGHUP, _nothing)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAITED_FOR)
            end_with_parent(self._parent)
            show_name(role.name)
            configure_logging(role.name)
            self._close_what_is_not_ours(role)
            role.run()
            code = 0
        except BaseException:
            logger.exception("%s can't go on", role.name)
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _close_what_is_not_ours(self, role: Role) -> None:
        """Neither a drained child nor a stuck one may hold the lock or a port that a new start needs."""
        if self._lock is not None:
            os.close(self._lock)
        kept = {listener.fileno() for listener in role.sockets}
        for other in self._roles:
            for listener in other.sockets:
                if listener.fileno() not in kept and listener.fileno() >= 0:
                    listener.close()

    def _drain(self) -> int:
        self._signal_all(signal.SIGTERM)
        began = time.monotonic()
        deadline = began + DRAIN_SECONDS
        for role in self._roles:
            for listener in role.sockets:
                listener.close()
        while any(role.pid for role in self._roles):
            received = self._wait(max(0.0, deadline - time.monotonic()))
            asked_again = received in _STOP_SIGNALS and time.monotonic() - began > SAME_SIGNAL_SECONDS
            if received is None or asked_again:
                alive = ", ".join(role.name for role in self._roles if role.pid)
                logger.warning("%s did not end in time and is killed; its work will be taken up again", alive)
                self._signal_all(signal.SIGKILL)
                deadline = time.monotonic() + DRAIN_SECONDS
            self._collect()
        return 0

    def _collect(self) -> None:
        for role in self._roles:
            if role.pid is not None and os.waitpid(role.pid, os.WNOHANG)[0]:
                pid_path(self._run_directory, role.name).unlink(missing_ok=True)
                role.pid = None

    def _signal_all(self, number: signal.Signals) -> None:
        for role in self._roles:
            if role.pid is not None:
                os.kill(role.pid, number)


def _nothing(number: int, frame: object) -> None:
    """A handler that lets the supervisor decide."""

"""One running agent: started, talked to, and certainly ended."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import subprocess
import threading
from collections.abc import Sequence

from uws.agent.become import become
from uws.agent.errors import AgentError
from uws.agent.identity import Identity
from uws.agent.wire import Channel

logger = logging.getLogger(__name__)

_LAST_WORDS_BYTES = 4096
_END_SECONDS = 2.0


class AgentProcess:
    """The agent's process and the channel to it. `end` must be called; it never raises."""

    _stragglers: list[subprocess.Popen[bytes]] = []
    _lock = threading.Lock()

    def __init__(self, identity: Identity, command: Sequence[str]) -> None:
        """Start it. Raises `PermissionRefusedError` when `identity` is not to be had, and `AgentError`."""
        argv, keywords = become(identity, command)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                argv,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                close_fds=True,
                start_new_session=True,  # Ctrl-C in the server's terminal is not for it
                **keywords,
            )
        except OSError as error:
            ours.close()
            raise AgentError(
                f"The program that works on files could not be started: {error.strerror}."
            ) from error
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.channel = Channel(ours)

    @property
    def pid(self) -> int:
        return self._process.pid

    def end(self) -> str:
        """Close the channel, wait for the end (2 s, then SIGKILL) and return the program's last words."""
        self.channel.close()
        if not self._wait(_END_SECONDS):
            logger.warning("agent %d did not end when told to; killing it", self.pid)
            with contextlib.suppress(OSError):  # it may run as another user now: then only its end ends it
                self._process.kill()
            if not self._wait(_END_SECONDS):
                logger.error("agent %d cannot be ended; it is left behind", self.pid)
                with self._lock:
                    self._stragglers.append(self._process)
        words = self._last_words()
        self._collect_stragglers()
        return words

    def _wait(self, seconds: float) -> bool:
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:  # collected already: SIGCHLD is ignored in this process
            self._process.wait()
            return True
        except OSError:  # no descriptor left
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
            return self._process.returncode is not None
        try:
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            if not poll.poll(seconds * 1000):
                return False
        finally:
            os.close(handle)
        self._process.wait()
        return True

    def _last_words(self) -> str:
        pipe = self._process.stderr
        assert pipe is not None
        try:
            os.set_blocking(pipe.fileno(), False)
            words = os.read(pipe.fileno(), _LAST_WORDS_BYTES)
        except BlockingIOError:  # a process that it left behind still holds the other end
            words = b""
        finally:
            pipe.close()
        return words.decode("utf-8", "replace").strip()

    @classmethod
    def _collect_stragglers(cls) -> None:
        with cls._lock:
            cls._stragglers[:] = [process for process in cls._stragglers if process.poll() is None]

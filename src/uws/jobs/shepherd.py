"""The shepherd: runs one job on its node, outlives the server, and writes down what became of the job.

One file of the standard library alone, so that it can be copied to a node: `python3 -I -S shepherd.py
--key KEY DIRECTORY`, Python 3.9 or later, Linux. It imports nothing of `uws`; the server's side of its two
files is `uws.jobs.shepherd_record`.

* `DIRECTORY/launch.json` (read): the command, its limits, its probe; written by the server.
* `DIRECTORY/claim` (made): created exclusively, so that a launch made twice runs one command. Who comes
  second exits with 75.
* `DIRECTORY/record.json` (replaced at each change): phase, times, use, end. It lies where the user can write,
  so the server takes it as a hint.

The exit status is the command's own, 128 + its signal, or that of `EXIT_STATUS`, for the sake of schedulers.

Several hundred of these run on one node, so it imports little: `signal`, `socket`, `json`, `ctypes` and
`subprocess` would double its memory and its time to the command, hence the C modules beneath them.
"""
# ruff: noqa: SIM105 - contextlib is another of the imports that are dear

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # what `signal` wraps in enums
import os
import select
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket
    from collections.abc import Iterable, Sequence
    from typing import Any

SIGHUP, SIGINT, SIGKILL, SIGTERM, SIGCHLD, SIGCONT = 1, 2, 9, 15, int(_signal.SIGCHLD), int(_signal.SIGCONT)
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h

CLAIMED_ALREADY = 75  # EX_TEMPFAIL of sysexits.h
EXIT_STATUS = {"success": 0, "timeout": 124, "command_not_found": 127, "cancelled": 143, "out_of_memory": 137}

SAMPLES_KEPT = 60
MESSAGE_LIMIT_CHARACTERS = 1000
FIRST_SAMPLES_SECONDS = (0.05, 0.2, 0.5)  # short jobs shall have a figure too
BUSY_INTERVAL_SECONDS, QUIET_INTERVAL_SECONDS = 1.0, 15.0
HASTY_INTERVAL_SECONDS = 0.25  # while memory grows fast enough to reach its limit within seconds
QUIET_SEARCH_SECONDS = 60.0  # how often new descendants of a quiet tree are looked for
QUIET_RECORD_SECONDS = 60.0  # how often a quiet job's slowly growing CPU time is written down
LEFTOVERS_GRACE_SECONDS = 2.0
KILL_PATIENCE_SECONDS = 15.0
RECORD_PATIENCE_SECONDS = 30.0  # how long the last record is tried again where the disk is full
GROWTH_WORTH_MEASURING = 1.05
SHARING_MEASURED_SECONDS = 10.0
PROBE_FIRST_SECONDS, PROBE_SLOWEST_SECONDS = 0.05, 0.5  # between two attempts
PROBE_EAGER_SECONDS = 5.0  # how long attempts are as frequent as at first
PROBE_ATTEMPT_SECONDS = 10.0

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SIGNAL_NAMES = {
    4: "SIGILL",
    6: "SIGABRT",
    7: "SIGBUS",
    8: "SIGFPE",
    9: "SIGKILL",
    11: "SIGSEGV",
    15: "SIGTERM",
}


class Unfit(Exception):
    """The launch file cannot be carried out; the text says why."""


# --- JSON, files and processes -----------------------------------------------------------------------------


class _ScannerOptions:
    """What the C scanner of `json` asks of its `JSONDecoder`."""

    strict = True
    object_hook = object_pairs_hook = array_hook = None
    parse_float, parse_int, parse_constant = float, int, float

    def __init__(self) -> None:
        self.memo: dict[str, str] = {}


def decode_json(text: str) -> Any:
    """Return what the JSON in `text` means; without `json` (and `re` behind it) where that is possible."""
    try:
        import _json

        return _json.make_scanner(_ScannerOptions())(text, 0)[0]  # type: ignore[arg-type]
    except Exception:  # another Python's private parts, or text that needs `json` for its error message
        import json

        return json.loads(text)


def encode_json(value: object) -> str:
    """Return `value` (dict, list, str, int, finite float, bool, None) as JSON in ASCII."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return _encode_text(value)
    if isinstance(value, dict):
        return (
            "{" + ",".join(_encode_text(key) + ":" + encode_json(item) for key, item in value.items()) + "}"
        )
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(encode_json(item) for item in value) + "]"
    raise TypeError("no JSON for " + type(value).__name__)


def _encode_text(text: str) -> str:
    try:
        from _json import encode_basestring_ascii

        return encode_basestring_ascii(text)
    except ImportError:
        import json

        return json.dumps(text)


def utf8(text: str) -> bytes:
    """Return the bytes that the kernel is given for `text`, whatever the node's locale."""
    return text.encode("utf-8", "surrogateescape")


def read_file(path: str, size_bytes: int = 8192) -> bytes:
    """Return the first bytes of a file under /proc."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, size_bytes)
    finally:
        os.close(descriptor)


def read_stat(pid: int) -> list[bytes]:
    """Return the fields of /proc/PID/stat from the state on (field 3 of proc(5) is index 0)."""
    data = read_file(f"/proc/{pid}/stat")
    return data[data.rindex(b")") + 2 :].split()


STATE, PARENT, GROUP, FAULTS, USER_TICKS, CHILDREN_SYSTEM_TICKS, START_TICKS = 0, 1, 2, 7, 11, 14, 19
RESIDENT_PAGES = 21


def kibibytes(status: bytes, name: bytes) -> int:
    """Return the bytes that a line such as `VmRSS:  12 kB` of /proc/PID/status tells, 0 without the line."""
    at = status.find(b"\n" + name)
    return int(status[at + 1 + len(name) : status.index(b"\n", at + 1)].split()[0]) * 1024 if at >= 0 else 0


def newest_pid() -> int:
    """Return the number that the kernel gave out last (threads included), 0 if it does not say."""
    try:
        return int(read_file("/proc/loadavg").split()[4])
    except (OSError, ValueError, IndexError):
        return 0


def pids_between(low: int, high: int) -> Sequence[int]:
    """Return the process numbers given out after `low` up to `high`, which go round in a circle."""
    if low <= high <= low + 64:
        return range(low + 1, high + 1)
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    if low <= high:
        return [pid for pid in pids if low < pid <= high]
    return [pid for pid in pids if pid > low or pid <= high]


def call_prctl(option: int, value: int) -> None:
    """Call prctl(2); raises OSError. `_ctypes` alone needs a third of what `ctypes` takes."""
    import _ctypes

    library = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # the program itself
    if _ctypes.call_function(_ctypes.dlsym(library, "prctl"), (option, value, 0, 0, 0)) != 0:
        raise OSError(f"prctl {option} failed")


# --- The process tree --------------------------------------------------------------------------------------


class Process:
    """What is known of one live descendant."""

    __slots__ = (
        "figures",
        "highest_resident_bytes",
        "resident_bytes",
        "shared_bytes",
        "start_ticks",
        "used_ticks",
    )

    def __init__(self, start_ticks: bytes) -> None:
        self.start_ticks = start_ticks
        self.figures: list[bytes] = []
        """Faults, ticks and pages as last read: a process that has done anything has other ones."""
        self.used_ticks = 0
        self.resident_bytes = 0
        self.highest_resident_bytes = 0
        self.shared_bytes: int | None = None
        """Resident but counted elsewhere (RSS - PSS), when last measured."""


class Tree:
    """The live descendants of this process and what they use.

    Where no descendant is left, waitpid says so exactly, because this process is their subreaper. To *find*
    them cheaply, only process numbers given out since the last look are looked at: one small file a look and
    descendant, however many other processes there are. (/proc/PID/task/TID/children is one file a thread and
    not in every kernel.) Should numbers go round between two looks, a descendant may be missed until it is
    reaped; `descendants`, with which the tree is ended, looks at everything.
    """

    def __init__(self) -> None:
        self.root = os.getpid()
        self.processes: dict[int, Process] = {}
        self.reaped_seconds = 0.0
        self.highest_cpu_seconds = 0.0
        self.peak_memory_bytes = 0
        self._measured_resident_bytes = 0
        self._measured_at = 0.0
        self._newest = self._newest_before = newest_pid()
        self._numbers_help = True
        self._quiet = False
        self._searched_at = 0.0
        self._own_peak_bytes = kibibytes(read_file("/proc/self/status"), b"VmHWM:")

    def started(self, pid: int) -> None:
        """Take in a child that was just started."""
        newest = newest_pid()
        inside = (
            self._newest < pid <= newest if self._newest <= newest else pid > self._newest or pid <= newest
        )
        self._numbers_help = self._numbers_help and inside  # a container may be told another kernel's figures
        self._adopt(pid)

    def reaped(self, pid: int, usage: Any) -> None:
        """Count what a child (and those it waited for) used; `usage` is of `os.wait4`."""
        self._quiet = False
        self.reaped_seconds += usage.ru_utime + usage.ru_stime
        process = self.processes.pop(pid, None)
        shared_bytes = (process.shared_bytes if process else 0) or 0
        resident_bytes = usage.ru_maxrss * 1024
        if resident_bytes > self._own_peak_bytes:  # a child begins with the peak of who started it
            self.peak_memory_bytes = max(self.peak_memory_bytes, resident_bytes - shared_bytes)

    def refresh(self) -> bool:
        """Look at the known descendants again and find the new ones; False if none has done anything since.

        In that case a search for new ones may wait a while.
        """
        for pid, process in list(self.processes.items()):
            if not self._update(pid, process):
                del self.processes[pid]
                self._quiet = False
        now = time.monotonic()
        if self._quiet and now - self._searched_at < QUIET_SEARCH_SECONDS:
            return False
        self._quiet, self._searched_at = True, now
        self._search()
        return True

    def _search(self) -> None:
        newest = newest_pid()
        # One look further back than the last: a number is given out a moment before its process can be seen.
        before, self._newest_before, self._newest = self._newest_before, self._newest, newest
        if not self._numbers_help or not newest:
            before = newest + 1  # everything
        parents = {pid: parent for pid in pids_between(before, newest) for parent in _parent_of(pid)}
        found = True
        while found:
            found = False
            for pid, parent in parents.items():
                if pid not in self.processes and (parent == self.root or parent in self.processes):
                    found = (not _is_thread(pid) and self._adopt(pid)) or found

    def _adopt(self, pid: int) -> bool:
        try:
            process = Process(read_stat(pid)[START_TICKS])
        except (OSError, ValueError, IndexError):
            return False
        if not self._update(pid, process):
            return False
        self.processes[pid] = process
        return True

    def _update(self, pid: int, process: Process) -> bool:
        try:
            stat = read_stat(pid)
            if stat[START_TICKS] != process.start_ticks:
                return False
            figures = [*stat[FAULTS : CHILDREN_SYSTEM_TICKS + 1], stat[RESIDENT_PAGES]]
            if figures != process.figures:
                self._quiet = False
                process.highest_resident_bytes = kibibytes(read_file(f"/proc/{pid}/status"), b"VmHWM:")
        except (OSError, ValueError):
            return False
        process.figures = figures
        process.used_ticks = sum(map(int, stat[USER_TICKS : CHILDREN_SYSTEM_TICKS + 1]))
        process.resident_bytes = int(stat[RESIDENT_PAGES]) * PAGE_BYTES
        return True

    def cpu_seconds(self) -> float:
        """Return the CPU time of all descendants, past and present, right after `refresh`.

        Never less than before. `processes` has parents before their children, so one that ends meanwhile is
        not counted, at worst, until the next look; never twice, with itself and with its parent.
        """
        live = sum(process.used_ticks for process in self.processes.values()) / TICKS_PER_SECOND
        self.highest_cpu_seconds = max(self.highest_cpu_seconds, round(self.reaped_seconds + live, 6))
        return self.highest_cpu_seconds

    def memory_bytes(self, limit_bytes: int | None, quiet: bool) -> int:
        """Return the memory of the tree, its peak kept: proportional (PSS) where it is worth measuring.

        Reading PSS walks a process's page tables and holds its memory lock, so it is done when the resident
        sum has grown, may be over the limit, or, while the job is busy, hides sharing that writes may undo.
        """
        processes = list(self.processes.items())
        resident = sum(process.resident_bytes for _, process in processes)
        shared = sum(process.shared_bytes or 0 for _, process in processes)
        now = time.monotonic()
        hidden = not quiet and shared * 20 > resident and now - self._measured_at > SHARING_MEASURED_SECONDS
        grown = resident > self._measured_resident_bytes * GROWTH_WORTH_MEASURING
        if grown or hidden or (limit_bytes is not None and resident - shared > limit_bytes * 0.9):
            self._measured_resident_bytes = max(self._measured_resident_bytes, resident)
            self._measured_at = now
            shared = 0
            for pid, process in processes:
                process.shared_bytes = _shared_bytes(pid, process)
                shared += process.shared_bytes
            self.peak_memory_bytes = max(self.peak_memory_bytes, resident - shared)
        for _, process in processes:  # what came and went between two looks
            if process.shared_bytes is not None:
                highest = process.highest_resident_bytes - process.shared_bytes
                self.peak_memory_bytes = max(self.peak_memory_bytes, highest)
        return max(0, resident - shared)

    def descendants(self) -> list[tuple[int, int]]:
        """Return number and group of every live descendant; looks at every process there is."""
        children: dict[int, list[tuple[int, int, bytes]]] = {}
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    stat = read_stat(int(name))
                except (OSError, ValueError):
                    continue
                entry = (int(name), int(stat[GROUP]), stat[STATE])
                children.setdefault(int(stat[PARENT]), []).append(entry)
        found, parents = [], [self.root]
        while parents:
            for pid, group, state in children.pop(parents.pop(), ()):
                parents.append(pid)
                if state not in b"ZX":
                    found.append((pid, group))
        return found

    def end(self, number: int) -> None:
        """Send a signal to the whole tree. With SIGKILL also by process group, which no fork can race."""
        found = self.descendants()
        if number == SIGKILL:
            # A group lies within one session, and the job's sessions hold its descendants alone.
            own = os.getpgrp()
            for group in {group for _, group in found if group > 1 and group != own}:
                _send(-group, SIGKILL)
        for pid, _ in found:
            _send(pid, number)
            if number != SIGKILL:
                _send(pid, SIGCONT)  # a stopped process would never see it


def _send(target: int, number: int) -> None:
    try:
        os.kill(target, number)
    except (ProcessLookupError, PermissionError):
        pass  # gone already, or a set-uid program: `ended` tells of those that stay


def _parent_of(pid: int) -> Iterable[int]:
    """Yield the parent of a process, nothing if it is not there."""
    try:
        yield int(read_stat(pid)[PARENT])
    except (OSError, ValueError):
        return


def _is_thread(number: int) -> bool:
    """True for a thread's number: its /proc/NUMBER answers like its process's, though it is not listed."""
    try:
        status = read_file(f"/proc/{number}/status")
        return int(status[status.index(b"\nTgid:") + 6 :].split(None, 1)[0]) != number
    except (OSError, ValueError):
        return True  # gone


def _shared_bytes(pid: int, process: Process) -> int:
    """Return RSS - PSS, both of one reading: a process that grows or ends between two would seem to share it all."""
    try:
        rollup = read_file(f"/proc/{pid}/smaps_rollup")
    except OSError:  # a set-uid program's is closed to us, and one that is gone has none
        rollup = b""
    proportional_bytes = kibibytes(rollup, b"Pss:")
    if not proportional_bytes:
        return process.shared_bytes or 0
    return max(0, kibibytes(rollup, b"Rss:") - proportional_bytes)


# --- The probe ---------------------------------------------------------------------------------------------


class Probe:
    """Asks the job's application, without ever waiting, until it answers with an expected status.

    The request carries the application's token, so it is sent only where every listener on the port belongs
    to the job's own tree, both before and after the connection was made.
    """

    def __init__(self, host: str, port: int, specification: dict[str, Any], path: str) -> None:
        self.address = ("127.0.0.1" if host == "0.0.0.0" else host, port)  # noqa: S104 - compared, not bound
        headers = {
            "Host": f"localhost:{port}",
            "Connection": "close",
            "Accept": "*/*",
            **specification["headers"],
        }
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        self.request = utf8("\r\n".join(lines) + "\r\n\r\n")
        self.expected: list[int] = specification["expect_status"]
        self.timeout_seconds = float(specification["timeout_seconds"])
        self.next_at = 0.0
        self.eager_until = 0.0
        self.problem = "nothing listened there"
        self.connection: Socket | None = None
        self._interval_seconds = PROBE_FIRST_SECONDS
        self._attempt_ends = 0.0
        self._sent = False
        self._answer = b""
        self._trusted: set[bytes] = set()

    def advance(self, now: float, tree: Tree) -> bool:
        """Go on as far as is possible now; True once the application has answered as it should."""
        if self.connection is not None and now >= self._attempt_ends:
            self.problem = "it took a connection but did not answer"
            self._again_later(now)
        try:
            if self.connection is None:
                if now < self.next_at:
                    return False
                self._connect(now)
            if self.connection is not None and not self._sent and self._connected():
                self._verify_and_send(now, tree)
            if self._sent and self._read_answer():
                return True
        except BlockingIOError:
            pass
        except OSError:
            self.problem = "nothing listened there" if not self._sent else "it broke the connection off"
            self._again_later(now)
        return False

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None
        self._sent, self._answer = False, b""

    def waits_for(self) -> int:
        """Return the poll events that the open connection waits for."""
        return select.POLLIN if self._sent else select.POLLOUT

    def wake_at(self) -> float:
        return self.next_at if self.connection is None else self._attempt_ends

    def _connect(self, now: float) -> None:
        import _socket

        self.connection = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        self.connection.setblocking(False)
        self._attempt_ends = now + PROBE_ATTEMPT_SECONDS
        try:
            self.connection.connect(self.address)
        except BlockingIOError:
            pass

    def _connected(self) -> bool:
        import _socket

        assert self.connection is not None
        poller = select.poll()
        poller.register(self.connection.fileno(), select.POLLOUT)
        if not poller.poll(0):
            return False
        error = self.connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        return True

    def _verify_and_send(self, now: float, tree: Tree) -> None:
        assert self.connection is not None
        listeners = listeners_on(self.address[1])
        tree.refresh()
        if not listeners or not listeners <= sockets_of(tree.processes):
            self._trusted = set()
            self.problem = "another program listens there"
            self._again_later(now)
        elif listeners != self._trusted:
            self._trusted = listeners  # this connection was made before we knew: make another
            self.close()
            self.next_at = now
        else:
            self.connection.send(self.request)
            self._sent = True

    def _read_answer(self) -> bool:
        assert self.connection is not None
        data = self.connection.recv(4096)
        self._answer += data
        if data and b"\n" not in self._answer and len(self._answer) < 4096:
            return False
        words = self._answer.split(b"\r\n", 1)[0].split()
        if len(words) >= 2 and words[0].startswith(b"HTTP/") and words[1].isdigit():
            if int(words[1]) in self.expected:
                self.close()
                return True
            self.problem = f"it answered with status {int(words[1])}"
        else:
            self.problem = "it did not answer in HTTP"
        self._again_later(time.monotonic())
        return False

    def _again_later(self, now: float) -> None:
        self.close()
        self.next_at = now + self._interval_seconds
        if now > self.eager_until:
            self._interval_seconds = min(PROBE_SLOWEST_SECONDS, self._interval_seconds * 1.25)


def listeners_on(port: int) -> set[bytes]:
    """Return the inodes of all TCP sockets that listen on `port`, on any address (proc(5), /proc/net/tcp)."""
    ending, found = b":%04X" % port, set()
    for path in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        try:
            with open(path, "rb") as table:
                lines = table.read().splitlines()
        except FileNotFoundError:
            continue  # a kernel without IPv6
        for line in lines[1:]:
            words = line.split(None, 10)
            if words[1].endswith(ending) and words[3] == b"0A":
                found.add(words[9])
    return found


def sockets_of(pids: Iterable[int]) -> set[bytes]:
    """Return the inodes of all sockets that these processes hold."""
    found = set()
    for pid in pids:
        directory = b"/proc/%d/fd/" % pid
        try:
            for name in os.listdir(directory):
                target = os.readlink(directory + name)
                if target.startswith(b"socket:["):
                    found.add(target[8:-1])
        except OSError:
            continue  # ended, or closed a descriptor while we looked; the next attempt looks again
    return found


def free_port(host: str) -> int:
    """Return a TCP port of 1024 or more that was free on `host` just now."""
    import _socket

    held = []
    try:
        while True:
            listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
            held.append(listener)
            listener.bind((host, 0))
            port: int = listener.getsockname()[1]
            if port >= 1024:
                return port
    finally:
        for listener in held:
            listener.close()


# --- The job -----------------------------------------------------------------------------------------------


class Ending:
    """Why the job is being ended, and when patience runs out."""

    __slots__ = ("give_up_at", "kill_at", "message", "reason", "rounds")

    def __init__(self, reason: str, message: str | None, kill_at: float) -> None:
        self.reason, self.message, self.kill_at = reason, message, kill_at
        self.rounds = 0
        self.give_up_at: float | None = None


class Shepherd:
    """One job from its launch file to its last record."""

    def __init__(self, launch_key: str, directory: int, directory_name: str) -> None:
        self.launch_key, self.directory, self.directory_name = launch_key, directory, directory_name
        self.started = time.monotonic()
        self.tree = Tree()
        self.wakeup = _wakeup_descriptor()
        self.launch: dict[str, Any] = {}
        self.commands: list[list[str]] = []
        self.output = -1
        self.current_pid = 0
        self.main_runs = False
        self.childless = True
        self.probe: Probe | None = None
        self.probe_ends = 0.0
        self.ending: Ending | None = None
        self.sample_at = float("inf")
        self.first_samples: list[float] = []
        self.interval_seconds = BUSY_INTERVAL_SECONDS
        self.last_sample: tuple[float, float, int] | None = None
        self.written_at = 0.0
        self.unwritten = False
        self.record: dict[str, Any] = {
            "version": 1,
            "launch_key": launch_key,
            "shepherd": {
                "pid": os.getpid(),
                "start_time_ticks": int(read_stat(os.getpid())[START_TICKS]),
                "boot_id": read_file("/proc/sys/kernel/random/boot_id").decode().strip(),
            },
            "host": os.uname().nodename,
            "phase": "starting",
            "times": {"started": time.time(), "process": None, "ready": None, "ended": None},
            "port": None,
            "command_pid": None,
            "cpu_seconds": 0.0,
            "memory_bytes": 0,
            "peak_memory_bytes": 0,
            "exit_code": None,
            "signal": None,
            "reason": None,
            "message": None,
            "samples": [],
        }

    # Start

    def run(self) -> int:
        """Carry the job out; returns the exit status."""
        self.write()
        try:
            self.prepare()
            self.start_next()
            while not self.ended():
                self.wait()
        except Unfit as problem:
            self.abort(str(problem))
        except Exception as error:  # the record is all that anybody reads, so it has to say what went wrong
            self.abort(f"The shepherd failed: {type(error).__name__}: {error}")
            raise
        finally:
            self.finish()
        return self.exit_status()

    def prepare(self) -> None:
        """Read the launch file, choose a port, open the output."""
        try:
            descriptor = os.open(b"launch.json", os.O_RDONLY | os.O_NOFOLLOW, dir_fd=self.directory)
            with open(descriptor, "rb") as file:
                self.launch = launch = decode_json(file.read().decode("utf-8").strip())
            if launch["version"] != 1 or launch["launch_key"] != self.launch_key:
                raise Unfit("launch.json is of another version or belongs to another launch.")
            host = launch["port"].get("host", "127.0.0.1") if launch["port"] else ""
            if launch["port"] and launch["port"]["needed"]:
                self.record["port"] = free_port(host)
            commands = [*launch["prologue"], launch["command"]]
            self.commands = [[self.fill(word, host) for word in words] for words in commands]
            launch["environment"] = {
                name: self.fill(value, host) for name, value in launch["environment"].items()
            }
            if launch["probe"] and self.record["port"]:
                path = self.fill(launch["probe"]["path"], host)
                self.probe = Probe(host, self.record["port"], launch["probe"], path)
            self.output = open_output(launch["output"])
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise Unfit(f"launch.json is not complete: {type(error).__name__}: {error}") from error
        except OSError as error:
            raise Unfit(f"The job could not be started: {error}.") from error

    def fill(self, text: str, host: str) -> str:
        """Return `text` with its placeholders replaced; the directory last, for it may hold braces."""
        if self.record["port"]:
            text = text.replace("{port}", str(self.record["port"])).replace("{host}", host)
        return text.replace("{job_directory}", self.directory_name)

    def start_next(self) -> None:
        """Start the next prologue command, or the command itself."""
        words = self.commands.pop(0)
        self.main_runs = not self.commands
        environment = {utf8(name): utf8(value) for name, value in self.launch["environment"].items()}
        place = utf8(self.launch["working_directory"])
        pid, problem = spawn([utf8(word) for word in words], environment, place, self.output)
        self.current_pid, self.childless = pid, False
        self.tree.started(pid)
        if problem is not None:
            return self.not_started(words[0], *problem)
        now = time.monotonic()
        self.record["phase"] = "running" if self.main_runs else "prologue"
        if self.main_runs:
            self.record["times"]["process"] = time.time()
            self.record["command_pid"] = pid
        if self.probe is not None and self.main_runs:
            self.probe.next_at, self.probe.eager_until = now, now + PROBE_EAGER_SECONDS
            self.probe_ends = now + self.probe.timeout_seconds
        self.first_samples = [now + seconds for seconds in FIRST_SAMPLES_SECONDS]
        self.sample(now, tell=True)
        return None

    def not_started(self, name: str, error: int, stage: str) -> None:
        """Say why a command could not be started; its child has ended or is about to."""
        why = os.strerror(error)
        if stage == "chdir":
            text = f"The working directory {self.launch['working_directory']} could not be entered: {why}."
            return self.begin_ending("failed", text)
        missing = error in (2, 13, 20)  # ENOENT, EACCES, ENOTDIR
        text = f"The command '{name}' could not be run on {self.record['host']}: {why}."
        if not self.main_runs:
            return self.begin_ending("prologue_failed", text)
        return self.begin_ending("command_not_found" if missing else "failed", text)

    # What happens meanwhile

    def wait(self) -> None:
        """Sleep until the next thing to do or be told, and do it."""
        poller = select.poll()
        poller.register(self.wakeup, select.POLLIN)
        due = self.sample_at
        if self.ending is not None:
            due = self.ending.kill_at
        else:
            if self.launch["time_limit_seconds"] is not None:
                due = min(due, self.started + self.launch["time_limit_seconds"])
            if self.probe is not None and self.main_runs:
                due = min(due, self.probe.wake_at(), self.probe_ends)
                if self.probe.connection is not None:
                    poller.register(self.probe.connection.fileno(), self.probe.waits_for())
        left_seconds = max(0.0, due - time.monotonic())
        if poller.poll(None if due == float("inf") else min(left_seconds * 1000, 86_400_000)):
            self.obey_signals()
            self.reap()
        now = time.monotonic()
        if self.ending is not None:
            if now >= self.ending.kill_at and not self.childless:
                self.kill(now)
            return
        self.check_limits(now)
        if self.ending is None and self.probe is not None and self.main_runs:
            self.ask(now)
        if self.ending is None and now >= self.sample_at:
            self.sample(now)

    def obey_signals(self) -> None:
        """Act upon SIGTERM: stop the job; the second time at once."""
        try:
            numbers = os.read(self.wakeup, 512)
        except BlockingIOError:
            return
        for number in numbers:
            if number not in (SIGTERM, SIGINT):
                continue
            if self.ending is None:
                grace_seconds = float(self.launch["stop_grace_seconds"])
                self.begin_ending("cancelled", "The job was stopped.", grace_seconds)
            else:
                self.ending.kill_at = min(self.ending.kill_at, time.monotonic())

    def reap(self) -> None:
        """Take in every child that has ended, orphans of the job included."""
        current_status = None
        while not self.childless:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                self.childless = True
                break
            if pid == 0:
                break
            self.tree.reaped(pid, usage)
            if pid == self.current_pid:
                self.current_pid, current_status = 0, status
        if current_status is not None:
            self.command_ended(current_status)

    def command_ended(self, status: int) -> None:
        """Note how the current command ended, and go on to the next or to the end."""
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        if self.main_runs and self.record["command_pid"] is not None:
            self.record["exit_code"], self.record["signal"] = code, number
        if self.ending is not None:
            return None
        if not self.main_runs and status == 0:
            return self.start_next()
        how = f"ended with exit code {code}." if number is None else "was ended by " + spell_signal(number)
        if not self.main_runs:
            return self.begin_ending("prologue_failed", "A preparation step of the job " + how)
        if status == 0:
            return self.begin_ending("success", None)
        return self.begin_ending("failed" if number is None else "signalled", "The job's command " + how)

    def check_limits(self, now: float) -> None:
        limit_seconds = self.launch["time_limit_seconds"]
        if limit_seconds is not None and now >= self.started + limit_seconds:
            text = f"The job ran past its time limit of {spell_seconds(limit_seconds)} and was ended."
            self.begin_ending("timeout", text, float(self.launch["stop_grace_seconds"]))
        elif self.probe is not None and self.main_runs and now >= self.probe_ends:
            patience = spell_seconds(self.probe.timeout_seconds)
            text = f"The application did not answer on its port within {patience} ({self.probe.problem})"
            self.begin_ending("port_never_answered", text + ", and the job was ended.")

    def ask(self, now: float) -> None:
        assert self.probe is not None
        if self.probe.advance(now, self.tree):
            self.probe = None
            self.record["phase"] = "ready"
            self.record["times"]["ready"] = time.time()
            self.write(tell=True)

    def sample(self, now: float, tell: bool = False) -> None:
        """Measure, look at the memory limit, and choose when to measure next."""
        early = bool(self.first_samples)
        past, past_cpu_seconds, past_bytes = self.last_sample or (now, 0.0, 0)
        if (
            not self.tree.refresh() and not early and not self.unwritten
        ):  # hundreds of jobs only wake up for this
            self.last_sample = (now, past_cpu_seconds, past_bytes)
            return self.schedule_sample(now, True, 0.0, past_bytes)
        limit_bytes = self.launch["memory_limit_bytes"]
        cpu_seconds = self.tree.cpu_seconds()
        idle = cpu_seconds - past_cpu_seconds < 0.02 * (now - past)
        memory_bytes = self.tree.memory_bytes(limit_bytes, idle)
        quiet = idle and abs(memory_bytes - past_bytes) <= past_bytes * 0.01
        self.last_sample = (now, cpu_seconds, memory_bytes)
        self.schedule_sample(now, quiet, (memory_bytes - past_bytes) / max(now - past, 0.01), memory_bytes)
        over = limit_bytes is not None and memory_bytes > limit_bytes
        moved = (self.record["cpu_seconds"], self.record["memory_bytes"]) != (cpu_seconds, memory_bytes)
        stale = moved and now - self.written_at > QUIET_RECORD_SECONDS
        if not quiet or over or stale or early or self.unwritten:
            entry = {"time": time.time(), "cpu_seconds": cpu_seconds, "memory_bytes": memory_bytes}
            self.record["samples"] = [*self.record["samples"][1 - SAMPLES_KEPT :], entry]
            self.record["memory_bytes"] = memory_bytes
            self.write(tell or self.unwritten)
        if over:
            used, limit = spell_bytes(memory_bytes), spell_bytes(limit_bytes)
            text = f"The job used {used} of memory, more than its limit of {limit}, and was ended."
            self.begin_ending("out_of_memory", text, 0.0)
        return None

    def schedule_sample(self, now: float, quiet: bool, growth_per_second: float, memory_bytes: int) -> None:
        limit_bytes = self.launch["memory_limit_bytes"]
        while self.first_samples and self.first_samples[0] <= now:
            self.first_samples.pop(0)
        if self.first_samples:
            self.sample_at = self.first_samples[0]
            return
        if quiet:
            self.interval_seconds = min(QUIET_INTERVAL_SECONDS, max(self.interval_seconds, 0.5) * 2)
        elif limit_bytes is not None and memory_bytes + growth_per_second * 2 > limit_bytes:
            self.interval_seconds = HASTY_INTERVAL_SECONDS
        else:
            self.interval_seconds = BUSY_INTERVAL_SECONDS
        self.sample_at = now + self.interval_seconds

    # The end

    def begin_ending(
        self, reason: str, message: str | None, grace_seconds: float = LEFTOVERS_GRACE_SECONDS
    ) -> None:
        """Decide how the job ends, and ask all that is left of it to end. Only the first call counts."""
        if self.ending is not None:
            return
        self.ending = Ending(reason, message, time.monotonic() + grace_seconds)
        if self.probe is not None:
            self.probe.close()
        if self.childless:
            return
        if self.current_pid:  # a last measure while there is something to measure
            self.tree.refresh()
            self.tree.memory_bytes(None, quiet=False)
            self.tree.cpu_seconds()
        if grace_seconds > 0:
            self.tree.end(SIGTERM)

    def kill(self, now: float) -> None:
        """One round of SIGKILL; the next is soon, for a process may have forked meanwhile."""
        assert self.ending is not None
        if self.ending.give_up_at is None:
            self.ending.give_up_at = now + KILL_PATIENCE_SECONDS
        self.tree.end(SIGKILL)
        self.ending.rounds += 1
        self.ending.kill_at = now + min(0.25, 0.002 * self.ending.rounds)

    def ended(self) -> bool:
        """True when the end is decided and nothing of the job is left, or no more can be done about it."""
        if self.ending is None:
            return False
        if self.childless:
            return True
        if self.ending.give_up_at is None or time.monotonic() < self.ending.give_up_at:
            return False
        left = len(self.tree.descendants())
        text = f"{left} of its processes could not be ended."
        self.ending.message = text if self.ending.message is None else self.ending.message + " " + text
        return True

    def abort(self, message: str) -> None:
        """End a job that cannot be carried out (further)."""
        deadline = time.monotonic() + KILL_PATIENCE_SECONDS
        self.ending = Ending("failed", message, deadline)
        while not self.childless and time.monotonic() < deadline:
            self.tree.end(SIGKILL)
            self.reap()
            time.sleep(0.01)

    def finish(self) -> None:
        """Write the last record, patiently."""
        ending = self.ending or Ending("failed", "The shepherd was interrupted.", 0.0)
        self.record["phase"] = "ended"
        self.record["times"]["ended"] = time.time()
        self.record["reason"] = ending.reason
        self.record["message"] = ending.message and ending.message[:MESSAGE_LIMIT_CHARACTERS]
        self.record["memory_bytes"] = 0
        deadline, pause = time.monotonic() + RECORD_PATIENCE_SECONDS, 0.1
        while not self.write(tell=True) and time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(2.0, pause * 2)

    def exit_status(self) -> int:
        reason, code, number = self.record["reason"], self.record["exit_code"], self.record["signal"]
        if reason == "failed" and code:
            return int(code)
        if reason == "signalled" and number is not None:
            return 128 + int(number)
        return EXIT_STATUS.get(reason, 1)

    def write(self, tell: bool = False) -> bool:
        """Replace record.json; False if the disk would not have it, which must not end the job.

        No fsync: a node that loses power loses the job too.
        """
        self.record["cpu_seconds"] = max(self.tree.highest_cpu_seconds, round(self.tree.reaped_seconds, 6))
        self.record["peak_memory_bytes"] = self.tree.peak_memory_bytes
        data = encode_json(self.record).encode("ascii")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        try:
            descriptor = os.open(b".record.json.new", flags, 0o600, dir_fd=self.directory)
            try:
                complete = os.write(descriptor, data) == len(data)
            finally:
                os.close(descriptor)
            if complete:
                names = b".record.json.new", b"record.json"
                os.rename(*names, src_dir_fd=self.directory, dst_dir_fd=self.directory)
                self.written_at = time.monotonic()
        except OSError:
            complete = False
        self.unwritten = not complete
        if tell:
            self.tell()
        return complete

    def tell(self) -> None:
        """Hint to the server on this node, if it listens, that the record has changed."""
        address = self.launch.get("notify_socket") if isinstance(self.launch, dict) else None
        if not address:
            return
        import _socket

        hint = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
        try:
            hint.setblocking(False)
            hint.sendto(utf8(self.launch_key), utf8(address))
        except OSError:
            pass  # it is only a hint: the server looks anyway
        finally:
            hint.close()


def spell_seconds(seconds: float) -> str:
    """Return a duration in words: `1 second`, `60 minutes`, `2 hours`."""
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds // size:.0f} {unit}s"
    return f"{seconds:g} second{'' if seconds == 1 else 's'}"


def spell_bytes(size_bytes: int) -> str:
    """Return a size as schedulers spell it: `512 MB`, `1.5 GB`, in powers of 1024."""
    if size_bytes >= 1 << 30:
        return f"{size_bytes / (1 << 30):.4g} GB"
    return f"{size_bytes / (1 << 20):.4g} MB"


def spell_signal(number: int) -> str:
    name = f" ({SIGNAL_NAMES[number]})" if number in SIGNAL_NAMES else ""
    hint = ", which is often a sign that the machine's memory ran out" if number == SIGKILL else ""
    return f"signal {number}{name}{hint}."


def open_output(path: str) -> int:
    """Open the job's output for appending; a link, a pipe or a device in its place is refused."""
    import stat

    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(utf8(path), flags, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(f"its output {path} is not a regular file")
    os.set_blocking(descriptor, True)
    return descriptor


def spawn(
    command: list[bytes], environment: dict[bytes, bytes], directory: bytes, output: int
) -> tuple[int, tuple[int, str] | None]:
    """Start a command in a session of its own, as a shell would find it.

    Returns its process number, and, where it could not be executed, (errno, "chdir" or "exec").
    """
    reader, writer = os.pipe()
    _signal.pthread_sigmask(_signal.SIG_SETMASK, _signal.valid_signals())  # none is for the child yet
    pid = os.fork()
    if pid == 0:
        _become(command, environment, directory, output, writer)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
    os.close(writer)
    poller = select.poll()
    poller.register(reader, select.POLLIN)
    poller.poll(1000)  # an executable on a hanging file system must not make us deaf
    os.set_blocking(reader, False)
    try:
        told = os.read(reader, 64).split()
    except BlockingIOError:
        told = []
    finally:
        os.close(reader)
    return pid, (int(told[0]), told[1].decode()) if told else None


def _become(
    command: list[bytes], environment: dict[bytes, bytes], directory: bytes, output: int, writer: int
) -> None:
    """The child's part of `spawn`: never returns."""
    stage, error = b"chdir", 0
    try:
        os.setsid()
        call_prctl(PR_SET_PDEATHSIG, SIGKILL)  # nobody would watch over it any more
        for number in _signal.valid_signals():
            if number not in (SIGKILL, int(_signal.SIGSTOP)):
                _signal.signal(number, _signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(directory)
        stage = b"exec"
        _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
        for path in _candidates(command[0], environment.get(b"PATH", b"/usr/local/bin:/usr/bin:/bin")):
            try:
                os.execve(path, command, environment)  # noqa: S606
            except OSError as problem:
                if error in (0, 2, 20):  # what is there but cannot be run tells more than what is not there
                    error = problem.errno or 5
    except OSError as problem:
        error = problem.errno or 5  # EIO
    except BaseException:
        error = 22  # EINVAL: such as a NUL byte in the environment
    finally:
        os.write(writer, b"%d %s" % (error, stage))
        os._exit(127)


def _candidates(name: bytes, path: bytes) -> list[bytes]:
    if b"/" in name:
        return [name]
    return [(directory or b".") + b"/" + name for directory in path.split(b":")]


# --- This process ------------------------------------------------------------------------------------------


def _wakeup_descriptor() -> int:
    """Return a descriptor from which the numbers of arriving signals can be read."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    _signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (
        SIGCHLD,
        SIGTERM,
        SIGINT,
    ):  # SIGCHLD too: ignored by whoever started us, it would lose exit codes
        _signal.signal(number, _noted)
    _signal.signal(SIGHUP, _signal.SIG_IGN)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
    return reader


def _noted(number: int, frame: object) -> None:
    """The number is in the wake-up pipe by now."""


def _settle() -> None:
    """Leave the session, the descriptors and the duties of whoever started us."""
    try:
        os.setsid()
    except PermissionError:
        pass  # the leader of a session already
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try:
                os.close(int(name))
            except OSError:
                continue  # the listing's own
    while True:  # whoever reads our first three must not get a job's files instead
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor > 2:
            os.close(descriptor)
            break
    call_prctl(PR_SET_CHILD_SUBREAPER, 1)


def claim(directory: int, launch_key: str) -> bool:
    """Take the job, if nobody has."""
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        descriptor = os.open(b"claim", flags, 0o600, dir_fd=directory)
    except FileExistsError:
        return False
    os.write(descriptor, utf8(launch_key))
    os.close(descriptor)
    return True


def main(arguments: list[str]) -> int:
    """Run as `shepherd.py --key LAUNCH_KEY JOB_DIRECTORY`; returns the exit status."""
    if len(arguments) != 3 or arguments[0] != "--key":
        os.write(2, b"usage: shepherd.py --key LAUNCH_KEY JOB_DIRECTORY\n")
        return 64  # EX_USAGE of sysexits.h
    _signal.pthread_sigmask(_signal.SIG_BLOCK, (SIGTERM, SIGINT, SIGHUP))
    _settle()
    launch_key, name = arguments[1], os.path.abspath(arguments[2])
    directory = os.open(os.fsencode(name), os.O_RDONLY | os.O_DIRECTORY)
    if not claim(directory, launch_key):
        return CLAIMED_ALREADY
    return Shepherd(launch_key, directory, os.fsencode(name).decode("utf-8", "surrogateescape")).run()


def run() -> None:
    """Run `main` with this process's own arguments and exit with its status."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()

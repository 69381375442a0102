"""The agent: does file and process work as the user it runs as, on orders that arrive on its standard input.

Run as `python3 -I -S program.py` (3.9 or newer, Linux) with one end of an AF_UNIX stream socketpair as its
standard input; it ends when the socket closes. It is one file on the standard library alone, so that one
root-owned file can be installed and named in one sudo rule: hence longer than our modules may be.
`socket`, `json`, `signal`, `typing` and `subprocess` are left out because each costs 2 to 8 ms of a start
that takes 6: `_socket` and `_json` are the C halves of two of them.

A frame, both ways: length of the JSON (4 bytes, big-endian), length of the payload (4 bytes), JSON, payload.
    order      {"call": NAME, "with": {…}}
    answer     {"ok": VALUE} or {"error": CODE, "message": SENTENCE}; a descriptor may come along (SCM_RIGHTS)
    progress   {"progress": COUNT}, any number of times before the answer to `scan` and `remove_tree`

A path is a list of names below a root that the operator configured. It is walked one name at a time by
descriptor, and a link in it is refused: the owner may change the tree while we work.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # what `signal` wraps in enums
import _socket
import errno
import os
import stat
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Parts = list[bytes]
    Answer = tuple[Any, bytes, int | None]  # value, payload, descriptor

LONGEST_ORDER_BYTES = 4 << 20
LONGEST_PAYLOAD_BYTES = 64 << 20
LONGEST_LISTING_BYTES = 32 << 20
PROGRESS_SECONDS = 1.0
NOTHING_THERE = ("not_found", "wrong_kind")  # what walking to a parent says where nothing can be below it
ATTEMPTS = 16  # how often a change under our hands makes us look again
WALK = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW
REGULAR = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY
CHANGED = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENOTEMPTY, errno.EEXIST)

CODES = {
    errno.ENOENT: ("not_found", "does not exist"),
    errno.EEXIST: ("exists", "exists already"),
    errno.ENOTEMPTY: ("exists", "is a directory that is not empty"),
    errno.EISDIR: ("wrong_kind", "is a directory"),
    errno.ENOTDIR: ("wrong_kind", "is not a directory"),
    errno.ENXIO: ("wrong_kind", "is not a regular file"),
    errno.ELOOP: ("outside", "is a symbolic link, and links are not followed"),
    errno.ENOSPC: ("no_space", "could not be written: the disk is full"),
    errno.EDQUOT: ("no_space", "could not be written: the disk quota is used up"),
    errno.EACCES: ("permission", "may not be used: permission denied"),
    errno.EPERM: ("permission", "may not be changed: the operation is not permitted"),
    errno.EROFS: ("permission", "may not be changed: the file system is read-only"),
    errno.ENAMETOOLONG: ("bad_path", "has a name that is too long for the file system"),
}


class Refused(Exception):
    """An answer that is not a result: `code` for the program, `message` for the person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


# Paths


def encoded(text: str) -> bytes:
    """Whatever the locale is: the server speaks UTF-8, and escapes what is not."""
    return text.encode("utf-8", "surrogateescape")


def shown(parts: Parts) -> str:
    return repr(b"/".join(parts).decode("utf-8", "replace")) if parts else "The directory"


def split(path: str) -> Parts:
    """The names of a relative path; '' is the root itself."""
    if not path:
        return []
    try:
        parts = encoded(path).split(b"/")
    except UnicodeEncodeError:
        raise Refused("bad_path", repr(path) + " is not valid Unicode.") from None
    for part in parts:
        if part in (b"", b".", b"..") or b"\0" in part:
            raise Refused("bad_path", repr(path) + " is not a plain relative path.")
    return parts


def inside(path: str) -> Parts:
    parts = split(path)
    if not parts:
        raise Refused("bad_path", "The path is empty; something inside the root was expected.")
    return parts


def walk(root: str, parts: Parts, made: list[Parts] | None = None, last_mode: int = 0o755) -> int:
    """Open the directory `parts` below `root` (O_PATH). With `made`, make and note what is missing."""
    try:
        here = os.open(encoded(root), os.O_PATH | os.O_DIRECTORY)
    except OSError as error:
        # Not "not_found": a storage that is not mounted is no proof that a workspace in it is gone.
        raise Refused("no_root", f"The storage's directory cannot be used: {error.strerror}.") from error
    for depth in range(1, len(parts) + 1):
        try:
            there = step(here, parts[:depth], made, last_mode if depth == len(parts) else 0o755)
        finally:
            os.close(here)
        here = there
    return here


def step(here: int, parts: Parts, made: list[Parts] | None, mode: int) -> int:
    for _ in range(ATTEMPTS):
        try:
            return os.open(parts[-1], WALK, dir_fd=here)
        except FileNotFoundError:
            if made is None:
                raise Refused("not_found", f"{shown(parts)} does not exist.") from None
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                raise in_the_way(here, parts) from None
            raise explain(error, parts) from None
        try:
            os.mkdir(parts[-1], mode, dir_fd=here)
            made.append(parts)
        except FileExistsError:
            continue
        except OSError as error:
            raise explain(error, parts) from None
    raise Refused("failed", f"{shown(parts)} keeps changing while it is being used.")


def in_the_way(here: int, parts: Parts) -> Refused:
    try:
        is_link = stat.S_ISLNK(os.stat(parts[-1], dir_fd=here, follow_symlinks=False).st_mode)
    except OSError:
        is_link = True  # gone again: it was being exchanged, which is what a link in the way is used for
    return explain(OSError(errno.ELOOP if is_link else errno.ENOTDIR, ""), parts)


def explain(error: OSError, parts: Parts) -> Refused:
    number = error.errno or 0
    code, sentence = CODES.get(number, ("failed", f"could not be used: {os.strerror(number)}"))
    return Refused(code, f"{shown(parts)} {sentence}.")


def undo(root: str, made: list[Parts]) -> None:
    """Remove the directories that a failed call made."""
    for parts in reversed(made):
        try:
            parent = walk(root, parts[:-1])
        except Refused:
            return
        try:
            os.rmdir(parts[-1], dir_fd=parent)
        except OSError:
            return  # somebody put something into it meanwhile: it is theirs now
        finally:
            os.close(parent)


# Directories, files and links


def make_directory(root: str, path: str, mode: int, parents: bool, exist_ok: bool) -> Answer:
    parts = split(path)
    made: list[Parts] = []
    try:
        if not parents and parts:
            os.close(walk(root, parts[:-1]))
        os.close(walk(root, parts, made, mode))
        if parts not in made and not exist_ok:
            raise explain(OSError(errno.EEXIST, ""), parts)
    except BaseException:
        undo(root, made)
        raise
    return parts in made, b"", None


class Part:
    """A file being written beside the one it will replace; nameless where the file system can do that."""

    def __init__(self, root: str, path: str, mode: int, parents: bool) -> None:
        self.root = root
        self.parts = inside(path)
        self.made: list[Parts] = []
        self.directory = self.descriptor = -1
        self.name: bytes | None = None
        try:
            self.directory = walk(root, self.parts[:-1], self.made if parents else None)
            refuse_directory(self.directory, self.parts)
            self.open(mode)
        except BaseException:
            self.discard()
            raise

    def open(self, mode: int) -> None:
        try:
            self.descriptor = os.open(b".", os.O_WRONLY | os.O_TMPFILE, mode, dir_fd=self.directory)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT):
                raise
            self.name = beside()
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            self.descriptor = os.open(self.name, flags, mode, dir_fd=self.directory)

    def commit(self, modified_ns: int | None = None) -> None:
        try:
            if modified_ns is not None:
                os.utime(self.descriptor, ns=(modified_ns, modified_ns))
            if self.name is None:
                self.name = beside()
                link = f"/proc/self/fd/{self.descriptor}"
                os.link(link, self.name, dst_dir_fd=self.directory, follow_symlinks=True)
            descriptor, self.descriptor = self.descriptor, -1
            os.close(descriptor)  # before the rename: NFS tells of a full disk here
            replace(self.directory, self.name, self.parts[-1])
        except BaseException:
            self.discard()
            raise
        os.close(self.directory)

    def discard(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
        if self.name is not None:
            remove_quietly(self.directory, self.name)
        if self.directory >= 0:
            os.close(self.directory)
        undo(self.root, self.made)


def beside() -> bytes:
    return b".uws-part-" + os.urandom(8).hex().encode()


def replace(directory: int, name: bytes, leaf: bytes) -> None:
    os.rename(name, leaf, src_dir_fd=directory, dst_dir_fd=directory)


def remove_quietly(directory: int, name: bytes) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return


def refuse_directory(directory: int, parts: Parts) -> None:
    """Early, before any byte is copied; the rename itself cannot replace a directory either."""
    try:
        about = os.stat(parts[-1], dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return
    if stat.S_ISDIR(about.st_mode):
        raise Refused("wrong_kind", f"{shown(parts)} is a directory and cannot be replaced.")


def make_link(root: str, path: str, target: str, parents: bool) -> Answer:
    parts = inside(path)
    made: list[Parts] = []
    try:
        directory = walk(root, parts[:-1], made if parents else None)
        try:
            refuse_directory(directory, parts)
            name = beside()
            os.symlink(encoded(target), name, dir_fd=directory)
            try:
                replace(directory, name, parts[-1])
            except BaseException:
                remove_quietly(directory, name)
                raise
        finally:
            os.close(directory)
    except BaseException:
        undo(root, made)
        raise
    return None, b"", None


def read_link(root: str, path: str) -> Answer:
    """What a link says, as the payload: a target is bytes, and need not lead anywhere."""
    parts = inside(path)
    directory = walk(root, parts[:-1])
    try:
        return None, os.readlink(parts[-1], dir_fd=directory), None
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise Refused("wrong_kind", f"{shown(parts)} is not a symbolic link.") from None
        raise
    finally:
        os.close(directory)


def open_regular(root: str, path: str) -> tuple[int, os.stat_result]:
    parts = inside(path)
    directory = walk(root, parts[:-1])
    try:
        descriptor = os.open(parts[-1], REGULAR, dir_fd=directory)
    finally:
        os.close(directory)
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        kind = "a directory" if stat.S_ISDIR(about.st_mode) else "not a regular file"
        raise Refused("wrong_kind", f"{shown(parts)} is {kind}; a regular file was expected.")
    return descriptor, about


def open_file(root: str, path: str) -> Answer:
    return None, b"", open_regular(root, path)[0]


def read_file(root: str, path: str, limit_bytes: int, tail: bool) -> Answer:
    descriptor, about = open_regular(root, path)
    try:
        if tail and about.st_size > limit_bytes:
            os.lseek(descriptor, about.st_size - limit_bytes, os.SEEK_SET)
        content = bytearray()
        while len(content) <= limit_bytes:
            piece = os.read(descriptor, limit_bytes + 1 - len(content))
            if not piece:
                break
            content += piece
    finally:
        os.close(descriptor)
    if tail:
        return None, bytes(content[:limit_bytes]), None
    if len(content) > limit_bytes:
        size = max(about.st_size, len(content))
        raise Refused("too_large", f"{path!r} has {size} bytes; at most {limit_bytes} were expected.")
    return None, bytes(content), None


def status(root: str, path: str) -> Answer:
    parts = split(path)
    try:
        directory = walk(root, parts[:-1])
    except Refused as refused:
        if refused.code in NOTHING_THERE:
            return None, b"", None
        raise
    try:
        about = os.stat(parts[-1] if parts else b".", dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None, b"", None
    finally:
        os.close(directory)
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}
    kind = kinds.get(stat.S_IFMT(about.st_mode), "other")
    value = {"kind": kind, "size_bytes": about.st_size, "modified": about.st_mtime, "uid": about.st_uid}
    return value, b"", None


# Whole trees: never by recursion, never with a descriptor a level (a tree may be 3,000 levels deep)


class Level:
    """A directory that the scan is in: how to recognise it, and what is still to be visited in it."""

    def __init__(self, descriptor: int, name: bytes, path: bytes, hidden: bool) -> None:
        self.identity = identity(descriptor)
        self.name = name
        self.path = path
        self.hidden = hidden
        self.pending: list[bytes] = []


def identity(descriptor: int) -> tuple[int, int]:
    about = os.fstat(descriptor)
    return about.st_dev, about.st_ino


class Scanner:
    """Depth first; the way up is `..`, believed only when it leads to the directory that we came from."""

    def __init__(self, top: int, limit: int, progress: Callable[[], None]) -> None:
        self.top = top
        self.limit = limit
        self.progress = progress
        self.listing = bytearray()
        self.names = 0
        self.size_bytes = 0
        self.truncated = False
        self.counted: set[tuple[int, int]] = set()

    def run(self) -> None:
        here = os.open(b".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self.top)
        try:
            levels = [self.enter(here, b"", b"", False)]
            while levels:
                if levels[-1].pending:
                    there = self.descend(here, levels)
                else:
                    levels.pop()
                    there = self.climb(here, levels) if levels else None
                if there is not None:
                    os.close(here)
                    here = there
        finally:
            os.close(here)

    def descend(self, here: int, levels: list[Level]) -> int | None:
        level = levels[-1]
        name = level.pending.pop()
        try:
            there = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
        except OSError as error:
            if error.errno in CHANGED or error.errno in (errno.EACCES, errno.EPERM):
                return None
            raise
        try:
            hidden = level.hidden or name.startswith(b".")
            levels.append(self.enter(there, name, level.path + b"/" + name, hidden))
        except BaseException:
            os.close(there)
            raise
        return there

    def climb(self, here: int, levels: list[Level]) -> int:
        try:
            there = os.open(b"..", WALK, dir_fd=here)
            if identity(there) == levels[-1].identity:
                return there
            os.close(there)
        except OSError as error:
            if error.errno not in CHANGED and error.errno != errno.EACCES:
                raise
        there = os.dup(self.top)  # moved while we were in it: find the way again, as far as it still leads
        for depth in range(1, len(levels)):
            try:
                child = os.open(levels[depth].name, WALK, dir_fd=there)
            except OSError:
                del levels[depth:]
                break
            os.close(there)
            there = child
            if identity(there) != levels[depth].identity:
                del levels[depth + 1 :]
                levels[depth].pending.clear()
                break
        return there

    def enter(self, descriptor: int, name: bytes, path: bytes, hidden: bool) -> Level:
        level = Level(descriptor, name, path, hidden)
        self.progress()
        with os.scandir(descriptor) as entries:
            for number, entry in enumerate(entries):
                if number % 256 == 255:
                    self.progress()
                try:
                    self.count(entry, os.fsencode(entry.name), level)
                except OSError as error:
                    if error.errno not in CHANGED and error.errno != errno.EACCES:
                        raise
        return level

    def count(self, entry: os.DirEntry[str], name: bytes, level: Level) -> None:
        if entry.is_dir(follow_symlinks=False):
            level.pending.append(name)
            return
        is_link = entry.is_symlink()
        is_file = not is_link and entry.is_file(follow_symlinks=False)
        if is_file:
            about = entry.stat(follow_symlinks=False)
            key = (about.st_dev, about.st_ino)
            if about.st_nlink == 1 or key not in self.counted:
                self.size_bytes += about.st_size
                if about.st_nlink > 1:
                    self.counted.add(key)
        if level.hidden or name.startswith(b".") or not (is_link or is_file):
            return
        line = (b"l" if is_link else b"f") + level.path + b"/" + name + b"\0"
        if self.names >= self.limit or len(self.listing) + len(line) > LONGEST_LISTING_BYTES:
            self.truncated = True
            return
        self.names += 1
        self.listing += line


def scan(root: str, path: str, limit: int, progress: Callable[[], None]) -> Answer:
    top = walk(root, split(path))
    try:
        scanner = Scanner(top, limit, progress)
        scanner.run()
    finally:
        os.close(top)
    return [scanner.size_bytes, scanner.truncated], bytes(scanner.listing), None


def list_directory(root: str, path: str, limit: int) -> Answer:
    """One directory's entries: kind, size and name of each, in the order that the file system gives them."""
    place = walk(root, split(path))
    try:
        directory = os.open(b".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=place)
    finally:
        os.close(place)
    listing, count = bytearray(), 0
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if count >= limit or len(listing) > LONGEST_LISTING_BYTES:
                    return True, bytes(listing), None
                try:
                    about = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                letters = {stat.S_IFREG: b"f", stat.S_IFDIR: b"d", stat.S_IFLNK: b"l"}
                letter = letters.get(stat.S_IFMT(about.st_mode), b"o")
                listing += letter + str(about.st_size).encode() + b"/" + os.fsencode(entry.name) + b"\0"
                count += 1
    finally:
        os.close(directory)
    return False, bytes(listing), None


def remove_tree(root: str, path: str, progress: Callable[[], None]) -> Answer:
    parts = inside(path)
    try:
        parent = walk(root, parts[:-1])
    except Refused as refused:
        if refused.code in NOTHING_THERE:
            return False, b"", None
        raise
    found = False
    try:
        for _ in range(ATTEMPTS):
            try:
                about = os.stat(parts[-1], dir_fd=parent, follow_symlinks=False)
            except FileNotFoundError:
                return found, b"", None
            found = True
            with_changes_ignored(remove_once, parent, parts[-1], stat.S_ISDIR(about.st_mode), progress)
    finally:
        os.close(parent)
    raise Refused("failed", f"{shown(parts)} could not be removed: something keeps writing into it.")


def with_changes_ignored(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call; None when the tree changed under our hands: whoever called looks again until all is gone."""
    try:
        return function(*arguments)
    except OSError as error:
        if error.errno not in CHANGED:
            raise
        return None


def remove_once(parent: int, leaf: bytes, is_directory: bool, progress: Callable[[], None]) -> None:
    if not is_directory:
        os.unlink(leaf, dir_fd=parent)
        return
    top = open_to_clear(parent, leaf)
    try:
        prefix = b".uws-removed-" + os.urandom(8).hex().encode() + b"-"
        waiting: list[bytes] = []
        clear(top, top, waiting, prefix, progress)
        while waiting:
            name = waiting.pop()
            directory = with_changes_ignored(open_to_clear, top, name)
            if directory is None:
                continue
            try:
                clear(directory, top, waiting, prefix, progress)
            finally:
                os.close(directory)
            with_changes_ignored(remove_directory, top, name)
    finally:
        os.close(top)
    os.rmdir(leaf, dir_fd=parent)


def remove_directory(directory: int, name: bytes) -> bool:
    os.rmdir(name, dir_fd=directory)
    return True


def open_to_clear(parent: int, name: bytes) -> int:
    """Open a directory for reading; the owner's own read-only directory is made writable first."""
    handle = os.open(name, WALK, dir_fd=parent)
    try:
        about = os.fstat(handle)
        if about.st_mode & 0o700 != 0o700 and about.st_uid == os.geteuid():
            os.chmod(
                f"/proc/self/fd/{handle}", 0o700
            )  # the descriptor's own directory, whatever has its name now
        return os.open(b".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=handle)
    finally:
        os.close(handle)


def clear(
    directory: int, top: int, waiting: list[bytes], prefix: bytes, progress: Callable[[], None]
) -> None:
    """Empty one directory. Its sub-directories move up to `top`, so that depth costs nothing."""
    progress()
    with os.scandir(directory) as entries:
        listed = [(os.fsencode(entry.name), entry.is_dir(follow_symlinks=False)) for entry in entries]
    for number, (name, is_directory) in enumerate(listed):
        if number % 256 == 255:
            progress()
        if not is_directory:
            with_changes_ignored(os_unlink, directory, name)
        elif directory == top:
            waiting.append(name)
        elif not with_changes_ignored(remove_directory, directory, name):
            fresh = prefix + str(len(waiting)).encode() + b"-" + os.urandom(4).hex().encode()
            if with_changes_ignored(move_up, directory, name, top, fresh):
                waiting.append(fresh)


def os_unlink(directory: int, name: bytes) -> None:
    os.unlink(name, dir_fd=directory)


def move_up(directory: int, name: bytes, top: int, fresh: bytes) -> bool:
    try:
        os.rename(name, fresh, src_dir_fd=directory, dst_dir_fd=top)
    except PermissionError:  # moving a directory writes its '..': it must be writable itself
        os.close(open_to_clear(directory, name))
        os.rename(name, fresh, src_dir_fd=directory, dst_dir_fd=top)
    return True


# Processes


def spawn(argv: list[str], root: str, path: str, environment: dict[str, str]) -> Answer:
    directory = walk(root, split(path))
    command = [encoded(argument) for argument in argv]
    settings = {encoded(name): encoded(value) for name, value in environment.items()}
    old_umask = os.umask(0o022)
    try:
        os.fchdir(directory)
        pid = start(command, settings, argv[0])
    finally:
        os.umask(old_umask)
        os.chdir("/")
        os.close(directory)
    known = process(pid)
    if known is None:
        raise Refused("failed", f"{argv[0]!r} was started, but /proc does not show it.")
    return [pid, known[0]], b"", None


def start(command: list[bytes], settings: dict[bytes, bytes], name: str) -> int:
    null = "/dev/null"
    # 32 and 33 belong to glibc, 9 and 19 cannot be changed
    signals = [number for number in range(1, 65) if number not in (9, 19, 32, 33)]
    reason: OSError | None = None
    for program in candidates(command[0], settings):
        try:
            return os.posix_spawn(
                program,
                command,
                settings,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, null, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, null, os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 2, null, os.O_WRONLY, 0),
                ],
                setsid=True,
                setsigmask=[],
                setsigdef=signals,
            )
        except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
            if reason is None or isinstance(error, PermissionError):
                reason = error
        except OSError as error:
            reason = error
            break
    why = os.strerror(reason.errno) if reason and reason.errno else "not found"
    raise Refused("spawn", f"The command {name!r} could not be started: {why}.")


def candidates(name: bytes, settings: dict[bytes, bytes]) -> list[bytes]:
    if b"/" in name:
        return [name]
    folders = settings.get(b"PATH", b"/usr/bin:/bin").split(b":")
    return [folder + b"/" + name for folder in folders if folder]


def process(pid: int) -> tuple[int, str] | None:
    """Start time in clock ticks since boot and state letter (proc(5), fields 22 and 3); None when gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            fields = file.read(4096).rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(fields[19]), fields[0].decode()


def signal(pid: int, start_time_ticks: int, signal_number: int) -> Answer:
    import signal as signals

    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False, b"", None
    try:
        known = process(pid)
        if known is None or known[0] != start_time_ticks or known[1] in "ZX":
            return False, b"", None
        signals.pidfd_send_signal(handle, signal_number)
    except ProcessLookupError:
        return False, b"", None
    except PermissionError:
        raise Refused("permission", f"Process {pid} belongs to somebody else.") from None
    finally:
        os.close(handle)
    return True, b"", None


# The conversation


class Agent:
    """Takes orders until the socket closes; holds the one file that is being written, if there is one."""

    def __init__(self, channel: _socket.socket) -> None:
        self.channel = channel
        self.part: Part | None = None
        self.told = time.monotonic()
        self.count = 0
        self.calls: dict[str, Callable[..., Answer]] = {
            "make_directory": make_directory,
            "make_link": make_link,
            "open_file": open_file,
            "read_file": read_file,
            "read_link": read_link,
            "status": status,
            "list_directory": list_directory,
            "spawn": spawn,
            "signal": signal,
            "begin": self.begin,
            "commit": self.commit,
            "abort": self.abort,
            "write_file": self.write_file,
            "scan": lambda **arguments: scan(progress=self.progress, **arguments),
            "remove_tree": lambda **arguments: remove_tree(progress=self.progress, **arguments),
        }

    def begin(self, root: str, path: str, mode: int, parents: bool) -> Answer:
        self.abort()
        self.part = Part(root, path, mode, parents)
        return None, b"", os.dup(self.part.descriptor)

    def commit(self, modified_ns: int | None) -> Answer:
        part, self.part = self.part, None
        if part is None:
            raise Refused("failed", "No file is being written.")
        part.commit(modified_ns)
        return None, b"", None

    def abort(self) -> Answer:
        part, self.part = self.part, None
        if part is not None:
            part.discard()
        return None, b"", None

    def write_file(self, root: str, path: str, mode: int, parents: bool, payload: bytes) -> Answer:
        part = Part(root, path, mode, parents)
        try:
            view = memoryview(payload)
            while view:
                view = view[os.write(part.descriptor, view) :]
        except BaseException:
            part.discard()
            raise
        part.commit()
        return None, b"", None

    def progress(self) -> None:
        self.count += 1
        if time.monotonic() - self.told > PROGRESS_SECONDS:
            self.send({"progress": self.count})

    def serve(self) -> None:
        while True:
            head = self.receive(8)
            if len(head) < 8:
                return
            order = decode(self.receive(int.from_bytes(head[:4], "big"), LONGEST_ORDER_BYTES).decode("ascii"))
            payload = self.receive(int.from_bytes(head[4:], "big"), LONGEST_PAYLOAD_BYTES)
            arguments = order["with"]
            if order["call"] == "write_file":
                arguments["payload"] = payload
            self.told = time.monotonic()
            try:
                value, content, descriptor = self.calls[order["call"]](**arguments)
            except Refused as refused:
                self.send({"error": refused.code, "message": refused.message})
            except OSError as error:
                told = explain(error, split(arguments.get("path", "")))
                self.send({"error": told.code, "message": told.message})
            else:
                self.send({"ok": value}, content, descriptor)

    def send(self, answer: dict[str, Any], payload: bytes = b"", descriptor: int | None = None) -> None:
        self.told = time.monotonic()
        text = encode(answer).encode("ascii")
        frame = len(text).to_bytes(4, "big") + len(payload).to_bytes(4, "big") + text + payload
        flags = _socket.MSG_NOSIGNAL
        if descriptor is None:
            self.channel.sendall(frame, flags)
            return
        rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptor.to_bytes(4, sys.byteorder))
        try:
            sent = self.channel.sendmsg([frame], [rights], flags)
        finally:
            os.close(descriptor)
        self.channel.sendall(frame[sent:], flags)

    def receive(self, size: int, largest: int = 8) -> bytes:
        if size > largest:
            raise SystemExit(f"An order of {size} bytes is too long.")
        data = bytearray()
        while len(data) < size:
            piece = self.channel.recv(min(size - len(data), 1 << 20))
            if not piece:
                break
            data += piece
        return bytes(data)


def encode(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return encode_string(value)
    if isinstance(value, dict):
        return "{" + ",".join(encode(key) + ":" + encode(item) for key, item in value.items()) + "}"
    return "[" + ",".join([encode(item) for item in value]) + "]"


try:
    from _json import encode_basestring_ascii as encode_string
    from _json import make_scanner

    class Context:
        """The settings that the scanner asks for: plain JSON."""

        strict = True
        object_hook = object_pairs_hook = None
        parse_float = parse_constant = float
        parse_int = int
        memo: dict[str, str] = {}

    def decode(text: str) -> Any:
        return make_scanner(Context)(text, 0)[0]  # type: ignore[arg-type]  # any object will do

except ImportError:  # an interpreter without the C half
    from json import loads as decode  # type: ignore[assignment]
    from json.encoder import encode_basestring_ascii as encode_string


def main() -> None:
    os.umask(0)  # modes are exact; what is spawned gets 022
    # An ignored SIGCHLD is inherited; what was spawned would then vanish at its end, before its start time is read.
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    os.chdir("/")
    try:
        agent = Agent(_socket.socket(fileno=0))
    except OSError:
        raise SystemExit("This program is started by UWS, with a socket as its standard input.") from None
    try:
        agent.serve()
    except (BrokenPipeError, ConnectionResetError):
        pass  # the server is gone: the same as the end of the orders
    finally:
        agent.abort()
    os._exit(0)  # without tearing the interpreter down: there is nothing to flush


if __name__ == "__main__":
    main()

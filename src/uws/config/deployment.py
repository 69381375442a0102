"""What every part may know of the installation: its data directory, settings, secrets and agents.

DataDirectoryError     the data directory can't be used
SecretFileError        the secret key's file can't be used
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets as random
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from uws.config.server import ServerSettings

if TYPE_CHECKING:
    from uws.agent.client import Agents

SECRET_KEY_BYTES = 32
SECRET_KEY_NAME = "secret.key"  # noqa: S105
CONFIG_NAME = "config.json"
SUB_DIRECTORIES = ("run", "workspaces", "environments", "data", "tmp")


class DataDirectoryError(Exception):
    """The data directory can't be used. The text is one sentence for the operator."""


class SecretFileError(Exception):
    """The secret key's file can't be used. The text is one sentence for the operator."""


@dataclass(frozen=True)
class Secrets:
    """The installation's master secret. Everything else that must be secret is derived from it."""

    master: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.master) < SECRET_KEY_BYTES:
            raise ValueError(f"the master secret needs {SECRET_KEY_BYTES} bytes, not {len(self.master)}")

    def derive(self, purpose: str, *parts: str) -> bytes:
        """Return the 32 bytes that belong to this purpose and these parts, the same for ever.

        HMAC-SHA256 of the master secret over the parts, each preceded by its length: two different lists
        never meet. `purpose` separates uses (`"job-ticket"`, `"user-token"`).
        """
        code = hmac.new(self.master, digestmod=hashlib.sha256)
        for part in (purpose, *parts):
            encoded = part.encode()
            code.update(len(encoded).to_bytes(8, "big") + encoded)
        return code.digest()

    def derive_hex(self, purpose: str, *parts: str, digits: int = 64) -> str:
        """Return the first `digits` (at most 64) hexadecimal digits of `derive`."""
        return self.derive(purpose, *parts).hex()[:digits]

    @classmethod
    def load_or_create(cls, path: Path) -> Secrets:
        """Read the master secret, making it first where there is none.

        The file has mode 0600 and holds 64 hexadecimal digits. Two processes may call this at once: both get
        the same secret. Raises `SecretFileError` for a file that others can read, that belongs to somebody
        else, or that holds something else.
        """
        if not path.exists():
            _create_secret_file(path)
        return cls(_read_secret_file(path))


def _create_secret_file(path: Path) -> None:
    # Written beside and linked into place: a process that dies half-way leaves no empty secret behind.
    temporary = path.with_name(f".{path.name}-{os.getpid()}-{random.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(f"{random.token_hex(SECRET_KEY_BYTES)}\n".encode())
                file.flush()
                os.fsync(descriptor)
            os.link(temporary, path)
        finally:
            temporary.unlink()
    except FileExistsError:
        pass
    except OSError as error:
        raise SecretFileError(f"The secret key {path} can't be written: {error.strerror}.") from error


def _read_secret_file(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SecretFileError(f"The secret key {path} can't be read: {error.strerror}.") from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SecretFileError(f"The secret key {path} is not a regular file.")
        if status.st_uid != os.geteuid():
            raise SecretFileError(
                f"The secret key {path} belongs to the account number {status.st_uid}, "
                f"but the server runs as number {os.geteuid()}."
            )
        if status.st_mode & 0o077:
            raise SecretFileError(
                f"The secret key {path} can be read or changed by others "
                f"(mode {stat.S_IMODE(status.st_mode):04o}); expected 0600. "
                f"If nobody has seen it: chmod 600 {path}"
            )
        text = file.read(4096)
    expected = f"expected {2 * SECRET_KEY_BYTES} hexadecimal digits"
    try:
        master = bytes.fromhex(text.decode("ascii").strip())
    except ValueError:
        raise SecretFileError(f"The secret key {path} does not hold a key; {expected}.") from None
    if len(master) != SECRET_KEY_BYTES:
        raise SecretFileError(f"The secret key {path} has {len(master)} bytes; {expected}.")
    return master


@dataclass(frozen=True)
class Deployment:
    """The installation, as every part may know it. `data_dir` is absolute."""

    data_dir: Path
    server: ServerSettings
    secrets: Secrets
    agents: Agents

    @property
    def run_directory(self) -> Path:
        """Pid files and local sockets."""
        return self.data_dir / "run"

    @property
    def environments_directory(self) -> Path:
        """The shared environments of jobs, ready to run."""
        return self.data_dir / "environments"

    @property
    def temporary_directory(self) -> Path:
        """Bodies of requests while they arrive; on the data directory's own file system."""
        return self.data_dir / "tmp"


def prepare_data_directory(path: Path) -> Path:
    """Make the data directory (0700) and its sub-directories, or check that they can be used.

    Returns its absolute path. May be repeated. A directory that holds other things is left alone, so that a
    wrong `--data-dir` never closes somebody's home to others.
    Raises `DataDirectoryError`: it can't be written, belongs to somebody else, is a file, holds other things.
    """
    path = Path(os.path.abspath(path))
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.stat()
    except FileExistsError:
        raise DataDirectoryError(f"The data directory {path} is a file; expected a directory.") from None
    except NotADirectoryError:
        raise DataDirectoryError(f"The data directory {path} lies below a file, not a directory.") from None
    except OSError as error:
        raise DataDirectoryError(f"The data directory {path} can't be made: {error.strerror}.") from error
    if status.st_uid != os.geteuid():
        raise DataDirectoryError(
            f"The data directory {path} belongs to somebody else (account number {status.st_uid}); "
            f"the server runs as number {os.geteuid()}."
        )
    try:
        _check_content(path)
        if stat.S_IMODE(status.st_mode) != 0o700:
            path.chmod(0o700)
        for name in SUB_DIRECTORIES:
            (path / name).mkdir(mode=0o700, exist_ok=True)
    except FileExistsError as error:
        raise DataDirectoryError(f"{error.filename} is a file; expected a directory.") from None
    except OSError as error:
        raise DataDirectoryError(f"The data directory {path} can't be written: {error.strerror}.") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise DataDirectoryError(f"The data directory {path} can't be written.")
    return path


def _check_content(path: Path) -> None:
    names = set(os.listdir(path))
    if names & {SECRET_KEY_NAME, CONFIG_NAME} or names <= set(SUB_DIRECTORIES):
        return
    raise DataDirectoryError(
        f"{path} holds other files ({', '.join(sorted(names)[:3])}) and is no data directory of this server; "
        f"choose a new or empty directory."
    )

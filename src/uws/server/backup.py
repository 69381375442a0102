"""Backup and restore of what can't be made again: the records, the configuration, the secret key.

Workspaces are files on the storage and are backed up with it.

    BackupProblem          a backup can't be made or restored
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from uws.config.deployment import CONFIG_NAME, SECRET_KEY_NAME, SUB_DIRECTORIES
from uws.server.settings import SQLITE_NAME, postgresql_settings

DUMP_NAME = "uws.pgdump"
_NAMES = frozenset({CONFIG_NAME, SECRET_KEY_NAME, SQLITE_NAME, DUMP_NAME})
_SERVICE = "uws"


class BackupProblem(Exception):
    """A backup can't be made or restored. The text is one sentence for the operator."""


def backup(data_dir: Path, config_path: Path, database_url: str, target: Path) -> None:
    """Write the backup as one tar file of mode 0600, while the server runs or not.

    `database_url` is empty for SQLite (copied by SQLite's own online backup), else PostgreSQL's, dumped by
    `pg_dump` in its custom format. Raises `BackupProblem`, also where `target` exists.
    """
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BackupProblem(f"{target} exists; choose another name.") from None
    except OSError as error:
        raise BackupProblem(f"{target} can't be written: {error.strerror}.") from None
    try:
        with (
            tempfile.TemporaryDirectory(dir=data_dir / "tmp") as scratch,
            os.fdopen(descriptor, "wb") as file,
        ):
            records = _dump(data_dir, database_url, Path(scratch))
            with tarfile.open(fileobj=file, mode="w") as archive:
                archive.add(config_path, CONFIG_NAME)
                archive.add(data_dir / SECRET_KEY_NAME, SECRET_KEY_NAME)
                archive.add(records, records.name)
    except BaseException:
        target.unlink()
        raise


def _dump(data_dir: Path, database_url: str, scratch: Path) -> Path:
    if database_url:
        dump = scratch / DUMP_NAME
        _run_postgresql_tool("pg_dump", database_url, ["--format=custom", "--no-owner", f"--file={dump}"])
        return dump
    copy, original = scratch / SQLITE_NAME, data_dir / SQLITE_NAME
    if not original.exists():
        raise BackupProblem(f"{original} does not exist: there is nothing to back up yet.")
    with (
        contextlib.closing(sqlite3.connect(original)) as source,
        contextlib.closing(sqlite3.connect(copy)) as to,
    ):
        source.backup(to)
    return copy


def require_empty(data_dir: Path) -> None:
    """Raise `BackupProblem` where something is in the data directory already."""
    if data_dir.exists() and any(data_dir.iterdir()):
        raise BackupProblem(f"{data_dir} is not empty; restore into a new or empty directory.")


def unpack(source: Path, data_dir: Path) -> None:
    """Put a backup's files into an empty or new data directory. Raises `BackupProblem`."""
    try:
        with tarfile.open(source, mode="r:") as archive:
            members = {member.name: member for member in archive if member.isfile() and member.name in _NAMES}
            if not {CONFIG_NAME, SECRET_KEY_NAME} <= set(members) or not {SQLITE_NAME, DUMP_NAME} & set(
                members
            ):
                raise BackupProblem(f"{source} is not a backup of this server.")
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name, member in members.items():
                content = archive.extractfile(member)
                assert content is not None  # a regular file
                descriptor = os.open(data_dir / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with content, os.fdopen(descriptor, "wb") as file:
                    shutil.copyfileobj(content, file)
    except (OSError, tarfile.TarError) as error:
        raise BackupProblem(f"{source} can't be restored: {error}.") from None


@contextmanager
def nothing_left_on_failure(data_dir: Path) -> Iterator[None]:
    """Empty the data directory again when the restore inside fails, so that it can be tried again."""
    try:
        yield
    except BaseException:
        for name in _NAMES:
            (data_dir / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # what is not empty, or was never made, stays as it is
            for name in SUB_DIRECTORIES:
                (data_dir / name).rmdir()
            data_dir.rmdir()
        raise


def load_dump(data_dir: Path, database_url: str) -> None:
    """Load an unpacked PostgreSQL dump into the configured database, and remove it; nothing for SQLite.

    Raises `BackupProblem`, also where the database and the backup are of different kinds.
    """
    dump = data_dir / DUMP_NAME
    if dump.exists() != bool(database_url):
        kind = "PostgreSQL" if dump.exists() else "SQLite"
        raise BackupProblem(f"The backup is of {kind}, but server.database.url names the other kind.")
    if database_url:
        arguments = ["--no-owner", "--exit-on-error", "--single-transaction", f"--dbname=service={_SERVICE}"]
        _run_postgresql_tool("pg_restore", database_url, [*arguments, str(dump)])
        dump.unlink()


def _run_postgresql_tool(tool: str, database_url: str, arguments: list[str]) -> None:
    program = shutil.which(tool)
    if program is None:
        raise BackupProblem(f"{tool} is not installed (Debian: postgresql-client).")
    with _service_file(database_url) as service_file:
        environment = {**os.environ, "PGSERVICEFILE": service_file, "PGSERVICE": _SERVICE}
        done = subprocess.run(
            [program, *arguments], env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise BackupProblem(f"{tool} failed: {done.stderr.strip()}")


@contextmanager
def _service_file(database_url: str) -> Iterator[str]:
    """The connection in a file of mode 0600 (libpq's pg_service.conf): a password stands in no argument."""
    settings = postgresql_settings(database_url)
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    values = {ours: settings[django] for django, ours in names.items() if settings[django]} | settings[
        "OPTIONS"
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".conf", encoding="utf-8") as file:
        file.write(f"[{_SERVICE}]\n" + "".join(f"{name}={value}\n" for name, value in values.items()))
        file.flush()
        yield file.name

"""The original's database, read only: SQLite or PostgreSQL, plain SQL over the tables of release 1.10.

One transaction with one snapshot for everything that is read, so that a running original can't be half-seen.
"""

from __future__ import annotations

import contextlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, LiteralString
from urllib.parse import quote, unquote

from uws.moving.errors import OriginalIncomplete, OriginalUnreadable

if TYPE_CHECKING:
    import psycopg

Row = dict[str, Any]

BUSY_TIMEOUT_SECONDS: Literal[5] = 5
APP = "user_workspaces_server_"


@dataclass(frozen=True)
class Table:
    """A table of the original and the columns that are read of it; it may have more. `key` orders the rows."""

    name: LiteralString
    columns: tuple[LiteralString, ...]
    key: LiteralString = "id"

    @property
    def query(self) -> LiteralString:
        """Return the statement that reads it. Made of this module's own words only."""
        columns: LiteralString = ", ".join([f'"{column}"' for column in self.columns])
        return f'SELECT {columns} FROM "{self.name}" ORDER BY "{self.key}"'  # noqa: S608


USERS = Table(
    "auth_user",
    (
        "id",
        "password",
        "last_login",
        "is_superuser",
        "username",
        "first_name",
        "last_name",
        "email",
        "is_staff",
        "is_active",
        "date_joined",
    ),
)
GROUPS = Table("auth_group", ("id", "name"))
MEMBERS = Table("auth_user_groups", ("id", "user_id", "group_id"))
TOKENS = Table("authtoken_token", ("key", "created", "user_id"), key="user_id")
MAPPINGS = Table(
    "user_workspaces_server_externalusermapping",
    (
        "id",
        "user_id_id",
        "external_user_id",
        "external_username",
        "user_authentication_name",
        "external_user_details",
    ),
)
QUOTAS = Table(
    "user_workspaces_server_userquota",
    ("id", "user_id_id", "max_disk_space", "max_core_hours", "used_disk_space", "used_core_hours"),
)
WORKSPACES = Table(
    "user_workspaces_server_workspace",
    (
        "id",
        "user_id_id",
        "name",
        "description",
        "file_path",
        "disk_space",
        "datetime_created",
        "datetime_last_modified",
        "datetime_last_job_launch",
        "workspace_details",
        "status",
        "default_job_type",
    ),
)
JOBS = Table(
    "user_workspaces_server_job",
    (
        "id",
        "user_id_id",
        "workspace_id_id",
        "resource_job_id",
        "job_type",
        "resource_name",
        "status",
        "datetime_created",
        "datetime_start",
        "datetime_end",
        "core_hours",
        "job_details",
        "resource_options",
    ),
)
SHARES = Table(
    "user_workspaces_server_sharedworkspacemapping",
    (
        "id",
        "original_workspace_id_id",
        "shared_workspace_id_id",
        "last_resource_options",
        "last_job_type",
        "is_accepted",
        "datetime_share_created",
    ),
)
TABLES = (USERS, GROUPS, MEMBERS, TOKENS, MAPPINGS, QUOTAS, WORKSPACES, JOBS, SHARES)


class OriginalDatabase(ABC):
    """An open database of the original server. A context manager; closing it never writes."""

    def __enter__(self) -> OriginalDatabase:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def check(self) -> None:
        """Raise `OriginalIncomplete`, naming the first table or column that is needed and not there."""
        for table in TABLES:
            found = self._columns(table)
            if not found:
                raise OriginalIncomplete(
                    f"The database has no table {table.name}: it is not the original server's, release 1.10."
                )
            for column in table.columns:
                if column not in found:
                    raise OriginalIncomplete(
                        f"The table {table.name} has no column {column}: "
                        "expected the tables of the original server, release 1.10."
                    )

    @abstractmethod
    def rows(self, table: Table) -> Iterator[Row]:
        """Yield the rows in the order of the table's key. Raises `OriginalUnreadable`."""

    @abstractmethod
    def highest_id(self, table: Table) -> int:
        """Return the highest number that the table has given out, deleted rows included where that is known."""

    @abstractmethod
    def close(self) -> None:
        """Give the connection back."""

    @abstractmethod
    def _columns(self, table: Table) -> frozenset[str]: ...


def open_original(address: str) -> OriginalDatabase:
    """Open `postgresql://…`, `sqlite:///path` or a path to an SQLite file, and check its tables.

    Raises `OriginalUnreadable`, `OriginalIncomplete`. The messages never repeat a URL: it may hold a password.
    """
    database: OriginalDatabase
    if address.startswith(("postgresql://", "postgres://")):
        database = _PostgreSQL(address)
    elif "://" in address and not address.startswith("sqlite:///"):
        raise OriginalUnreadable(
            f"The database's address begins with {address.partition('://')[0][:20]!r}; "
            "expected postgresql://user@host/name, sqlite:///path or a path."
        )
    else:
        path = unquote(address.removeprefix("sqlite:///")) if "://" in address else address
        database = _SQLite(Path(path))
    try:
        database.check()
    except BaseException:
        database.close()
        raise
    return database


class _SQLite(OriginalDatabase):
    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file():
            raise OriginalUnreadable(f"{path} is no file; expected the original's SQLite database.")
        try:
            self._connection = sqlite3.connect(
                f"file:{quote(str(path.absolute()))}?mode=ro",
                uri=True,
                timeout=BUSY_TIMEOUT_SECONDS,
                isolation_level=None,
            )
        except sqlite3.Error as error:
            raise self._unreadable(error) from error
        self._connection.text_factory = lambda data: data.decode("utf-8", "replace")
        with self._readable():
            self._connection.execute("BEGIN")
            self._connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()

    def rows(self, table: Table) -> Iterator[Row]:
        with self._readable():
            for values in self._connection.execute(table.query):
                yield dict(zip(table.columns, values, strict=True))

    def highest_id(self, table: Table) -> int:
        with self._readable():
            highest = self._connection.execute(f'SELECT MAX("{table.key}") FROM "{table.name}"').fetchone()[0]  # noqa: S608
            counters = self._connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"
            ).fetchone()
            given = None
            if counters:
                given = self._connection.execute(
                    "SELECT MAX(seq) FROM sqlite_sequence WHERE name = ?", [table.name]
                ).fetchone()[0]
        return max(highest or 0, given or 0)

    def close(self) -> None:
        self._connection.close()

    def _columns(self, table: Table) -> frozenset[str]:
        with self._readable():
            found = self._connection.execute("SELECT name FROM pragma_table_info(?)", [table.name]).fetchall()
        return frozenset(name for (name,) in found)

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: sqlite3.Error) -> OriginalUnreadable:
        if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return OriginalUnreadable(
                f"{self._path} is locked by another process (waited {BUSY_TIMEOUT_SECONDS} s); "
                "stop the original server, then try again."
            )
        return OriginalUnreadable(f"{self._path} can't be read as an SQLite database: {error}.")


class _PostgreSQL(OriginalDatabase):
    def __init__(self, url: str) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise OriginalUnreadable(
                "PostgreSQL needs psycopg: install user-workspaces-server[postgresql]."
            ) from error
        self._errors = psycopg
        try:
            self._connection: psycopg.Connection = psycopg.connect(url, connect_timeout=5)
        except psycopg.ProgrammingError:
            # libpq's own message repeats the address.
            raise OriginalUnreadable(
                "The database's address can't be read; expected postgresql://user@host:port/name."
            ) from None
        except psycopg.OperationalError as error:
            raise OriginalUnreadable(f"The original's PostgreSQL does not answer: {_line(error)}.") from None
        # Statements, not connection options: those in the URL (a search_path) must stay as they are.
        self._connection.autocommit = True
        self._connection.execute(f"SET lock_timeout = '{BUSY_TIMEOUT_SECONDS}s'")
        self._connection.execute("SET default_transaction_read_only = on")
        self._connection.autocommit = False
        self._connection.read_only = True
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

    def rows(self, table: Table) -> Iterator[Row]:
        with self._readable(table), self._connection.cursor(name="original") as cursor:
            cursor.itersize = 2000
            cursor.execute(table.query)
            for values in cursor:
                yield dict(zip(table.columns, values, strict=True))

    def highest_id(self, table: Table) -> int:
        with self._readable(table), self._connection.cursor() as cursor:
            cursor.execute(f'SELECT MAX("{table.key}") FROM "{table.name}"')  # noqa: S608
            highest = (cursor.fetchone() or (0,))[0]
            cursor.execute(
                "SELECT last_value FROM pg_sequences WHERE (quote_ident(schemaname) || '.' || "
                "quote_ident(sequencename)) = pg_get_serial_sequence(%s, %s)",
                [f'"{table.name}"', table.key],
            )
            given = (cursor.fetchone() or (0,))[0]
        return max(highest or 0, given or 0)

    def close(self) -> None:
        self._connection.close()

    def _columns(self, table: Table) -> frozenset[str]:
        with self._readable(table), self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT attname FROM pg_attribute "
                "WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
                [f'"{table.name}"'],
            )
            return frozenset(name for (name,) in cursor.fetchall())

    @contextlib.contextmanager
    def _readable(self, table: Table) -> Iterator[None]:
        try:
            yield
        except self._errors.errors.LockNotAvailable:
            raise OriginalUnreadable(
                f"The table {table.name} is locked by another transaction (waited {BUSY_TIMEOUT_SECONDS} s); "
                "end it, then try again."
            ) from None
        except self._errors.errors.InsufficientPrivilege:
            raise OriginalUnreadable(
                f"The database's account may not read the table {table.name}; expected the right to SELECT."
            ) from None
        except self._errors.Error as error:
            raise OriginalUnreadable(f"The table {table.name} can't be read: {_line(error)}.") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".?")

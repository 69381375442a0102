"""Many rows in a few statements: copies of a row that the server itself has written, on SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

BUSY_SECONDS = 60


class Database:
    """The server's own database, written to while it runs. `url` is empty for SQLite in the data directory."""

    def __init__(self, data_dir: Path, url: str) -> None:
        self._connection: Any
        if url:
            import psycopg

            self._connection = psycopg.connect(url, autocommit=True)
        else:
            self._connection = sqlite3.connect(
                data_dir / "uws.sqlite3", timeout=BUSY_SECONDS, isolation_level=None
            )
        self._is_sqlite = not url

    def close(self) -> None:
        self._connection.close()

    def ask(self, sql: str) -> Sequence[Any]:
        """Return the first row of a query. `sql` is this benchmark's own text, never input."""
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)
            row: Sequence[Any] = cursor.fetchone()
            return row

    def copy_row(self, table: str, template_id: int, count: int, changed: Mapping[str, str]) -> None:
        """Insert `count` copies of a row. `changed` are SQL expressions by column; `n` in them counts from 0."""
        columns = [column for column in self._columns(table) if column != "id"]
        values = [changed.get(column, f't."{column}"') for column in columns]
        names = ", ".join(f'"{column}"' for column in columns)
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(
                f"WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < {count}) "
                f'INSERT INTO "{table}" ({names}) SELECT {", ".join(values)} '
                f'FROM s CROSS JOIN "{table}" t WHERE t.id = {template_id} ORDER BY n'
            )

    def settle(self) -> None:
        """Let PostgreSQL look at what it has, as its autovacuum would; SQLite has nothing of the kind."""
        if not self._is_sqlite:
            with closing(self._connection.cursor()) as cursor:
                cursor.execute("VACUUM ANALYZE")

    def _columns(self, table: str) -> list[str]:
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(f'SELECT * FROM "{table}" LIMIT 0')
            return [column[0] for column in cursor.description]

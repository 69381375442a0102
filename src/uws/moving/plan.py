"""What an import is going to write, read and translated before any transaction is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from uws.moving.report import Report
from uws.moving.source import OriginalDatabase, Row, Table
from uws.moving.values import Unusable

Columns = dict[str, Any]
Rows = dict[int, Columns]
"""Number in the original to the columns of our model."""


@dataclass
class Plan:
    """Everything that is read of the original, in our columns, and the report so far."""

    report: Report = field(default_factory=Report)
    users: Rows = field(default_factory=dict)
    tokens: Rows = field(default_factory=dict)
    """By the user's number: a user has one token."""
    mappings: Rows = field(default_factory=dict)
    quotas: Rows = field(default_factory=dict)
    workspaces: Rows = field(default_factory=dict)
    jobs: Rows = field(default_factory=dict)
    shares: Rows = field(default_factory=dict)
    highest_ids: dict[str, int] = field(default_factory=dict)
    """Table of the original to the highest number that it ever gave out."""


def translated(
    source: OriginalDatabase, table: Table, report: Report, translate: Callable[[Row], Columns]
) -> Rows:
    """Read a table and translate each row; one whose translation raises `Unusable` is reported as skipped."""
    part, rows = report.of(table.name), {}
    for row in source.rows(table):
        part.read += 1
        key = row[table.key]
        try:
            if not isinstance(key, int):
                raise Unusable(f"its {table.key} is {key!r}; expected a whole number")
            rows[key] = translate(row)
        except Unusable as problem:
            part.skip(key if isinstance(key, int) else None, f"{problem}.")
    return rows

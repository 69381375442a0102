"""What an import did, or would do: counted by table, with a reason for everything that was left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Remark:
    """A sentence about one row of the original."""

    row_id: int | None
    sentence: str


@dataclass
class TableReport:
    """The rows of one table. `read` is the sum of the four that follow it."""

    table: str
    read: int = 0
    imported: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: list[Remark] = field(default_factory=list)
    notes: list[Remark] = field(default_factory=list)
    """About rows that were imported, but not quite as they were."""

    def skip(self, row_id: int | None, sentence: str) -> None:
        self.skipped.append(Remark(row_id, sentence))

    def note(self, row_id: int | None, sentence: str) -> None:
        self.notes.append(Remark(row_id, sentence))


@dataclass
class Report:
    """The whole import. `dry_run`: nothing of it was written."""

    dry_run: bool = False
    tables: dict[str, TableReport] = field(default_factory=dict)

    def of(self, table: str) -> TableReport:
        """Return the table's part, made where it is missing."""
        return self.tables.setdefault(table, TableReport(table))

    @property
    def changed(self) -> int:
        """How many rows were, or would be, written."""
        return sum(table.imported + table.updated for table in self.tables.values())

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON's object."""
        return {"dry_run": self.dry_run, "tables": [asdict(table) for table in self.tables.values()]}

    def lines(self) -> Iterator[str]:
        """Yield it as text for people."""
        width = max((len(name) for name in self.tables), default=5)
        yield f"{'table':{width}}  {'read':>7}  imported  updated  unchanged  skipped"
        for table in self.tables.values():
            yield (
                f"{table.table:{width}}  {table.read:7}  {table.imported:8}  {table.updated:7}  "
                f"{table.unchanged:9}  {len(table.skipped):7}"
            )
        for title, remarks in (("Skipped:", "skipped"), ("Imported, but look at these:", "notes")):
            found = [
                (table.table, each) for table in self.tables.values() for each in getattr(table, remarks)
            ]
            if found:
                yield ""
                yield title
            for name, remark in found:
                number = "" if remark.row_id is None else f" {remark.row_id}"
                yield f"  {name}{number}: {remark.sentence}"
        yield ""
        yield (
            "This was a dry run: nothing was written."
            if self.dry_run
            else f"{self.changed} rows were written."
            if self.changed
            else "Nothing had changed since the earlier import: nothing was written."
        )

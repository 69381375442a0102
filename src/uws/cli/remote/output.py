"""How results are printed: a table for people; JSON, the API's own objects, for programs."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import typer

if TYPE_CHECKING:
    from rich.table import Table


class Format(StrEnum):
    """The forms that a result can be printed in."""

    table = "table"
    json = "json"
    jsonl = "jsonl"


Output = Annotated[
    Format,
    typer.Option("--output", "-o", help="A table, JSON, or JSON Lines: the API's own objects, one a line."),
]


class HasRaw(Protocol):
    """A record that keeps the server's own object."""

    @property
    def raw(self) -> Mapping[str, Any]: ...


Record = TypeVar("Record", bound=HasRaw)
Columns = Mapping[str, Callable[[Record], str]]

_UNBOUNDED_WIDTH = 10_000
"""Where nobody looks, no column is cut: the output goes into a file or a program."""


def print_list(records: Sequence[Record], columns: Columns[Record], form: Format, nothing: str) -> None:
    """Print records: one row each, or a JSON list. `nothing` is what people read where there is none."""
    if form is Format.json:
        print_json([record.raw for record in records])
    elif form is Format.jsonl:
        for record in records:
            print_json_line(record.raw)
    elif not records:
        typer.echo(nothing, err=True)
    else:
        print_rows(list(columns), ([read(record) for read in columns.values()] for record in records))


def print_one(record: Record, columns: Columns[Record], form: Format) -> None:
    """Print one record: a line for each field that is not empty, or a JSON object."""
    if form is Format.json:
        print_json(record.raw)
    elif form is Format.jsonl:
        print_json_line(record.raw)
    else:
        rows = ((f"{title}:", read(record)) for title, read in columns.items())
        _print_table(_table(None, [(title, value) for title, value in rows if value]))


def print_rows(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under titles."""
    _print_table(_table([title.upper() for title in titles], rows))


def print_json(value: object) -> None:
    """Print JSON for people and programs alike."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_json_line(value: object) -> None:
    """Print JSON on one line."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def _table(titles: Sequence[str] | None, rows: Iterable[Sequence[str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=None, show_header=titles is not None, header_style="", pad_edge=False, padding=(0, 2, 0, 0)
    )
    for title in titles or ("", ""):
        table.add_column(title, overflow="fold")
    for row in rows:
        # Text, not str: a workspace called "[red]" is called so, and gives no colour.
        table.add_row(*(Text(printable(cell, keep_lines=titles is None)) for cell in row))
    return table


def _print_table(table: Table) -> None:
    from rich.console import Console

    is_terminal = sys.stdout.isatty()
    console = Console(file=sys.stdout, width=None if is_terminal else _UNBOUNDED_WIDTH)
    if is_terminal:
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    typer.echo("\n".join(line.rstrip() for line in capture.get().rstrip().split("\n")))


def printable(text: str, *, keep_lines: bool = False) -> str:
    """Replace control characters, with which a name could steer the reader's terminal."""
    kept = "\n\t" if keep_lines else ""
    return "".join(
        character if character in kept or unicodedata.category(character) not in ("Cc", "Cf") else "\ufffd"
        for character in text
    )


def bytes_text(count: int | None) -> str:
    """Write a size in bytes for people, such as `1.5 MiB`; nothing for None."""
    if count is None:
        return ""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def duration_text(seconds: float | None) -> str:
    """Write a duration for people, such as `1 h 05 min` or `3.2 s`; nothing for None."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def time_text(moment: datetime | None) -> str:
    """Write a time in the reader's own zone; nothing for None."""
    return "" if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"

"""Writing rows under the original's numbers, so that a second import ends like the first.

For each row it is remembered what was written (`ImportedRow`). A row that would be written the same again is left as
it is now, whatever has happened to it here; one that has changed in the original is written again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model

from uws.moving.errors import TargetTaken
from uws.moving.models import ImportedRow
from uws.moving.plan import Columns, Rows
from uws.moving.report import TableReport

BATCH_ROWS = 400
"""Below SQLite's limit of variables, with room for two in each row."""
SHOWN_CONFLICTS = 3


def fingerprint(columns: Columns) -> str:
    """Return the SHA-256 of a row's columns."""
    encoded = json.dumps(columns, cls=DjangoJSONEncoder, sort_keys=True)
    return hashlib.sha256(encoded.encode()).hexdigest()


def keep(model: type[Model], rows: Rows, part: TableReport) -> set[int]:
    """Insert or update the rows under their own numbers; return those that were written.

    Raises `TargetTaken` where a number has a row that wasn't imported. To be called in a transaction.
    """
    known = dict(ImportedRow.objects.filter(table=part.table).values_list("original_id", "fingerprint"))
    written: set[int] = set()
    for batch in _batches(rows):
        written |= _keep_batch(model, batch, known, part)
    _report_gone(known, rows, part)
    return written


def _keep_batch(
    model: type[Model], batch: Mapping[int, Columns], known: Mapping[int, str], part: TableReport
) -> set[int]:
    there = set(model._default_manager.filter(pk__in=list(batch)).values_list("pk", flat=True))
    taken = [key for key in batch if key in there and key not in known]
    if taken:
        raise TargetTaken(_taken(model, taken))
    fresh: dict[int, Columns] = {}
    changed: dict[int, Columns] = {}
    marks = {key: fingerprint(columns) for key, columns in batch.items()}
    for key, columns in batch.items():
        if key not in known:
            fresh[key] = columns
        elif key not in there:
            part.skip(key, "it was imported earlier and has been deleted here since.")
        elif known[key] == marks[key]:
            part.unchanged += 1
        else:
            changed[key] = columns
    model._default_manager.bulk_create([model(pk=key, **columns) for key, columns in fresh.items()])
    for key, columns in changed.items():
        model._default_manager.filter(pk=key).update(**columns)
    remember(part.table, [(key, key, marks[key]) for key in (*fresh, *changed)])
    part.imported += len(fresh)
    part.updated += len(changed)
    return {*fresh, *changed}


def remember(table: str, written: Iterable[tuple[int, int, str]]) -> None:
    """Record what was written: number in the original, number here, fingerprint."""
    ImportedRow.objects.bulk_create(
        [
            ImportedRow(table=table, original_id=original_id, target_id=target_id, fingerprint=mark)
            for original_id, target_id, mark in written
        ],
        update_conflicts=True,
        unique_fields=["table", "original_id"],
        update_fields=["target_id", "fingerprint"],
    )


def _taken(model: type[Model], taken: Sequence[int]) -> str:
    name = str(model._meta.verbose_name)
    numbers = ", ".join(str(key) for key in taken[:SHOWN_CONFLICTS])
    more = f" and {len(taken) - SHOWN_CONFLICTS} more" if len(taken) > SHOWN_CONFLICTS else ""
    return (
        f"This installation has its own {name} with the number {numbers}{more}, which the original uses too; "
        "import into a new installation, before its first `uws serve`."
    )


def _report_gone(known: Mapping[int, str], rows: Rows, part: TableReport) -> None:
    skipped = {remark.row_id for remark in part.skipped}
    for key in sorted(known.keys() - rows.keys() - skipped):
        part.note(key, "it was imported earlier and is no longer in the original; it stays here as it is.")


def _batches(rows: Rows) -> Iterator[dict[int, Any]]:
    items = iter(rows.items())
    while batch := dict(islice(items, BATCH_ROWS)):
        yield batch

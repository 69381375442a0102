"""The next number of a table: past every one that the original gave out, deleted rows included.

A deleted workspace's number must not come again: portals keep links, and its directory may still be there.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection, transaction
from django.db.models import Max, Model


def advance(highest_ids: Mapping[type[Model], int]) -> None:
    """Set each model's sequence past the highest number of its table and of the original's. May be repeated."""
    for model, highest in highest_ids.items():
        with transaction.atomic():
            _advance(model, highest)


def _advance(model: type[Model], highest: int) -> None:
    here = model._default_manager.aggregate(highest=Max("pk"))["highest"] or 0
    wanted, table = max(here, highest), model._meta.db_table
    if wanted == 0:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [f'"{table}"'])
            sequence = cursor.fetchone()[0]
            # Never back: the sequence may have been used here.
            cursor.execute(
                "SELECT setval(%s, GREATEST(%s, COALESCE((SELECT last_value FROM pg_sequences WHERE "
                "quote_ident(schemaname) || '.' || quote_ident(sequencename) = %s), 0)))",
                [sequence, wanted, sequence],
            )
            return
        cursor.execute("UPDATE sqlite_sequence SET seq = MAX(seq, %s) WHERE name = %s", [wanted, table])
        if cursor.rowcount == 0:
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, wanted])

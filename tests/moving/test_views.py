"""Dashboards that read the original's tables go on reading."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from tests.moving.conftest import bring
from tests.moving.original import ADA, APP, Original
from uws.moving import source
from uws.moving.errors import ViewsProblem
from uws.moving.views import create_views, drop_views
from uws.site import Site

VIEWED = (source.USERS, source.WORKSPACES, source.JOBS, source.QUOTAS, source.SHARES)


def rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


@pytest.fixture
def views(original: Original, site: Site, storage_root: Path) -> list[str]:
    bring(original, site)
    return create_views()


def test_each_view_has_the_columns_of_the_originals_table(views: list[str]) -> None:
    for table in VIEWED:
        rows(table.query)
    assert views == [f'"{table.name}"' for table in VIEWED]


def test_the_metrics_of_a_job_are_where_they_were(views: list[str]) -> None:
    found = rows(f"SELECT job_details FROM {APP}job WHERE id = 100")[0][0]
    details = json.loads(found) if isinstance(found, str) else found
    assert details["metrics"] == {"time_pending": 30.5, "time_init": 2.5}


def test_a_question_of_a_dashboard_is_answered(views: list[str]) -> None:
    sql = (
        f"SELECT u.username, COUNT(*) FROM {APP}workspace w JOIN auth_user u ON u.id = w.user_id_id "
        "GROUP BY u.username ORDER BY u.username"
    )
    assert rows(sql) == [("ada", 9), ("grace", 3)]


def test_no_password_is_shown(views: list[str]) -> None:
    assert {password for (password,) in rows("SELECT password FROM auth_user")} == {""}


def test_nothing_can_be_written_through_a_view(views: list[str]) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        rows(f"DELETE FROM {APP}job WHERE user_id_id = {ADA}")


def test_they_can_be_made_again_and_dropped_twice(views: list[str]) -> None:
    create_views()
    drop_views()
    drop_views()
    with pytest.raises(DatabaseError), transaction.atomic():
        rows("SELECT 1 FROM auth_user")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no schemas")
@pytest.mark.django_db
def test_they_lie_in_a_schema_of_their_own_on_request() -> None:
    create_views("original_server")
    assert rows("SELECT COUNT(*) FROM original_server.auth_user") == [(0,)]
    drop_views("original_server")


@pytest.mark.django_db
@pytest.mark.parametrize("schema", ['a"; DROP TABLE jobs_job; --', "pg_catalog", "", "Upper"])
def test_a_schemas_name_is_checked(schema: str) -> None:
    with pytest.raises(ViewsProblem):
        create_views(schema)

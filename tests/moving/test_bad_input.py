"""What stops an import: one sentence that names what is wrong, and nothing written."""

from __future__ import annotations

import os
import sqlite3
import traceback
from pathlib import Path
from typing import Any

import pytest

from tests.moving.conftest import bring
from tests.moving.original import ADA, APP, POSTGRESQL_TYPES, TABLES, Original, fill, sqlite_original
from tests.services.servers.required import required
from uws.accounts.errors import SecondAccount
from uws.accounts.models import User
from uws.moving import source
from uws.moving.errors import OriginalIncomplete, OriginalUnreadable, TargetTaken
from uws.moving.source import open_original
from uws.site import Site
from uws.workspaces.models import Workspace


@pytest.mark.parametrize("table", [table.name for table in source.TABLES])
def test_a_missing_table_is_named(original: Original, site: Site, table: str) -> None:
    original.run(f"DROP TABLE {table}")
    with pytest.raises(OriginalIncomplete, match=f"no table {table}:"):
        bring(original, site)


@pytest.mark.parametrize(
    ("table", "column"),
    [("auth_user", "email"), (f"{APP}workspace", "file_path"), (f"{APP}job", "resource_options")],
)
def test_a_missing_column_is_named(original: Original, site: Site, table: str, column: str) -> None:
    original.run(f"ALTER TABLE {table} DROP COLUMN {column}")
    with pytest.raises(OriginalIncomplete, match=f"{table} has no column {column}"):
        bring(original, site)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("no-such-file.sqlite3", "is no file"),
        ("mysql://root:hunter2@host/name", "begins with 'mysql'"),
        ("postgresql://uws:hunter2@127.0.0.1:1/uws", "does not answer"),
        ("postgresql://uws:hunter2@host:notaport/uws?nonsense", "can't be read"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_sentence_without_its_password(
    address: str, sentence: str
) -> None:
    with pytest.raises(OriginalUnreadable, match=sentence) as caught:
        open_original(address)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value, limit=0, chain=True))


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("These are notes. " * 100)
    with pytest.raises(OriginalUnreadable, match="can't be read as an SQLite database"):
        open_original(str(path))


def test_a_locked_sqlite_file_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "BUSY_TIMEOUT_SECONDS", 0)
    path = tmp_path / "original.sqlite3"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("CREATE TABLE auth_user (id)")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(OriginalUnreadable, match="locked by another process"):
        open_original(str(path))
    holder.close()


@pytest.mark.services
def test_a_locked_postgresql_table_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    monkeypatch.setattr(source, "BUSY_TIMEOUT_SECONDS", 1)
    url = required("UWS_TEST_POSTGRESQL_URL")
    schema = f"locked_{os.getpid()}"
    with psycopg.connect(url) as holder:
        holder.execute(f"CREATE SCHEMA {schema}")
        holder.execute(f"SET search_path = {schema}")
        holder.execute(TABLES.format(**POSTGRESQL_TYPES))
        holder.commit()
        holder.execute(f"LOCK TABLE {schema}.auth_user IN ACCESS EXCLUSIVE MODE")
        with (
            open_original(f"{url}?options=-csearch_path%3D{schema}") as database,
            pytest.raises(OriginalUnreadable, match="auth_user is locked"),
        ):
            list(database.rows(source.USERS))
        holder.rollback()
        holder.execute(f"DROP SCHEMA {schema} CASCADE")


def test_nothing_can_be_written_into_the_original(original: Original) -> None:
    with open_original(original.address) as database:
        connection = database._connection  # type: ignore[attr-defined]
        with pytest.raises(Exception, match=r"read-?only"):
            connection.execute("DELETE FROM auth_user")


def test_an_installation_with_another_user_of_that_number_is_left_as_it_is(
    original: Original, site: Site, storage_root: Path
) -> None:
    User.objects.create(pk=ADA, username="somebody", email="somebody@example.org")
    with pytest.raises(TargetTaken, match="user with the number 2"):
        bring(original, site)
    assert list(User.objects.values_list("username", flat=True)) == ["somebody"]


def test_an_installation_with_another_user_of_that_name_is_left_as_it_is(
    original: Original, site: Site, storage_root: Path
) -> None:
    User.objects.create(pk=77, username="Ada", email="ada@example.org")
    with pytest.raises(TargetTaken, match="its own user 'ada'"):
        bring(original, site)
    assert User.objects.count() == 1


def test_an_installation_with_another_workspace_of_that_number_is_left_as_it_is(
    original: Original, site: Site, storage_root: Path
) -> None:
    somebody = User.objects.create(pk=77, username="somebody")
    Workspace.objects.create(pk=10, owner=somebody, name="mine", storage="local", path="somebody/10")
    with pytest.raises(TargetTaken, match="workspace with the number 10"):
        bring(original, site)
    assert User.objects.count() == 1


class TestOneAccount:
    @pytest.fixture
    def config(self, config: dict[str, Any]) -> dict[str, Any]:
        config["server"]["shared_account"] = False
        return config

    def test_several_people_need_shared_account(
        self, original: Original, site: Site, storage_root: Path
    ) -> None:
        with pytest.raises(SecondAccount, match="shared_account"):
            bring(original, site)
        assert not User.objects.exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            f"UPDATE {APP}workspace SET datetime_created = 'yesterday' WHERE id = 10",
            "'yesterday'; expected a time",
        ),
        (f"UPDATE {APP}workspace SET workspace_details = '{{\"a\": ' WHERE id = 10", "no JSON"),
        (f"UPDATE {APP}workspace SET workspace_details = '[1]' WHERE id = 10", "no JSON object"),
        (f"UPDATE {APP}workspace SET disk_space = 'much' WHERE id = 10", "'much'; expected a whole number"),
    ],
)
def test_a_row_that_cannot_be_read_is_skipped_with_its_reason(
    tmp_path: Path, site: Site, storage_root: Path, change: str, sentence: str
) -> None:
    original = sqlite_original(tmp_path / "original.sqlite3")
    fill(original)
    original.run(change)
    report = bring(original, site)
    found = {remark.row_id: remark.sentence for remark in report.of(f"{APP}workspace").skipped}
    assert sentence in found[10]
    assert not Workspace.objects.filter(pk=10).exists()


def test_text_that_a_database_refuses_is_cleaned(tmp_path: Path, site: Site, storage_root: Path) -> None:
    original = sqlite_original(tmp_path / "original.sqlite3")
    fill(original)
    original.run(f"UPDATE {APP}workspace SET name = 'a' || char(0) || 'b' WHERE id = 18")
    original.run(
        f"UPDATE {APP}workspace SET workspace_details = ? WHERE id = 18",
        ['{"request_workspace_details": {"files": [{"name": "\\u0000\\ud800"}], "n": NaN}}'],
    )
    original.run(f"UPDATE {APP}workspace SET name = ? WHERE id = 19", ["x" * 500])
    bring(original, site)
    assert Workspace.objects.get(pk=18).name == "ab"
    assert Workspace.objects.get(pk=18).request_details["files"] == [{"name": "?"}]
    assert Workspace.objects.get(pk=19).name == "x" * 64

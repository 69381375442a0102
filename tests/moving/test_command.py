"""`uws import …` as an operator types it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.moving.original import DJANGO_CONFIG, ORIGINAL_CONFIG, fill, make_directories, sqlite_original
from tests.server.conftest import run_uws, write_config


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the original's database and its two configuration files."""
    directory = tmp_path_factory.mktemp("original")
    fill(sqlite_original(directory / "original.sqlite3"))
    (directory / "config.json").write_text(json.dumps(ORIGINAL_CONFIG))
    (directory / "django_config.json").write_text(json.dumps(DJANGO_CONFIG))
    return directory


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("import") / "data-dir"
    write_config(path, {"shared_account": True})
    make_directories(path / "workspaces")
    assert run_uws("migrate", data_dir=path).returncode == 0
    return path


def arguments(files: Path) -> list[str]:
    return [
        "import",
        "original",
        "--database",
        str(files / "original.sqlite3"),
        "--config",
        str(files / "config.json"),
        "--django-config",
        str(files / "django_config.json"),
    ]


def count(data_dir: Path, table: str) -> int:
    database = sqlite3.connect(data_dir / "uws.sqlite3")
    try:
        return int(database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])
    finally:
        database.close()


def test_the_whole_way_from_rehearsal_to_views(files: Path, data_dir: Path) -> None:
    rehearsal = run_uws(*arguments(files), "--dry-run", data_dir=data_dir)
    assert rehearsal.returncode == 0, rehearsal.stderr
    assert "This was a dry run: nothing was written." in rehearsal.stdout
    assert count(data_dir, "accounts_user") == 0

    done = run_uws(*arguments(files), "--json", data_dir=data_dir)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    users = next(table for table in answer["tables"] if table["table"] == "auth_user")
    assert (users["read"], users["imported"]) == (6, 5)
    assert answer["configuration"]["findings"]
    assert "not-shown" not in done.stdout

    assert "Nothing had changed" in run_uws(*arguments(files), data_dir=data_dir).stdout

    views = run_uws("import", "views", "--create", data_dir=data_dir)
    assert views.returncode == 0, views.stderr
    assert count(data_dir, "user_workspaces_server_job") == 7
    assert run_uws("import", "views", "--drop", data_dir=data_dir).returncode == 0


def test_the_configuration_alone_is_translated_before_there_is_an_installation(
    files: Path, tmp_path: Path
) -> None:
    target, data_dir = tmp_path / "config.json", tmp_path / "data-dir"
    options = ["--config", str(files / "config.json"), "--write-config", str(target)]
    done = run_uws("import", "original", *options, data_dir=data_dir)
    assert done.returncode == 0, done.stderr
    assert json.loads(target.read_text())["server"]["jobs_domain"] == "jobs.example.org"
    assert "won't start" in done.stdout
    assert not data_dir.exists()


def test_a_problem_is_one_sentence(data_dir: Path, tmp_path: Path) -> None:
    done = run_uws("import", "original", "--database", str(tmp_path / "none"), data_dir=data_dir)
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path / 'none'} is no file; expected the original's SQLite database.\n"


def test_nothing_to_do_is_a_wrong_command_line(data_dir: Path) -> None:
    assert run_uws("import", "original", data_dir=data_dir).returncode == 2

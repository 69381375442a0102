"""The commands that others script against: what they print, where, and their exit codes."""

from __future__ import annotations

import json
import sqlite3
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest
from tests.server.conftest import run_uws, write_config


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated installation that the tests of this module share; each makes its own people."""
    path = tmp_path_factory.mktemp("cli") / "data-dir"
    write_config(path, {"shared_account": True})
    done = run_uws("migrate", data_dir=path)
    assert done.returncode == 0, done.stderr
    return path


def rows(data_dir: Path, sql: str) -> list[tuple[Any, ...]]:
    database = sqlite3.connect(data_dir / "uws.sqlite3")
    try:
        return database.execute(sql).fetchall()
    finally:
        database.close()


def test_help_and_version_answer_without_an_installation() -> None:
    import uws

    assert run_uws("--version").stdout == f"{uws.__version__}\n"
    assert "serve" in run_uws("--help").stdout


@pytest.mark.parametrize(
    "command",
    ["serve", "web", "worker", "reconcile", "passthrough", "migrate", "restore", "admin check"],
)
def test_every_command_names_the_data_directory_option(command: str) -> None:
    done = run_uws(*command.split(), "--help")
    assert done.returncode == 0
    assert "--data-dir" in done.stdout


def test_the_check_names_each_plugin_and_how_it_was_found(data_dir: Path) -> None:
    done = run_uws("admin", "check", "--json", data_dir=data_dir)
    findings = {finding["subject"]: finding for finding in json.loads(done.stdout)}
    assert "LocalFileSystemStorage" in findings["storage local"]["message"]
    assert "entry point" in findings["storage local"]["message"]
    assert findings["database"] == {"subject": "database", "ok": True, "message": "sqlite, up to date"}
    assert set(findings) >= {"configuration", "data directory", "authentication local", "resource local"}


def test_the_check_of_a_wrong_configuration_says_every_mistake(tmp_path: Path) -> None:
    write_config(tmp_path / "data-dir", {"web_workers": 0, "hosts": []})
    done = run_uws("admin", "check", data_dir=tmp_path / "data-dir")
    assert done.returncode == 78
    assert [line.split()[1] for line in done.stderr.splitlines()] == [
        "$.server.hosts:",
        "$.server.web_workers:",
    ]


def test_an_admin_command_before_the_first_start_says_what_to_do(tmp_path: Path) -> None:
    write_config(tmp_path / "data-dir")
    done = run_uws("admin", "client", "create", "portal", data_dir=tmp_path / "data-dir")
    assert done.returncode == 1
    assert "run `uws migrate` first" in done.stderr


def test_a_backup_restores_into_a_new_directory(data_dir: Path, tmp_path: Path) -> None:
    arguments = ["admin", "user", "create", "ada", "--email", "ada@example.org", "--json"]
    made = json.loads(run_uws(*arguments, data_dir=data_dir).stdout)
    file = tmp_path / "backup.tar"
    done = run_uws("backup", str(file), data_dir=data_dir)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    restored = tmp_path / "restored"
    done = run_uws("restore", str(file), data_dir=restored)
    assert done.returncode == 0, done.stderr
    assert rows(restored, "SELECT id, email FROM accounts_user") == [(made["id"], "ada@example.org")]
    assert (restored / "secret.key").read_text() == (data_dir / "secret.key").read_text()
    assert stat.S_IMODE((restored / "secret.key").stat().st_mode) == 0o600


def test_a_backup_never_overwrites_a_file(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("old")
    done = run_uws("backup", str(tmp_path / "precious"), data_dir=data_dir)
    assert (done.returncode, done.stderr) == (1, f"{tmp_path / 'precious'} exists; choose another name.\n")
    assert (tmp_path / "precious").read_text() == "old"


def test_a_restore_into_a_used_directory_is_refused(data_dir: Path, tmp_path: Path) -> None:
    run_uws("backup", str(tmp_path / "backup.tar"), data_dir=data_dir)
    done = run_uws("restore", str(tmp_path / "backup.tar"), data_dir=data_dir)
    assert done.returncode == 1
    assert "is not empty" in done.stderr


def test_what_is_no_backup_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "secret.key").write_text("x")
    with tarfile.open(tmp_path / "other.tar", "w") as archive:
        archive.add(tmp_path / "secret.key", "../../secret.key")
    for name in ("text", "other.tar"):
        done = run_uws("restore", str(tmp_path / name), data_dir=tmp_path / "restored")
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert not (tmp_path / "restored").exists()


def test_a_restore_that_fails_half_way_leaves_nothing(data_dir: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    write_config(copy, {"database": {"url": "postgresql://nobody@127.0.0.1:1/records"}})
    (copy / "secret.key").write_text((data_dir / "secret.key").read_text())
    (copy / "uws.sqlite3").write_text("")
    with tarfile.open(tmp_path / "mixed.tar", "w") as archive:
        for path in copy.iterdir():
            archive.add(path, path.name)
    done = run_uws("restore", str(tmp_path / "mixed.tar"), data_dir=tmp_path / "restored")
    assert done.returncode == 1
    assert "The backup is of SQLite" in done.stderr
    assert not (tmp_path / "restored").exists()

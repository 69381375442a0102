"""The data directory and the master secret."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from uws.config.deployment import (
    SUB_DIRECTORIES,
    DataDirectoryError,
    SecretFileError,
    Secrets,
    prepare_data_directory,
)


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_data_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    directory = prepare_data_directory(tmp_path / "share" / "uws")
    assert mode_of(directory) == 0o700
    assert sorted(os.listdir(directory)) == sorted(SUB_DIRECTORIES)
    assert all(mode_of(directory / name) == 0o700 for name in SUB_DIRECTORIES)


def test_a_relative_data_directory_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert prepare_data_directory(Path("uws")) == tmp_path / "uws"


def test_preparing_it_again_changes_nothing(tmp_path: Path) -> None:
    directory = prepare_data_directory(tmp_path / "uws")
    (directory / "data" / "cells.h5").write_bytes(b"cells")
    Secrets.load_or_create(directory / "secret.key")
    (directory / "uws.sqlite3").touch()
    assert prepare_data_directory(directory) == directory
    assert (directory / "data" / "cells.h5").read_bytes() == b"cells"


def test_a_data_directory_that_others_could_enter_is_closed(tmp_path: Path) -> None:
    directory = prepare_data_directory(tmp_path / "uws")
    directory.chmod(0o755)
    prepare_data_directory(directory)
    assert mode_of(directory) == 0o700


def test_a_directory_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    tmp_path.chmod(0o755)
    with pytest.raises(DataDirectoryError, match=r"holds other files \(thesis\.tex\)"):
        prepare_data_directory(tmp_path)
    assert mode_of(tmp_path) == 0o755
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    (tmp_path / "uws").touch()
    with pytest.raises(DataDirectoryError, match="is a file; expected a directory"):
        prepare_data_directory(tmp_path / "uws")
    with pytest.raises(DataDirectoryError, match="lies below a file"):
        prepare_data_directory(tmp_path / "uws" / "inside")


def test_a_file_in_place_of_a_sub_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(DataDirectoryError, match=f"{tmp_path}/run is a file"):
        prepare_data_directory(tmp_path)


def test_a_directory_that_cannot_be_made_is_told() -> None:
    with pytest.raises(DataDirectoryError, match="The data directory /proc/uws can't be made: "):
        prepare_data_directory(Path("/proc/uws"))


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = prepare_data_directory(tmp_path / "uws")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(DataDirectoryError, match="can't be written"):
        prepare_data_directory(directory)


def test_somebody_else_s_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(DataDirectoryError, match=f"belongs to somebody else .account number {owner}."):
        prepare_data_directory(tmp_path)


def test_the_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    first = Secrets.load_or_create(path)
    assert (len(first.master), mode_of(path)) == (32, 0o600)
    assert Secrets.load_or_create(path) == first
    assert os.listdir(tmp_path) == ["secret.key"]


def test_processes_that_start_together_share_one_secret(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    together = threading.Barrier(8)
    masters: list[bytes] = []

    def start() -> None:
        together.wait(10)
        masters.append(Secrets.load_or_create(path).master)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(masters) == 8
    assert len(set(masters)) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_secret_that_others_can_reach_is_refused(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    Secrets.load_or_create(path)
    path.chmod(mode)
    with pytest.raises(SecretFileError, match=f"by others .mode {mode:04o}."):
        Secrets.load_or_create(path)


def test_somebody_else_s_secret_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.key"
    Secrets.load_or_create(path)
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(SecretFileError, match="belongs to the account number"):
        Secrets.load_or_create(path)


@pytest.mark.parametrize("content", [b"", b"abc", b"ab" * 31, b"ab" * 33, b"\xff" * 64])
def test_a_file_without_a_key_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SecretFileError, match="expected 64 hexadecimal digits"):
        Secrets.load_or_create(path)


def test_a_secret_that_cannot_be_written_is_told() -> None:
    with pytest.raises(SecretFileError, match="can't be written"):
        Secrets.load_or_create(Path("/proc/secret.key"))


def test_what_is_derived_depends_on_purpose_and_every_part() -> None:
    secrets = Secrets(b"s" * 32)
    derived = {
        secrets.derive("ticket", "1", "2"),
        secrets.derive("ticket", "12"),
        secrets.derive("ticket", "12", ""),
        secrets.derive("ticket", "", "12"),
        secrets.derive("token", "1", "2"),
        Secrets(b"t" * 32).derive("ticket", "1", "2"),
    }
    assert len(derived) == 6
    assert secrets.derive("ticket", "1", "2") == secrets.derive("ticket", "1", "2")
    assert secrets.derive_hex("ticket", digits=40) == secrets.derive("ticket").hex()[:40]


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="needs 32 bytes, not 5"):
        Secrets(b"short")


def test_the_secret_stands_in_no_representation() -> None:
    assert "sss" not in repr(Secrets(b"s" * 32))

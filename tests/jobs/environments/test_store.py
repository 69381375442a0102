"""Shared environments, built by the real uv from wheels that lie beside the test."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import uv
from tests.jobs.environments.conftest import make_wheel
from tests.jobs.types.running import wait_for

from uws.config.applications import JUPYTER_PACKAGES, MARIMO_PACKAGES
from uws.jobs.environments import locks
from uws.jobs.environments.errors import EnvironmentBuildFailed
from uws.jobs.environments.requirements import with_packages
from uws.jobs.environments.store import EnvironmentStore
from uws.jobs.environments.uv import failure, machine_environment, run_uv
from uws.jobs.types.base import EnvironmentRequest

DEMO = EnvironmentRequest("demo", ("demo",))


@pytest.fixture
def store(tmp_path: Path, wheels: Path) -> EnvironmentStore:
    return EnvironmentStore(tmp_path / "environments")


def silent(line: str) -> None:
    pass


def python_says(python: Path, code: str) -> str:
    return subprocess.run(
        [python, "-c", code], capture_output=True, text=True, check=True, timeout=30
    ).stdout.strip()


def environments_in(store: EnvironmentStore) -> list[Path]:
    return [path for path in store.directory.glob("*") if not path.name.startswith(".")]


def test_what_was_built_is_found_and_works(store: EnvironmentStore) -> None:
    assert store.find(DEMO) is None
    lines: list[str] = []
    built = store.build(DEMO, lines.append)
    assert store.find(DEMO) == built
    assert (
        python_says(built.python, "import demo, helper, pip; print(demo.VERSION, helper.VERSION)")
        == "1.0 1.5"
    )
    assert "Resolving 2 packages" in lines
    assert "Downloading and installing up to 3 packages" in lines


def test_packages_in_another_order_are_the_same_environment(store: EnvironmentStore) -> None:
    built = store.build(EnvironmentRequest("demo", ("demo", "helper")), silent)
    assert store.find(EnvironmentRequest("demo", ("helper", "demo"))) == built
    assert store.find(EnvironmentRequest("demo", ("helper",))) is None


def test_the_manifest_says_what_is_in_it(store: EnvironmentStore) -> None:
    built = store.build(DEMO, silent)
    manifest = json.loads((built.directory / "environment.json").read_text())
    assert manifest["packages"] == ["demo", "pip"]
    assert manifest["package_count"] == 3
    assert manifest["lock_hash"] == built.lock_hash
    assert manifest["built_at"].endswith("Z")


def test_nobody_has_the_right_to_change_it(store: EnvironmentStore) -> None:
    built = store.build(DEMO, silent)
    writable = [
        path
        for path in (built.directory, *built.directory.rglob("*"))
        if not path.is_symlink() and path.stat().st_mode & 0o222
    ]
    assert writable == []


def test_byte_code_is_made_ahead(store: EnvironmentStore) -> None:
    assert list(store.build(DEMO, silent).site_packages.glob("__pycache__/demo.*.pyc"))


def test_building_again_returns_what_is_there(store: EnvironmentStore, wheels: Path) -> None:
    built = store.build(DEMO, silent)
    for wheel in wheels.glob("*.whl"):
        wheel.unlink()
    assert store.build(DEMO, silent) == built


def test_two_builders_at_once_build_once(store: EnvironmentStore) -> None:
    lines: list[str] = []
    results = []
    barrier = threading.Barrier(2)

    def build() -> None:
        barrier.wait(10)
        results.append(store.build(DEMO, lines.append))

    threads = [threading.Thread(target=build) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == 2
    assert results[0] == results[1]
    assert lines.count("Resolving 2 packages") == 1


def test_what_a_killed_build_left_is_not_found_and_goes_with_the_next(store: EnvironmentStore) -> None:
    built = store.build(DEMO, silent)
    built.directory.chmod(0o755)
    (built.directory / "environment.json").unlink()
    (built.directory / "half").mkdir(mode=0o500)
    assert store.find(DEMO) is None
    again = store.build(DEMO, silent)
    assert store.find(DEMO) == again == built
    assert not (again.directory / "half").exists()


def test_an_interpreter_that_has_changed_makes_another_build(store: EnvironmentStore) -> None:
    built = store.build(DEMO, silent)
    built.directory.chmod(0o755)
    manifest = json.loads((built.directory / "environment.json").read_text())
    (built.directory / "environment.json").unlink()
    (built.directory / "environment.json").write_text(
        json.dumps({**manifest, "python": "/usr/bin/python3.4"})
    )
    assert store.find(DEMO) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 99}', b"\xff"])
def test_a_damaged_manifest_is_no_environment(store: EnvironmentStore, content: bytes) -> None:
    built = store.build(DEMO, silent)
    built.directory.chmod(0o755)
    (built.directory / "environment.json").unlink()
    (built.directory / "environment.json").write_bytes(content)
    assert store.find(DEMO) is None


def test_a_package_that_does_not_exist_is_named_and_nothing_is_left(store: EnvironmentStore) -> None:
    with pytest.raises(
        EnvironmentBuildFailed, match=r"do not exist or do not fit together: .*nosuchthing"
    ) as caught:
        store.build(EnvironmentRequest("demo", ("nosuchthing",)), silent)
    assert "nosuchthing" in caught.value.log_tail
    assert environments_in(store) == []


def test_packages_that_exclude_each_other_are_named(store: EnvironmentStore, wheels: Path) -> None:
    make_wheel(wheels, "rival", "1.0", requires=("helper<1",))
    with pytest.raises(EnvironmentBuildFailed, match="rival"):
        store.build(EnvironmentRequest("demo", ("demo", "rival")), silent)


@pytest.mark.parametrize(
    "request_",
    [
        EnvironmentRequest("demo", ("--index-url=https://example.org",)),
        EnvironmentRequest("demo", ("demo",), python="three"),
    ],
)
def test_a_request_that_can_never_be_built_is_refused_before_anything_is_made(
    store: EnvironmentStore, request_: EnvironmentRequest
) -> None:
    for call in (store.find, lambda request: store.build(request, silent)):
        with pytest.raises(EnvironmentBuildFailed, match="The environment demo: "):
            call(request_)
    assert not store.directory.exists()


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path, wheels: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentBuildFailed, match="could not be written: Not a directory"):
        EnvironmentStore(tmp_path / "file" / "environments").build(DEMO, silent)


def test_without_a_network_the_message_says_so(
    tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_NO_INDEX")
    monkeypatch.delenv("UV_OFFLINE")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    # Nothing listens on the discard port: as good as a cable that was pulled.
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://ada:secret@127.0.0.1:9/simple")
    with pytest.raises(EnvironmentBuildFailed, match="The packages could not be downloaded: ") as caught:
        EnvironmentStore(tmp_path / "environments").build(
            EnvironmentRequest("demo", ("nosuchthing",)), silent
        )
    assert "secret" not in caught.value.message + caught.value.log_tail


def test_a_shipped_lock_is_used_for_exactly_its_packages_and_not_for_more() -> None:
    for name, wanted in {"jupyter": JUPYTER_PACKAGES, "marimo": MARIMO_PACKAGES}.items():
        lock = locks.find(with_packages(tuple(wanted), ("pip",)))
        assert lock == (locks.DIRECTORY / f"{name}.lock").read_bytes()
    assert locks.find(("jupyterlab", "pip")) is None


def test_shipped_locks_have_hashes_and_name_no_index() -> None:
    for path in locks.DIRECTORY.glob("*.lock"):
        text = path.read_text()
        assert "://" not in text
        assert text.count("--hash=sha256:") >= text.count("==")


def test_versions_that_the_shipped_lock_wants_and_the_index_lacks_are_chosen_anew(
    store: EnvironmentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = b"demo==7.0 \\\n    --hash=sha256:" + b"0" * 64 + b"\n"
    monkeypatch.setattr(locks, "find", lambda requirements: lock)
    lines: list[str] = []
    built = store.build(DEMO, lines.append)
    assert python_says(built.python, "import demo; print(demo.VERSION)") == "1.0"
    assert any("Choosing anew" in line for line in lines)


def test_uv_sees_the_machines_settings_and_nothing_else_of_the_servers() -> None:
    environ = {
        "UV_DEFAULT_INDEX": "1",
        "https_proxy": "2",
        "SSL_CERT_FILE": "3",
        "HOME": "4",
        "UWS_SERVER__DATABASE__URL": "secret",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "VIRTUAL_ENV": "/x",
        "PYTHONPATH": "/x",
    }
    assert sorted(machine_environment(environ)) == [
        "HOME",
        "SSL_CERT_FILE",
        "UV_DEFAULT_INDEX",
        "https_proxy",
    ]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            ["error: No interpreter found for Python 3.99 in managed installations or search path"],
            "That version of Python is not available on this server: "
            "No interpreter found for Python 3.99 in managed installations or search path.",
        ),
        (
            ["error: Failed to install: x.whl", "  Caused by: No space left on device (os error 28)"],
            "The disk is full: the packages could not be installed.",
        ),
        (
            ["error: Failed to fetch: `https://example.org/x/`", "  Caused by: dns error: failed to look up"],
            "The packages could not be downloaded: dns error: failed to look up.",
        ),
        (
            ["  \u00d7 Failed to build `x==1`", "  ╰─▶ gcc is missing"],
            "The packages could not be installed: gcc is missing.",
        ),
        ([], "The packages could not be installed: uv said nothing."),
    ],
)
def test_what_uv_said_becomes_one_sentence(said: list[str], sentence: str) -> None:
    assert failure(said).message == sentence


def test_a_build_whose_server_was_killed_is_not_begun_again_before_its_uv_has_ended(
    store: EnvironmentStore, tmp_path: Path
) -> None:
    pid_file = tmp_path / "uv.pid"
    slow_uv = tmp_path / "slow-uv"
    slow_uv.write_text(f"#!/bin/sh\necho $$ >{pid_file}.new && mv {pid_file}.new {pid_file}\nexec sleep 60\n")
    slow_uv.chmod(0o755)
    builder = subprocess.Popen([sys.executable, "-c", BUILD_WITH, str(slow_uv), str(store.directory)])
    wait_for(pid_file.exists, 20, lambda: "the slow uv did not start")
    builder.kill()
    builder.wait(10)
    lock = os.open(next(store.directory.glob(".*.lock")), os.O_RDWR)
    try:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.kill(int(pid_file.read_text()), signal.SIGKILL)
        assert store.build(DEMO, silent) == store.find(DEMO)
    finally:
        os.close(lock)


BUILD_WITH = """
import sys, uv
from pathlib import Path
uv.find_uv_bin = lambda: sys.argv[1]
from uws.jobs.environments.store import EnvironmentStore
from uws.jobs.types.base import EnvironmentRequest
EnvironmentStore(Path(sys.argv[2])).build(EnvironmentRequest("demo", ("demo",)), print)
"""


def test_a_build_that_takes_too_long_is_ended_and_told(
    store: EnvironmentStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_uv = tmp_path / "slow-uv"
    slow_uv.write_text("#!/bin/sh\nexec sleep 60\n")
    slow_uv.chmod(0o755)
    monkeypatch.setattr(uv, "find_uv_bin", lambda: str(slow_uv))
    with pytest.raises(EnvironmentBuildFailed, match="was not ready after 0 min"):
        run_uv([], directory=tmp_path, environment={}, progress=silent, timeout_seconds=0.2)

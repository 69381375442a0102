"""A workspace's layer, made over the tests' own environment, with the real pip."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from tests.jobs.environments.conftest import make_wheel

from uws.jobs.environments.layer import Layer
from uws.jobs.types.base import ReadyEnvironment


@pytest.fixture
def layer(tmp_path: Path) -> Layer:
    environment = ReadyEnvironment(
        directory=Path(sys.prefix),
        python=Path(sys.executable),
        site_packages=Path(sysconfig.get_path("purelib")),
        lock_hash="0123456789abcdef",
    )
    workspace = tmp_path / 'it\'s a "workspace"'
    (workspace / ".7").mkdir(parents=True)
    return Layer.of(workspace, environment)


def make(layer: Layer) -> None:
    job = layer.directory.parent.parent / ".7"
    (job / layer.file().name).write_bytes(layer.file().content)
    command = [word.replace("{job_directory}", str(job)) for word in layer.prologue()]
    subprocess.run(command, check=True, timeout=30)


def run(layer: Layer, *words: str) -> str:
    command = [str(layer.directory / "bin" / words[0]), *words[1:]]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def where_is(layer: Layer, module: str) -> str:
    return run(layer, "python", "-c", f"import {module}; print({module}.__file__)")


def test_shared_packages_can_be_imported_from_the_layer(layer: Layer) -> None:
    make(layer)
    assert where_is(layer, "pydantic").startswith(f"{sys.prefix}/")
    assert run(layer, "python", "-c", "import sys; print(sys.prefix)") == str(layer.directory)


def test_a_package_installed_from_it_lands_in_it_and_nowhere_else(layer: Layer, tmp_path: Path) -> None:
    make(layer)
    wheel = make_wheel(tmp_path / "wheels", "demo")
    before = set(layer.environment.site_packages.iterdir())
    run(layer, "pip", "install", str(wheel))
    assert where_is(layer, "demo").startswith(f"{layer.directory}/")
    assert set(layer.environment.site_packages.iterdir()) == before


def test_a_package_installed_in_it_comes_before_the_shared_one(layer: Layer, tmp_path: Path) -> None:
    make(layer)
    run(layer, "pip", "install", "--no-deps", str(make_wheel(tmp_path / "wheels", "idna", "99.0")))
    assert run(layer, "python", "-c", "import idna; print(idna.VERSION)") == "99.0"
    assert "site-packages/idna/" in subprocess.run(
        [sys.executable, "-c", "import idna; print(idna.__file__)"], capture_output=True, text=True, check=True
    ).stdout  # fmt: skip


def test_making_it_again_keeps_what_was_installed_and_repairs_what_was_broken(
    layer: Layer, tmp_path: Path
) -> None:
    make(layer)
    run(layer, "pip", "install", str(make_wheel(tmp_path / "wheels", "demo")))
    layer.python.unlink()
    (layer.directory / "pyvenv.cfg").write_text("broken")
    make(layer)
    assert where_is(layer, "demo").startswith(f"{layer.directory}/")
    assert where_is(layer, "pydantic").startswith(f"{sys.prefix}/")


def test_two_jobs_may_make_it_at_once(layer: Layer) -> None:
    job = layer.directory.parent.parent / ".7"
    (job / layer.file().name).write_bytes(layer.file().content)
    command = [word.replace("{job_directory}", str(job)) for word in layer.prologue()]
    processes = [subprocess.Popen(command) for _ in range(8)]
    assert [process.wait(30) for process in processes] == [0] * 8
    assert where_is(layer, "pydantic").startswith(f"{sys.prefix}/")
    assert sorted(path.name for path in layer.directory.iterdir() if path.name != "lib64") == [
        "bin",
        "lib",
        "pyvenv.cfg",
    ]


def test_another_lock_is_another_layer(layer: Layer) -> None:
    other = ReadyEnvironment(
        layer.environment.directory, layer.environment.python, layer.environment.site_packages, "f" * 64
    )
    assert Layer.of(layer.directory.parent.parent, other).directory != layer.directory

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from uws.agent.identity import Identity
from uws.config.deployment import Deployment
from uws.jobs.resources.base import JobPlace
from uws.jobs.types.base import ImproperlyConfigured, JobDetailsRefused, Preparation, ReadyEnvironment
from uws.jobs.types.jupyter_lab import JupyterLabEnvironment, JupyterLabJob
from uws.testing.job_types import APPLICATION_TOKEN, build_context, build_job_type

READY = ReadyEnvironment(
    directory=Path("/srv/environments/jupyter-1"),
    python=Path("/srv/environments/jupyter-1/bin/python"),
    site_packages=Path("/srv/environments/jupyter-1/lib/python3.11/site-packages"),
    lock_hash="0123456789abcdef" * 4,
)


def prepared(
    deployment: Deployment,
    root: Path,
    details: Mapping[str, object],
    environment: ReadyEnvironment | None = READY,
) -> Preparation:
    return build_job_type(JupyterLabJob, deployment, details).prepare(
        "local", build_context(root, environment)
    )


def content(preparation: Preparation, name: str) -> Any:
    return json.loads(next(file.content for file in preparation.files if file.name == name))


@pytest.mark.parametrize(
    ("details", "named"),
    [
        ({"module_manager": "conda"}, "module_manager"),
        ({"python_packages": ["--index-url=https://example.org"]}, "--index-url"),
        ({"python_packages": ["./numpy"]}, "./numpy"),
        ({"python_version": "three"}, "'three' is no Python version"),
        ({"module_manager": "lmod"}, "modules: found none"),
        ({"module_manager": "lmod", "modules": ["-x"]}, "'-x' is no module's name"),
        ({"module_manager": "tar"}, "tar_file_path"),
        ({"module_manager": "tar", "tar_file_path": "lab.tar"}, "expected an absolute path"),
        ({"environment_name": "../up"}, "environment_name"),
        ({"packages": ["numpy"]}, "packages"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused_with_the_key_that_is_wrong(
    details: Mapping[str, object], named: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        JupyterLabEnvironment.model_validate(details)
    assert named in str(caught.value)


@pytest.mark.parametrize("limit", ["240", 240, None])
def test_the_originals_time_limit_is_accepted_as_text_and_number(limit: object) -> None:
    JupyterLabEnvironment.model_validate({"time_limit": limit})


def test_jupyterlab_and_the_kernel_are_added_where_the_operator_left_them_out(deployment: Deployment) -> None:
    details = {"python_packages": ["numpy", "JupyterLab>=4"], "python_version": "python3.12"}
    request = build_job_type(JupyterLabJob, deployment, details).environment("local")
    assert request is not None
    assert request.packages == ("numpy", "JupyterLab>=4", "ipykernel")
    assert request.python == "3.12"


@pytest.mark.parametrize("path", ["/etc/passwd", "../12/a.ipynb", "a/../../b", "a\0b", 5, ["a"], "a" * 2000])
def test_a_notebook_path_that_leaves_the_workspace_is_refused_by_name(
    deployment: Deployment, path: object
) -> None:
    with pytest.raises(JobDetailsRefused, match=r"job_details\.notebook_path: found"):
        build_job_type(JupyterLabJob, deployment, {}).check_details({"notebook_path": path})


def test_it_is_reached_at_lab_with_its_token_in_a_header(deployment: Deployment) -> None:
    connection = build_job_type(JupyterLabJob, deployment, {}).connection(APPLICATION_TOKEN, {})
    assert connection is not None
    assert connection.path == "/lab"
    assert connection.headers == {"Authorization": f"token {APPLICATION_TOKEN}"}


def test_the_server_runs_from_the_shared_environment_and_the_kernel_from_the_layer(
    deployment: Deployment, tmp_path: Path
) -> None:
    preparation = prepared(deployment, tmp_path, {})
    layer = tmp_path / "ada/12/.uws/layer-0123456789ab"
    assert preparation.script.command[:4] == (str(READY.python), "-I", "-m", "jupyterlab")
    assert content(preparation, "jupyter/kernels/python3/kernel.json")["argv"][0] == str(
        layer / "bin" / "python"
    )
    assert preparation.script.environment["PATH"].split(":")[:2] == [
        str(layer / "bin"),
        str(READY.directory / "bin"),
    ]


def test_a_file_beside_the_notebooks_cannot_be_imported_by_the_server(
    deployment: Deployment, tmp_path: Path
) -> None:
    assert "-I" in prepared(deployment, tmp_path, {}).script.command


@pytest.mark.parametrize(("uid", "allowed"), [(0, True), (1000, False)])
def test_only_root_is_allowed_to_be_root(
    deployment: Deployment, tmp_path: Path, uid: int, allowed: bool
) -> None:
    context = build_context(tmp_path, READY)
    place = JobPlace(Identity("ada", uid, uid), tmp_path, "ada/12", ".7")
    context = type(context)(**{**context.__dict__, "place": place})
    preparation = build_job_type(JupyterLabJob, deployment, {}).prepare("local", context)
    assert content(preparation, "jupyter_server_config.json")["ServerApp"].get("allow_root", False) is allowed


def test_an_environment_that_is_not_there_is_no_start(deployment: Deployment, tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="jupyter is not ready"):
        prepared(deployment, tmp_path, {}, environment=None)


def start_script(preparation: Preparation, directory: Path) -> Path:
    script = directory / "start.sh"
    script.write_bytes(next(file.content for file in preparation.files if file.name == "start.sh"))
    return script


def test_modules_are_loaded_before_the_command_whatever_they_are_called(
    deployment: Deployment, tmp_path: Path
) -> None:
    """Against a stand-in for Lmod that writes down what it is asked for."""
    init = tmp_path / "lmod" / "init" / "bash"
    init.parent.mkdir(parents=True)
    init.write_text('module() { printf "%s\\n" "$@" >>"$HOME/asked"; export LOADED="$2"; }\n')
    details = {"module_manager": "lmod", "modules": ["jupyter/4.2", "$(touch stolen) 'x\""]}
    script = start_script(prepared(deployment, tmp_path, details, environment=None), tmp_path)
    run(tmp_path, script, {"LMOD_PKG": str(tmp_path / "lmod")}, "/bin/sh", "-c", 'echo "$LOADED" >result')
    assert (tmp_path / "asked").read_text().splitlines() == [
        "load",
        details["modules"][0],
        "load",
        details["modules"][1],
    ]
    assert (tmp_path / "result").read_text() == f"{details['modules'][1]}\n"
    assert not (tmp_path / "stolen").exists()


def test_a_packed_environment_is_unpacked_once_and_again_after_an_interruption(
    deployment: Deployment, tmp_path: Path
) -> None:
    """Against an archive laid out as conda-pack's are."""
    archive = packed_environment(tmp_path)
    details = {"module_manager": "tar", "tar_file_path": str(archive), "environment_name": "lab"}
    script = start_script(prepared(deployment, tmp_path, details, environment=None), tmp_path)
    prefix = tmp_path / "ada/12/.uws/environment-lab"
    for _ in range(2):
        run(tmp_path, script, {}, "/bin/sh", "-c", 'echo "$ACTIVATED" >result')
    assert (tmp_path / "result").read_text() == f"{prefix}\n"
    assert (prefix / "unpacked").read_text() == "once\n"
    (prefix / ".uws-ready").unlink()
    (prefix / "half").touch()
    run(tmp_path, script, {}, "/bin/true")
    assert not (prefix / "half").exists()
    assert (prefix / ".uws-ready").exists()


def test_a_packed_environment_that_is_not_there_ends_the_job_with_the_reason(
    deployment: Deployment, tmp_path: Path
) -> None:
    details = {"module_manager": "tar", "tar_file_path": str(tmp_path / "away.tar")}
    script = start_script(prepared(deployment, tmp_path, details, environment=None), tmp_path)
    with pytest.raises(AssertionError, match=r"away\.tar"):
        run(tmp_path, script, {}, "/bin/true")


def packed_environment(directory: Path) -> Path:
    source = directory / "packed" / "bin"
    source.mkdir(parents=True)
    (source / "activate").write_text('export ACTIVATED="$prefix"; false\n')
    unpack = source / "conda-unpack"
    unpack.write_text('#!/bin/sh\necho once >>"$(dirname "$0")/../unpacked"\n')
    unpack.chmod(0o755)
    archive = directory / "lab $x.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(directory / "packed", ".")
    return archive


def run(directory: Path, script: Path, environment: Mapping[str, str], *command: str) -> None:
    done = subprocess.run(
        ["/bin/bash", str(script), *command],
        cwd=directory,
        env={"PATH": os.defpath, "HOME": str(directory), **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stdout + done.stderr

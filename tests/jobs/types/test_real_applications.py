"""The shipped applications for real: their environments built, the applications started, used and left.

Needs an index of packages, for what is not in uv's cache yet.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.environments.conftest import make_wheel
from tests.jobs.types.running import Running, get, post, running
from websockets.sync.client import ClientConnection, connect

from uws.config.applications import JUPYTER_PACKAGES, shipped_applications
from uws.config.deployment import Deployment
from uws.jobs.environments.store import EnvironmentStore
from uws.jobs.types.application import ApplicationJob
from uws.jobs.types.base import JobType
from uws.jobs.types.jupyter_lab import JupyterLabJob
from uws.testing.job_types import APPLICATION_TOKEN, build_context, build_deployment, build_job_type

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> EnvironmentStore:
    return EnvironmentStore(tmp_path_factory.mktemp("environments"))


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return build_deployment(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def jupyter(deployment: Deployment) -> JobType:
    return build_job_type(JupyterLabJob, deployment, {"python_packages": JUPYTER_PACKAGES})


def start_environment(store: EnvironmentStore, job_type: JobType) -> Any:
    request = job_type.environment("local")
    assert request is not None
    return store.build(request, print)


@pytest.fixture(scope="module")
def lab(
    store: EnvironmentStore, jupyter: JobType, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    environment = start_environment(store, jupyter)
    with running(jupyter, build_context(tmp_path_factory.mktemp("lab"), environment)) as job:
        job.wait_ready(120)
        yield job


def headers_of(job_type: JobType) -> Mapping[str, str]:
    connection = job_type.connection(APPLICATION_TOKEN, {})
    assert connection is not None
    return connection.headers


class Kernel:
    """One kernel of a running JupyterLab, over its WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def run(self, code: str, seconds: float = 60) -> str:
        """Execute the code and return what it printed. Fails on an exception in it."""
        message_id = uuid.uuid4().hex
        header = {
            "msg_id": message_id,
            "msg_type": "execute_request",
            "username": "",
            "session": "",
            "version": "5.3",
        }
        content = {
            "code": code,
            "silent": False,
            "store_history": False,
            "user_expressions": {},
            "allow_stdin": False,
        }
        message = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
        }
        self._socket.send(json.dumps(message))
        printed = ""
        deadline = time.monotonic() + seconds
        while True:
            answer = json.loads(self._socket.recv(timeout=deadline - time.monotonic()))
            if answer["parent_header"].get("msg_id") != message_id:
                continue
            if answer["msg_type"] == "stream":
                printed += answer["content"]["text"]
            assert answer["msg_type"] != "error", answer["content"]
            if answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle":
                return printed


@pytest.fixture(scope="module")
def kernel(lab: Running, jupyter: JobType) -> Iterator[Kernel]:
    port = lab.wait_ready()
    status, body = post(port, "/api/kernels", {"name": "python3"}, headers_of(jupyter))
    assert status == 201, body
    url = f"ws://127.0.0.1:{port}/api/kernels/{json.loads(body)['id']}/channels"
    with connect(url, additional_headers=dict(headers_of(jupyter)), max_size=None) as socket:
        yield Kernel(socket)


def test_jupyterlab_answers_with_its_token_and_not_without(lab: Running, jupyter: JobType) -> None:
    port = lab.wait_ready()
    assert get(port, "/api/status")[0] == 403
    assert get(port, "/api/status", {"Authorization": "token wrong"})[0] == 403
    assert get(port, "/api/status", headers_of(jupyter))[0] == 200
    assert b"JupyterLab" in get(port, "/lab", headers_of(jupyter))[1]


def test_the_token_shows_in_no_process_and_no_log(lab: Running) -> None:
    record = lab.record()
    assert record is not None
    arguments = Path(f"/proc/{record.command_pid}/cmdline").read_bytes()
    assert APPLICATION_TOKEN.encode() not in arguments
    assert APPLICATION_TOKEN not in lab.log()


def test_the_workspace_is_what_jupyterlab_shows_without_what_is_hidden(
    lab: Running, jupyter: JobType
) -> None:
    (lab.context.place.workspace_directory / "analysis.ipynb").write_text("{}")
    listing = json.loads(get(lab.wait_ready(), "/api/contents/", headers_of(jupyter))[1])
    assert [entry["name"] for entry in listing["content"]] == ["analysis.ipynb"]


def test_an_uploaded_change_needs_no_cookie(lab: Running, jupyter: JobType) -> None:
    status, body = post(lab.wait_ready(), "/api/contents/", {"type": "file"}, headers_of(jupyter))
    assert status == 201, body


def test_settings_stay_in_the_workspace(lab: Running, jupyter: JobType) -> None:
    port, setting = lab.wait_ready(), "@jupyterlab/apputils-extension:themes"
    body = {"raw": '{"theme": "JupyterLab Dark"}'}
    assert post(port, f"/lab/api/settings/{setting}", body, headers_of(jupyter), method="PUT")[0] == 204
    settings = lab.context.place.workspace_directory / ".uws/jupyter/config/lab/user-settings"
    assert list(settings.rglob("themes.jupyterlab-settings"))


def test_a_kernel_computes_in_the_workspace(kernel: Kernel, lab: Running) -> None:
    assert kernel.run("import os, numpy; print(os.getcwd(), numpy.arange(5).sum())") == (
        f"{lab.context.place.workspace_directory} 10\n"
    )


def test_what_a_notebook_installs_lands_in_its_layer_and_can_be_used_at_once(
    kernel: Kernel, lab: Running, tmp_path: Path
) -> None:
    kernel.run(f"%pip install --no-index {make_wheel(tmp_path, 'demo', '2.0')}")
    where, version = kernel.run("import demo; print(demo.__file__, demo.VERSION)").split()
    assert where.startswith(f"{lab.context.place.workspace_directory}/.uws/layer-")
    assert version == "2.0"
    environment = lab.context.environment
    assert environment is not None
    assert not list(environment.site_packages.glob("demo*"))


def test_the_shell_of_a_notebook_finds_the_layers_commands_first(kernel: Kernel, lab: Running) -> None:
    workspace = lab.context.place.workspace_directory
    assert kernel.run("!command -v pip").strip().startswith(f"{workspace}/.uws/layer-")


def test_a_script_uses_what_a_notebook_of_the_workspace_installed(
    store: EnvironmentStore, deployment: Deployment, lab: Running, kernel: Kernel, tmp_path: Path
) -> None:
    kernel.run(f"%pip install --no-index {make_wheel(tmp_path, 'demo', '2.0')}")
    entry = shipped_applications("local")["script"]["environment_details"]["local"]
    job_type = build_job_type(ApplicationJob, deployment, entry)
    (lab.context.place.workspace_directory / "count.py").write_text(
        "import demo, h5py; print(demo.VERSION)\n"
    )
    context = build_context(
        lab.context.place.storage_root,
        start_environment(store, job_type),
        {"script": "count.py"},
        job_id=8,
    )
    with running(job_type, context) as job:
        assert job.wait_ended().reason == "success", job.log()
        assert job.log() == "2.0\n"


def test_marimo_answers_with_its_token_and_not_without_by_http_and_websocket(
    store: EnvironmentStore, deployment: Deployment, tmp_path: Path
) -> None:
    entry = shipped_applications("local")["marimo"]["environment_details"]["local"]
    job_type = build_job_type(ApplicationJob, deployment, entry)
    headers = headers_of(job_type)
    context = build_context(tmp_path, start_environment(store, job_type))
    context.place.workspace_directory.mkdir(parents=True)
    (context.place.workspace_directory / "look.py").write_text("import marimo\napp = marimo.App()\n")
    with running(job_type, context) as job:
        port = job.wait_ready()
        assert get(port, "/api/status")[0] == 401
        assert get(port, "/?file=look.py")[0] == 303
        assert get(port, "/?file=look.py", headers)[0] == 200
        url = f"ws://127.0.0.1:{port}/ws?session_id=s_123456&file=look.py"
        with connect(url, additional_headers=dict(headers)) as socket:
            assert "kernel-ready" in str(socket.recv(timeout=30))

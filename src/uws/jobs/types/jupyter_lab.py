"""JupyterLab in a workspace, from a shared environment, an environment module, or a packed conda environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import BaseModel, Field, model_validator

from uws.config.server import SettingsModel
from uws.jobs.environments.layer import Layer
from uws.jobs.environments.modules import SCRIPT_NAME, module_script
from uws.jobs.environments.requirements import check_python_version, package_name, with_packages
from uws.jobs.resources.base import JobFile, JobScript, Probe
from uws.jobs.types.base import (
    Connection,
    EnvironmentRequest,
    ImproperlyConfigured,
    JobDetailsRefused,
    JobType,
    Preparation,
    ReadyEnvironment,
    StartContext,
)

CONFIG_NAME = "jupyter_server_config.json"
TOKEN_NAME = "token"  # noqa: S105
KERNEL_DIRECTORY = "jupyter/kernels/python3"
PAGE_CONFIG_NAME = "jupyter/labconfig/page_config.json"
ANNOUNCEMENTS = "@jupyterlab/apputils-extension:announcements"
NEEDED_PACKAGES = ("jupyterlab", "ipykernel")
READY_TIMEOUT_SECONDS = 120.0
# Modules and packed environments are made ready by the job itself, before JupyterLab starts.
READY_TIMEOUT_WITH_SET_UP_SECONDS = 1200.0
_NOTEBOOK_PATH_LIMIT = 1024


class JupyterLabEnvironment(SettingsModel):
    """`environment_details` of a JupyterLabJob, for one resource (contract §13)."""

    module_manager: Literal["virtualenv", "lmod", "tar"] = Field(
        "virtualenv",
        description="Where JupyterLab comes from: virtualenv, a shared environment that the server builds; lmod, an "
        "environment module; tar, a conda-pack archive.",
    )
    environment_name: str = Field(
        "jupyter",
        min_length=1,
        max_length=40,
        pattern=r"^[A-Za-z0-9._-]+$",
        description="Name of the environment, for people and in its directory's name.",
    )
    python_version: str | None = Field(
        None, description="Python of the environment, such as 3.12; null: the server's choice."
    )
    python_packages: tuple[str, ...] = Field(
        (),
        description="Packages of the environment, as requirements; jupyterlab and ipykernel are always there.",
    )
    modules: tuple[str, ...] = Field((), description="Environment modules to load; with module_manager lmod.")
    use_local_environment: bool = Field(
        False,
        description="With lmod: make a conda environment with python_packages in the workspace and start from it.",
    )
    tar_file_path: str = Field(
        "", description="Absolute path of the conda-pack archive on the resource; with module_manager tar."
    )
    time_limit: str | int | None = Field(
        None,
        description="Minutes, accepted from configurations of the original server.",
        json_schema_extra={"without_effect": "the time limit is an option of each start; see parameters"},
    )

    @model_validator(mode="after")
    def _fits_together(self) -> JupyterLabEnvironment:
        for package in self.python_packages:
            package_name(package)
        if self.python_version is not None:
            check_python_version(self.python_version.removeprefix("python"))
        for module in self.modules:
            if not module or module.startswith("-") or not module.isprintable():
                raise ValueError(f"modules: {module!r} is no module's name, such as 'jupyter/4.2'")
        if self.module_manager == "lmod" and not self.modules:
            raise ValueError("modules: found none; expected at least one with module_manager lmod")
        if self.module_manager == "tar" and not PurePosixPath(self.tar_file_path).is_absolute():
            raise ValueError(f"tar_file_path: found {self.tar_file_path!r}; expected an absolute path")
        return self


class JupyterLabJob(JobType):
    """JupyterLab on the workspace's directory, opened through the passthrough.

    The server runs from the shared environment, notebooks from the workspace's own layer over it: a package that
    somebody installs can break their notebooks, never the server. Settings persist in `.uws/jupyter`.
    """

    EnvironmentSettings: ClassVar[type[BaseModel]] = JupyterLabEnvironment

    @property
    def is_web_application(self) -> bool:
        return True

    def parameters_schema(self) -> Mapping[str, object]:
        return {
            "type": "object",
            "properties": {
                "notebook_path": {
                    "type": "string",
                    "title": "Notebook",
                    "description": "A notebook of the workspace that the job is started for, such as analysis.ipynb.",
                    "maxLength": _NOTEBOOK_PATH_LIMIT,
                }
            },
        }

    def check_details(self, job_details: Mapping[str, object]) -> None:
        value = job_details.get("notebook_path")
        if value is None or value == "":
            return
        if (
            isinstance(value, str)
            and len(value) <= _NOTEBOOK_PATH_LIMIT
            and value.isprintable()
            and not value.startswith("/")
            and ".." not in value.split("/")
        ):
            return
        raise JobDetailsRefused(
            f"job_details.notebook_path: found {repr(value)[:100]}; expected a path inside the workspace, "
            f"such as 'analysis.ipynb'."
        )

    def environment(self, resource_key: str) -> EnvironmentRequest | None:
        settings = self.details(resource_key, JupyterLabEnvironment)
        if settings.module_manager != "virtualenv":
            return None
        return EnvironmentRequest(
            name=settings.environment_name,
            packages=with_packages(settings.python_packages, NEEDED_PACKAGES),
            python=settings.python_version and settings.python_version.removeprefix("python"),
        )

    def prepare(self, resource_key: str, context: StartContext) -> Preparation:
        settings = self.details(resource_key, JupyterLabEnvironment)
        files = [
            _json_file(CONFIG_NAME, _server_config(context)),
            JobFile(TOKEN_NAME, context.application_token.encode()),
            # Its news can't be fetched (`news_url`), so nobody is asked whether they want them.
            _json_file(PAGE_CONFIG_NAME, {"disabledExtensions": {ANNOUNCEMENTS: True}}),
        ]
        if settings.module_manager == "virtualenv":
            if context.environment is None:
                raise ImproperlyConfigured(f"The environment {settings.environment_name} is not ready.")
            layer = Layer.of(context.place.workspace_directory, context.environment)
            files += [layer.file(), *_kernel_files(layer)]
            script = _script(
                context,
                start=(str(context.environment.python), "-I"),
                prologue=(layer.prologue(),),
                environment=layer.variables | {"JUPYTER_PATH": f"{{job_directory}}/jupyter:{layer.share}"},
                ready_timeout_seconds=READY_TIMEOUT_SECONDS,
            )
        else:
            files.append(JobFile(SCRIPT_NAME, _module_script(settings, context).encode()))
            script = _script(
                context,
                start=("/bin/bash", f"{{job_directory}}/{SCRIPT_NAME}", "python", "-s"),
                prologue=(),
                environment={"PATH": "/usr/local/bin:/usr/bin:/bin"},
                ready_timeout_seconds=READY_TIMEOUT_WITH_SET_UP_SECONDS,
            )
        return Preparation(script, tuple(files))

    def connection(self, application_token: str, job_details: Mapping[str, object]) -> Connection:
        return Connection(path="/lab", headers=_authorization(application_token))

    def open_path(self, job_details: Mapping[str, object]) -> str | None:
        notebook_path = job_details.get("notebook_path")
        return (
            f"/lab/tree/{quote(notebook_path)}" if isinstance(notebook_path, str) and notebook_path else None
        )


def _authorization(token: str) -> dict[str, str]:
    return {"Authorization": f"token {token}"}


def _module_script(settings: JupyterLabEnvironment, context: StartContext) -> str:
    return module_script(
        prefix=context.place.workspace_directory / ".uws" / f"environment-{settings.environment_name}",
        modules=settings.modules if settings.module_manager == "lmod" else (),
        archive=settings.tar_file_path if settings.module_manager == "tar" else None,
        conda_packages=(
            with_packages(settings.python_packages, NEEDED_PACKAGES)
            if settings.module_manager == "lmod" and settings.use_local_environment
            else None
        ),
        python_version=settings.python_version and settings.python_version.removeprefix("python"),
    )


def _script(
    context: StartContext,
    *,
    start: tuple[str, ...],
    prologue: tuple[Any, ...],
    environment: Mapping[str, str],
    ready_timeout_seconds: float,
) -> JobScript:
    persistent = context.place.workspace_directory / ".uws" / "jupyter"
    return JobScript(
        command=(
            *start,
            *("-m", "jupyterlab", f"--config={{job_directory}}/{CONFIG_NAME}"),
            *("--ServerApp.ip={host}", "--ServerApp.port={port}"),
        ),
        environment={
            **environment,
            "JUPYTER_CONFIG_PATH": "{job_directory}/jupyter",
            "JUPYTER_CONFIG_DIR": str(persistent / "config"),
            "JUPYTER_DATA_DIR": str(persistent / "data"),
            "IPYTHONDIR": str(persistent / "ipython"),
            "JUPYTER_RUNTIME_DIR": "{job_directory}/runtime",
            "JUPYTER_TOKEN_FILE": f"{{job_directory}}/{TOKEN_NAME}",
        },
        output=f"JupyterLabJob_{context.job_id}_output.log",
        prologue=prologue,
        probe=Probe("/api/status", _authorization(context.application_token), (200,), ready_timeout_seconds),
        needs_port=True,
    )


def _server_config(context: StartContext) -> dict[str, object]:
    server: dict[str, object] = {
        "port_retries": 0,
        "open_browser": False,
        "no_browser_open_file": True,
        "root_dir": str(context.place.workspace_directory),
        "base_url": "/",
        # The Host is the job's own name, such as job-12.localhost: the passthrough has checked it, and the Origin.
        "allow_remote_access": True,
        "trust_xheaders": True,
        # Not the login shell that it would be otherwise: /etc/profile sets another PATH, without the layer.
        "terminado_settings": {"shell_command": ["bash"]},
    }
    if context.place.identity.uid == 0:
        server["allow_root"] = True
    return {
        "ServerApp": server,
        # A file deleted in JupyterLab would go to the account's trash, outside the workspace, and still use its quota.
        "FileContentsManager": {"delete_to_trash": False, "always_delete_dir": True},
        # No calls to the outside, and no installing of front-end parts that only the shared environment may bring.
        "LabApp": {
            "extension_manager": "readonly",
            "news_url": None,
            "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        },
    }


def _kernel_files(layer: Layer) -> list[JobFile]:
    """The kernel `python3`, which runs from the layer; it hides the one of the shared environment."""
    spec = {
        "argv": [
            *(str(layer.python), "-Xfrozen_modules=off", "-m", "ipykernel_launcher"),
            *("-f", "{connection_file}"),
        ],
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "metadata": {"debugger": True},
    }
    return [_json_file(f"{KERNEL_DIRECTORY}/kernel.json", spec), *_logo(layer.environment)]


def _logo(environment: ReadyEnvironment) -> list[JobFile]:
    logo = environment.directory / "share" / KERNEL_DIRECTORY / "logo-svg.svg"
    try:
        return [JobFile(f"{KERNEL_DIRECTORY}/logo-svg.svg", logo.read_bytes())]
    except FileNotFoundError:  # another version of ipykernel may bring none
        return []


def _json_file(name: str, content: Mapping[str, object]) -> JobFile:
    return JobFile(name, json.dumps(content, indent=1).encode())

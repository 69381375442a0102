"""The configuration that the first start writes: everything on this machine, nothing beside this project."""

from __future__ import annotations

import json
import os
from typing import Any

from uws.config.applications import JUPYTER_ENVIRONMENT_NAME, JUPYTER_PACKAGES, shipped_applications

_SMALLEST_MEMORY_MB = 256
_USUAL_MEMORY_MB = 2048


def default_config(*, cpu_count: int | None = None, memory_mb: int | None = None) -> dict[str, Any]:
    """Return the tree that becomes `config.json` at the first start.

    `cpu_count` and `memory_mb` (MiB) bound what one job may ask for; by default they are the machine's own.
    """
    cpus = cpu_count if cpu_count is not None else len(os.sched_getaffinity(0))
    memory = max(memory_mb if memory_mb is not None else _machine_memory_mb(), _SMALLEST_MEMORY_MB)
    return {
        "api_user_authentication": "local",
        "main_storage": "local",
        "main_resource": "local",
        "available_user_authentication": {
            "local": {
                "name": "Accounts of this server",
                "user_authentication_type": "LocalUserAuthentication",
                "connection_details": {},
            }
        },
        "available_storage": {
            "local": {
                "name": "This machine's disk",
                "storage_type": "LocalFileSystemStorage",
                "user_authentication": "local",
                "root_dir": "workspaces",
                "data_collections": [
                    {
                        "name": "Data",
                        "path": "data",
                        "description": "What the operator has put into data/ of the data directory.",
                    }
                ],
            }
        },
        "available_resources": {
            "local": {
                "name": "This machine",
                "resource_type": "LocalResource",
                "storage": "local",
                "user_authentication": "local",
            }
        },
        "available_job_types": _job_types(),
        "parameters": _parameters(cpus, memory),
        "server": {},
    }


def default_config_text(*, cpu_count: int | None = None, memory_mb: int | None = None) -> str:
    """Return `default_config` as the text of the file: indented JSON and a final newline."""
    return (
        json.dumps(default_config(cpu_count=cpu_count, memory_mb=memory_mb), indent=2, ensure_ascii=False)
        + "\n"
    )


def _machine_memory_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024**2


def _job_types() -> dict[str, Any]:
    return {
        "jupyter_lab": {
            "name": "JupyterLab",
            "job_type": "JupyterLabJob",
            "description": "Notebooks, a terminal and a file browser, in the workspace.",
            "icon": "jupyter",
            "environment_details": {
                "local": {
                    "module_manager": "virtualenv",
                    "environment_name": JUPYTER_ENVIRONMENT_NAME,
                    "python_packages": JUPYTER_PACKAGES,
                }
            },
        },
        **shipped_applications("local"),
        "local_test_job": {
            "name": "Test job",
            "job_type": "LocalTestJob",
            "description": "Writes one line and waits ten seconds: shows that jobs run.",
            "icon": "test",
            "environment_details": {"local": {}},
        },
    }


def _parameters(cpus: int, memory_mb: int) -> list[dict[str, Any]]:
    return [
        {
            "display_name": "CPUs",
            "description": "How many CPUs the job may use.",
            "variable_name": "num_cpus",
            "default_value": 1,
            "validation": {"type": "int", "min": 1, "max": cpus},
        },
        {
            "display_name": "Memory (MB)",
            "description": "How much memory the job may use.",
            "variable_name": "memory_mb",
            "default_value": min(_USUAL_MEMORY_MB, memory_mb),
            "validation": {"type": "int", "min": _SMALLEST_MEMORY_MB, "max": memory_mb},
        },
        {
            "display_name": "Time limit (minutes)",
            "description": "After this time the job is ended.",
            "variable_name": "time_limit_minutes",
            "default_value": 60,
            "validation": {"type": "int", "min": 1, "max": 720},
        },
    ]

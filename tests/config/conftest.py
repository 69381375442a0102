"""A small valid configuration, and one way to load a changed copy of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

from uws.config.load import LoadedConfig, load
from uws.config.mistakes import ConfigError, Mistake

DOUBLES = "tests.config.doubles"

Tree = dict[str, Any]
Load = Callable[..., LoadedConfig]
Mistakes = Callable[..., list[Mistake]]


def installed_doubles() -> EntryPoints:
    return EntryPoints(
        [
            EntryPoint("LocalUserAuthentication", f"{DOUBLES}:DoubleAuthentication", "uws.authentication"),
            EntryPoint("LocalFileSystemStorage", f"{DOUBLES}:DoubleStorage", "uws.storage"),
            EntryPoint("LocalResource", f"{DOUBLES}:DoubleResource", "uws.resources"),
            EntryPoint("JupyterLabJob", f"{DOUBLES}:DoubleNotebook", "uws.job_types"),
            EntryPoint("LocalTestJob", f"{DOUBLES}:DoubleTestJob", "uws.job_types"),
            EntryPoint("ApplicationJob", f"{DOUBLES}:DoubleOpenJob", "uws.job_types"),
        ]
    )


@pytest.fixture
def tree() -> Tree:
    return {
        "api_user_authentication": "local",
        "main_storage": "local",
        "main_resource": "here",
        "available_user_authentication": {
            "local": {"name": "Local", "user_authentication_type": "LocalUserAuthentication"}
        },
        "available_storage": {
            "local": {
                "name": "Disk",
                "storage_type": "LocalFileSystemStorage",
                "user_authentication": "local",
                "root_dir": "workspaces",
            }
        },
        "available_resources": {
            "here": {
                "name": "This machine",
                "resource_type": "LocalResource",
                "storage": "local",
                "user_authentication": "local",
            }
        },
        "available_job_types": {
            "jupyter_lab": {
                "name": "JupyterLab",
                "job_type": "JupyterLabJob",
                "environment_details": {"here": {"module_manager": "virtualenv"}},
            }
        },
        "parameters": [
            {
                "display_name": "CPUs",
                "description": "How many.",
                "variable_name": "num_cpus",
                "default_value": 1,
                "validation": {"type": "int", "min": 1, "max": 4},
            }
        ],
    }


@pytest.fixture
def load_tree(tmp_path: Path) -> Load:
    """Write a tree (or a file's text) to `config.json` (0600); load it with the doubles installed."""

    def loaded(content: Tree | str | bytes, environ: dict[str, str] | None = None) -> LoadedConfig:
        text = json.dumps(content) if isinstance(content, dict) else content
        path = tmp_path / "config.json"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(0o600)
        return load(None, data_dir=tmp_path, environ=environ or {}, installed=installed_doubles())

    return loaded


@pytest.fixture
def mistakes_of(load_tree: Load) -> Mistakes:
    """Load a tree that must be refused, and return its mistakes."""

    def mistakes(content: Tree | str | bytes, environ: dict[str, str] | None = None) -> list[Mistake]:
        with pytest.raises(ConfigError) as refused:
            load_tree(content, environ)
        return list(refused.value.mistakes)

    return mistakes


def change(tree: Tree, keys: Iterable[str | int], value: Any) -> Tree:
    """Set one value of a tree, by its keys; returns the tree."""
    *above, last = keys
    inner: Any = tree
    for key in above:
        inner = inner.setdefault(key, {}) if isinstance(inner, dict) else inner[key]
    inner[last] = value
    return tree

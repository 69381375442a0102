"""From a name in `config.json` to a plugin class, in one order for all four kinds.

1. An entry point of that name in the kind's group (`uws.storage` …): how installed packages offer plugins.
2. A dotted path, `package.module:Class` or `package.module.Class`.
3. The original server's well-known class names.

Class names are looked up, never guessed: `uws admin check` prints which of the three it was.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from typing import Any

from pydantic import BaseModel

from uws.config.mistakes import nearest, one_of
from uws.config.models import AuthenticationEntry, JobTypeEntry, ResourceEntry, StorageEntry


class PluginKind(StrEnum):
    """The four kinds of plugins. The value is the entry points' group."""

    AUTHENTICATION = "uws.authentication"
    STORAGE = "uws.storage"
    RESOURCE = "uws.resources"
    JOB_TYPE = "uws.job_types"

    @property
    def entry_model(self) -> type[BaseModel]:
        """The model that the `Settings` of every plugin of this kind sub-class."""
        return _ENTRY_MODELS[self]

    @property
    def config_key(self) -> str:
        """The map of `config.json` that holds the entries of this kind."""
        return _CONFIG_KEYS[self]

    @property
    def class_key(self) -> str:
        """The key of an entry that names the class."""
        return _CLASS_KEYS[self]


_ENTRY_MODELS: Mapping[PluginKind, type[BaseModel]] = {
    PluginKind.AUTHENTICATION: AuthenticationEntry,
    PluginKind.STORAGE: StorageEntry,
    PluginKind.RESOURCE: ResourceEntry,
    PluginKind.JOB_TYPE: JobTypeEntry,
}
_CONFIG_KEYS: Mapping[PluginKind, str] = {
    PluginKind.AUTHENTICATION: "available_user_authentication",
    PluginKind.STORAGE: "available_storage",
    PluginKind.RESOURCE: "available_resources",
    PluginKind.JOB_TYPE: "available_job_types",
}
_CLASS_KEYS: Mapping[PluginKind, str] = {
    PluginKind.AUTHENTICATION: "user_authentication_type",
    PluginKind.STORAGE: "storage_type",
    PluginKind.RESOURCE: "resource_type",
    PluginKind.JOB_TYPE: "job_type",
}

_WELL_KNOWN: Mapping[PluginKind, Mapping[str, str | None]] = {
    PluginKind.AUTHENTICATION: {
        "LocalUserAuthentication": "uws.accounts.authentication.local:LocalUserAuthentication",
        "GlobusUserAuthentication": None,
        "PSCAPIUserAuthentication": None,
    },
    PluginKind.STORAGE: {
        "LocalFileSystemStorage": "uws.workspaces.storage.local:LocalFileSystemStorage",
        "HubmapLocalFileSystemStorage": None,
    },
    PluginKind.RESOURCE: {
        "LocalResource": "uws.jobs.resources.local:LocalResource",
        "SlurmAPIResource": None,
    },
    PluginKind.JOB_TYPE: {
        "JupyterLabJob": "uws.jobs.types.jupyter_lab:JupyterLabJob",
        "LocalTestJob": "uws.jobs.types.local_test:LocalTestJob",
        "AppyterJob": None,
        "YACJob": None,
    },
}
"""The original server's class names (contract §14); None where this release has no such class."""


class UnknownPlugin(Exception):
    """No usable class has this name. `found` and `expected` end a sentence, `hint` is the nearest name."""

    def __init__(self, found: str, expected: str, hint: str = "") -> None:
        super().__init__(f"found {found}; expected {expected}")
        self.found = found
        self.expected = expected
        self.hint = hint


@dataclass(frozen=True)
class Resolution:
    """A plugin class, and how it was found: `entry point of NAME VERSION`, `dotted path` …"""

    cls: type[Any]
    found_by: str


@cache
def _installed() -> EntryPoints:
    # Reads the metadata of every installed distribution; they don't change while a process runs.
    return EntryPoints(point for group in PluginKind for point in entry_points(group=group.value))


def known_names(kind: PluginKind, installed: EntryPoints | None = None) -> list[str]:
    """Return the class names that can be written without a dotted path, sorted."""
    points = (_installed() if installed is None else installed).select(group=kind.value)
    own = {name for name, target in _WELL_KNOWN[kind].items() if target is not None}
    return sorted(own | {point.name for point in points})


def resolve(kind: PluginKind, name: str, *, installed: EntryPoints | None = None) -> Resolution:
    """Find the class that an entry names.

    `installed` are the entry points to look among (default: all of this Python environment).
    Raises `UnknownPlugin`: nothing has this name, it can't be imported, or it is no plugin of this kind.
    """
    points = list((_installed() if installed is None else installed).select(group=kind.value, name=name))
    targets = {point.value for point in points}
    if len(targets) > 1:
        owners = one_of(sorted(point.dist.name if point.dist else point.value for point in points))
        raise UnknownPlugin(
            f'"{name}", which several packages offer ({owners})', "a dotted path, to say which"
        )
    if points:
        dist = points[0].dist
        found_by = f"entry point of {dist.name} {dist.version}" if dist else "entry point"
        return Resolution(_checked(kind, name, points[0].value), found_by)
    if ":" in name or "." in name:
        return Resolution(_checked(kind, name, name), "dotted path")
    if name in _WELL_KNOWN[kind]:
        target = _WELL_KNOWN[kind][name]
        if target is None:
            raise UnknownPlugin(
                f'"{name}", which is not part of this release',
                f"one of {one_of(known_names(kind, installed))}",
            )
        return Resolution(_checked(kind, name, target), "well-known name")
    known = known_names(kind, installed)
    raise UnknownPlugin(
        f'"{name}", which is no known class',
        f"one of {one_of(known)}, or package.module:Class",
        nearest(name, known),
    )


def _checked(kind: PluginKind, name: str, target: str) -> type[Any]:
    module_name, separator, class_name = target.partition(":")
    if not separator:
        module_name, _, class_name = target.rpartition(".")
    shown = f'"{name}"' if name == target else f'"{name}" ({target})'
    expected = "package.module:Class of an installed package"
    if not all(part.isidentifier() for part in (*module_name.split("."), class_name)):
        raise UnknownPlugin(shown, expected)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # Whatever a stranger's module raises on import, the operator reads it.
        problem = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UnknownPlugin(f"{shown}, which can't be imported ({problem})", expected) from error
    cls = getattr(module, class_name, None)
    if cls is None:
        classes = [key for key, value in vars(module).items() if isinstance(value, type)]
        raise UnknownPlugin(
            f'{shown}, but {module_name} has no "{class_name}"', expected, nearest(class_name, classes)
        )
    settings = getattr(cls, "Settings", None)
    model = kind.entry_model
    if not (isinstance(cls, type) and isinstance(settings, type) and issubclass(settings, model)):
        raise UnknownPlugin(
            f"{shown}, which is no plugin for {kind.config_key}",
            f"a class whose Settings sub-class uws.config.models.{model.__name__}",
        )
    return cls

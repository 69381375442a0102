"""Reads `config.json`: every mistake is found, not only the first, and every plugin class is there.

Nothing is called out to and nothing is built: plugin classes are imported, their entries validated by their
own `Settings`. `uws.site.build` makes the parts from what `load` returns.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoints
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel

from uws.config.cautions import find_warnings
from uws.config.checks import (
    check_entry_keys,
    check_parameters,
    check_references,
    check_server,
    entries_of,
    unknown_reference,
)
from uws.config.deployment import CONFIG_NAME
from uws.config.mistakes import ConfigError, ConfigWarning, shown
from uws.config.models import AuthenticationEntry, Config, JobTypeEntry, ResourceEntry, StorageEntry
from uws.config.reading import read_config
from uws.config.references import ReferenceContext
from uws.config.resolver import PluginKind, Resolution, UnknownPlugin, resolve
from uws.config.schema import keys_of
from uws.config.validation import already_noted, validate
from uws.config.values import Mistakes, Origins, apply_environment, substitute_references

Entry = TypeVar("Entry", bound=BaseModel)
Entry_co = TypeVar("Entry_co", bound=BaseModel, covariant=True)


@dataclass(frozen=True)
class PluginSpec(Generic[Entry_co]):
    """One plugin as configured: its key, its class, its validated entry, and how the class was found."""

    key: str
    cls: type[Any]
    settings: Entry_co
    found_by: str


@dataclass(frozen=True)
class Plugins:
    """The configured plugins by kind and key, in the order of the file."""

    authentication: Mapping[str, PluginSpec[AuthenticationEntry]]
    storage: Mapping[str, PluginSpec[StorageEntry]]
    resources: Mapping[str, PluginSpec[ResourceEntry]]
    job_types: Mapping[str, PluginSpec[JobTypeEntry]]


@dataclass(frozen=True)
class LoadedConfig:
    """A configuration without mistakes."""

    path: Path
    config: Config
    plugins: Plugins
    warnings: tuple[ConfigWarning, ...]


def load(
    path: Path | None,
    *,
    data_dir: Path,
    environ: Mapping[str, str] | None = None,
    installed: EntryPoints | None = None,
) -> LoadedConfig:
    """Read, resolve and validate the configuration.

    `path` is the file (default: `config.json` in `data_dir`), `environ` where `${NAME}` and `UWS_SERVER__…`
    are looked up (default: this process's environment), `installed` the entry points to find plugins among
    (default: those of this Python environment). Raises `ConfigError` with every mistake.
    """
    path = path if path is not None else data_dir / CONFIG_NAME
    environ = os.environ if environ is None else environ
    tree, first_mistakes, readable_by_others = read_config(path)
    mistakes = Mistakes(path.name, Origins())
    mistakes.extend(first_mistakes)
    apply_environment(tree, environ, mistakes)
    written = tree
    variables = {**environ, "DATA_DIR": str(data_dir)}
    tree = cast("dict[str, Any]", substitute_references(tree, variables, mistakes))

    loader = _Loader(tree, mistakes, ReferenceContext(data_dir), installed)
    config, plugins = loader.run()
    if mistakes.found or config is None:
        raise ConfigError(mistakes.found)
    warnings = find_warnings(config, written, loader.context, mistakes, readable_by_others)
    return LoadedConfig(path, config, plugins, tuple(warnings))


class _Loader:
    """One run over one tree. Goes on after a mistake, so that all of them are told at once."""

    def __init__(
        self,
        tree: dict[str, Any],
        mistakes: Mistakes,
        context: ReferenceContext,
        installed: EntryPoints | None,
    ) -> None:
        self.tree = tree
        self.mistakes = mistakes
        self.context = context
        self.resolve = partial(resolve, installed=installed)

    def run(self) -> tuple[Config | None, Plugins]:
        check_references(self.tree, self.mistakes)
        check_entry_keys(self.tree, self.mistakes)
        config = self._frame()
        check_parameters(self.tree, self.mistakes)
        plugins = Plugins(
            authentication=self._entries(PluginKind.AUTHENTICATION, AuthenticationEntry),
            storage=self._entries(PluginKind.STORAGE, StorageEntry),
            resources=self._entries(PluginKind.RESOURCE, ResourceEntry),
            job_types=self._entries(PluginKind.JOB_TYPE, JobTypeEntry),
        )
        if config is None:
            return None, plugins
        check_server(config.server, self.mistakes)
        entries = {
            PluginKind.AUTHENTICATION.config_key: {k: s.settings for k, s in plugins.authentication.items()},
            PluginKind.STORAGE.config_key: {k: s.settings for k, s in plugins.storage.items()},
            PluginKind.RESOURCE.config_key: {k: s.settings for k, s in plugins.resources.items()},
            PluginKind.JOB_TYPE.config_key: {k: s.settings for k, s in plugins.job_types.items()},
        }
        return config.model_copy(update=entries), plugins

    def _frame(self) -> Config | None:
        """Validate all but the entries: those are validated by their plugins, who alone know their keys."""
        keys = {kind.config_key for kind in PluginKind}
        frame = {k: {} if k in keys and isinstance(v, dict) else v for k, v in self.tree.items()}
        return validate(Config, frame, (), self.mistakes, self.context)

    def _entries(self, kind: PluginKind, entry_model: type[Entry]) -> dict[str, PluginSpec[Entry]]:
        specs: dict[str, PluginSpec[Entry]] = {}
        for key, entry in entries_of(self.tree, kind).items():
            spec = self._entry(kind, entry_model, key, entry)
            if spec is not None:
                specs[key] = spec
        return specs

    def _entry(
        self, kind: PluginKind, entry_model: type[Entry], key: str, entry: object
    ) -> PluginSpec[Entry] | None:
        place = (kind.config_key, key)
        if not isinstance(entry, dict):
            self.mistakes.add("wrong_type", place, shown(entry), "an object")
            return None
        resolution = self._class(kind, entry, (*place, kind.class_key))
        if resolution is None:
            # What every entry of this kind must have can be told without the class.
            base = {name: value for name, value in entry.items() if name in keys_of(entry_model)}
            base.pop("connection_details", None)
            validate(entry_model, base, place, self.mistakes, self.context)
            return None
        settings_model: type[Entry] = resolution.cls.Settings
        settings = validate(settings_model, entry, place, self.mistakes, self.context)
        if settings is not None and isinstance(settings, JobTypeEntry):
            details = self._environments(settings, resolution.cls, (*place, "environment_details"))
            settings = settings.model_copy(update={"environment_details": details})
        if settings is None or already_noted(self.mistakes, place):
            return None
        return PluginSpec(key, resolution.cls, settings, resolution.found_by)

    def _class(self, kind: PluginKind, entry: Mapping[str, Any], place: tuple[str, ...]) -> Resolution | None:
        name = entry.get(kind.class_key)
        if not isinstance(name, str) or not name:
            return None  # The entry's own model tells.
        try:
            return self.resolve(kind, name)
        except UnknownPlugin as problem:
            self.mistakes.add("unknown_class", place, problem.found, problem.expected, problem.hint)
            return None

    def _environments(self, entry: JobTypeEntry, cls: type[Any], place: tuple[str, ...]) -> dict[str, Any]:
        """Validate `environment_details`, written for each resource or once for all."""
        resources = entries_of(self.tree, PluginKind.RESOURCE)
        model = getattr(cls, "EnvironmentSettings", None)
        fields = keys_of(model) if model is not None else {}
        details = entry.environment_details
        if not _is_for_each_resource(details, resources, fields):
            shared = self._environment(details, model, place)
            return dict.fromkeys(resources, shared)
        for key in details:
            if key not in resources:
                unknown_reference((*place, key), key, PluginKind.RESOURCE, resources, self.mistakes)
        return {key: self._environment(value, model, (*place, key)) for key, value in details.items()}

    def _environment(self, details: object, model: type[BaseModel] | None, place: tuple[str, ...]) -> object:
        if not isinstance(details, dict):
            self.mistakes.add("wrong_type", place, shown(details), "an object")
            return None
        if model is None:
            return details
        return validate(model, details, place, self.mistakes, self.context)


def _is_for_each_resource(
    details: Mapping[str, Any], resources: Mapping[str, Any], fields: Mapping[str, Any]
) -> bool:
    """Tell the two ways to write `environment_details` apart, also where something in it is misspelled."""
    if not details:
        return False
    if any(key in resources for key in details):
        return True
    if any(key in fields for key in details):
        return False
    return all(isinstance(value, dict) for value in details.values())

"""What doesn't stop the start but is likely not meant so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from uws.config.mistakes import ConfigWarning, Place, json_path
from uws.config.models import Config
from uws.config.references import ReferenceContext, has_reference
from uws.config.schema import keys_of
from uws.config.values import Mistakes


def find_warnings(
    config: Config,
    written: Mapping[str, Any],
    context: ReferenceContext,
    mistakes: Mistakes,
    readable_by_others: bool,
) -> list[ConfigWarning]:
    """Return all warnings about a configuration without mistakes.

    `written` is the tree before references were replaced, `mistakes` knows where values came from, and
    `readable_by_others` says whether other accounts of the machine can read the file.
    """
    source = mistakes.source
    warnings = [
        ConfigWarning(
            "readable_secret", "", f"other accounts can read it; expected mode 0600: chmod 600 {name}", name
        )
        for name in sorted(context.readable_secret_files)
    ]
    for place, model in _models(config):
        warnings += _without_effect(place, model, source)
        if readable_by_others:
            warnings += _written_out_secrets(place, model, written, mistakes)
    warnings += _parameter_names(config, source)
    warnings += _collections(config, source)
    warnings += _job_types(config, source)
    main = config.available_resources[config.main_resource]
    if main.storage != config.main_storage:
        text = f'"{main.storage}" is not main_storage, "{config.main_storage}": jobs may not see workspaces'
        place = ("available_resources", config.main_resource, "storage")
        warnings.append(ConfigWarning("other_storage", json_path(place), text, source))
    return warnings


def _models(value: object, place: Place = ()) -> Iterator[tuple[Place, BaseModel]]:
    if isinstance(value, BaseModel):
        yield place, value
        for key, name in ((field.alias or name, name) for name, field in type(value).model_fields.items()):
            yield from _models(getattr(value, name), (*place, key))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _models(item, (*place, key))
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from _models(item, (*place, index))


def _without_effect(place: Place, model: BaseModel, source: str) -> Iterator[ConfigWarning]:
    for key, field in keys_of(type(model)).items():
        extra = field.json_schema_extra
        reason = extra.get("without_effect") if isinstance(extra, dict) else None
        value = getattr(model, key, None)
        if reason is not None and value not in (None, field.default):
            text = f"accepted, but without effect: {reason}"
            yield ConfigWarning("without_effect", json_path((*place, key)), text, source)


def _written_out_secrets(
    place: Place, model: BaseModel, written: Mapping[str, Any], mistakes: Mistakes
) -> Iterator[ConfigWarning]:
    for key, name in ((field.alias or name, name) for name, field in type(model).model_fields.items()):
        where = (*place, key)
        value = getattr(model, name)
        if (
            not isinstance(value, SecretStr)
            or not value.get_secret_value()
            or mistakes.origins.variable_at(where)
        ):
            continue
        raw: Any = written
        for step in where:
            raw = raw.get(step) if isinstance(raw, Mapping) else None
        if isinstance(raw, str) and not raw.startswith("file:") and not has_reference(raw):
            text = "a secret is written out in a file that others can read; chmod 600 it, or use file:/path"
            yield ConfigWarning("readable_secret", json_path(where), text, mistakes.source)


def _parameter_names(config: Config, source: str) -> Iterator[ConfigWarning]:
    names = [parameter.variable_name for parameter in config.parameters]
    if "time_limit_min" in names and "time_limit_minutes" not in names:
        path = json_path(("parameters", names.index("time_limit_min"), "variable_name"))
        text = (
            'portals send "time_limit_minutes", and options that no parameter names are ignored: '
            'rename "time_limit_min", or add a parameter "time_limit_minutes"'
        )
        yield ConfigWarning("time_limit_name", path, text, source)


def _collections(config: Config, source: str) -> Iterator[ConfigWarning]:
    for key, storage in config.available_storage.items():
        for index, collection in enumerate(storage.data_collections):
            if not collection.path.is_dir():
                path = json_path(("available_storage", key, "data_collections", index, "path"))
                text = f"{collection.path} is no directory that the server can see: nobody can link to it now"
                yield ConfigWarning("missing_collection", path, text, source)


def _job_types(config: Config, source: str) -> Iterator[ConfigWarning]:
    for key, entry in config.available_job_types.items():
        if config.main_resource not in entry.environment_details:
            path = json_path(("available_job_types", key, "environment_details"))
            text = (
                f'nothing for main_resource, "{config.main_resource}": this job type can\'t be started there'
            )
            yield ConfigWarning("no_environment", path, text, source)

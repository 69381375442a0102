"""What no single model can see: references between the parts, and parameters that contradict themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, assert_never
from urllib.parse import urlsplit

from pydantic import ValidationError

from uws.config.mistakes import Place, nearest, one_of, shown
from uws.config.models import Parameter
from uws.config.resolver import PluginKind
from uws.config.server import ServerSettings
from uws.config.values import Mistakes

_MAIN_REFERENCES: Mapping[str, PluginKind] = {
    "api_user_authentication": PluginKind.AUTHENTICATION,
    "main_storage": PluginKind.STORAGE,
    "main_resource": PluginKind.RESOURCE,
}
_ENTRY_REFERENCES: Mapping[PluginKind, Mapping[str, PluginKind]] = {
    PluginKind.STORAGE: {"user_authentication": PluginKind.AUTHENTICATION},
    PluginKind.RESOURCE: {
        "user_authentication": PluginKind.AUTHENTICATION,
        "storage": PluginKind.STORAGE,
    },
}

_LONGEST_KEY = 64


def entries_of(tree: Mapping[str, Any], kind: PluginKind) -> dict[str, Any]:
    """Return one kind's entries as they stand in the tree; empty where there is no object."""
    entries = tree.get(kind.config_key)
    return entries if isinstance(entries, dict) else {}


def check_references(tree: Mapping[str, Any], mistakes: Mistakes) -> None:
    """Every key that names an entry must name one that is there."""
    for key, kind in _MAIN_REFERENCES.items():
        _check_reference(tree, (key,), tree.get(key), kind, mistakes)
    for kind, references in _ENTRY_REFERENCES.items():
        for name, entry in entries_of(tree, kind).items():
            if isinstance(entry, dict):
                for key, target in references.items():
                    _check_reference(tree, (kind.config_key, name, key), entry.get(key), target, mistakes)


def _check_reference(
    tree: Mapping[str, Any], place: Place, value: object, target: PluginKind, mistakes: Mistakes
) -> None:
    if isinstance(value, str) and isinstance(tree.get(target.config_key), dict):
        names = entries_of(tree, target)
        if value not in names:
            unknown_reference(place, value, target, names, mistakes)


def unknown_reference(
    place: Place, value: str, target: PluginKind, names: Mapping[str, object], mistakes: Mistakes
) -> None:
    """Note that `value`, at `place`, names no entry of the kind `target`; `names` are those there are."""
    if names:
        expected = f"one of the keys of {target.config_key}: {one_of(names)}"
    else:
        expected = f"a key of {target.config_key}, which is empty"
    mistakes.add("unknown_reference", place, shown(value), expected, nearest(value, names))


def check_entry_keys(tree: Mapping[str, Any], mistakes: Mistakes) -> None:
    """Keys of entries go into records, addresses and file names: short, printable, without a slash."""
    for kind in PluginKind:
        for key in entries_of(tree, kind):
            if not key or len(key) > _LONGEST_KEY or not key.isprintable() or "/" in key:
                expected = f"a key of 1 to {_LONGEST_KEY} printable characters without a slash"
                mistakes.add("wrong_value", (kind.config_key, key), shown(key), expected)


def check_parameters(tree: Mapping[str, Any], mistakes: Mistakes) -> None:
    """Parameters must not contradict themselves or each other."""
    parameters = tree.get("parameters")
    first_places: dict[str, int] = {}
    for index, entry in enumerate(parameters if isinstance(parameters, list) else []):
        place: Place = ("parameters", index)
        try:
            parameter = Parameter.model_validate(entry)
        except ValidationError:
            continue  # Told by the validation of the whole.
        first = first_places.setdefault(parameter.variable_name, index)
        if first != index:
            expected = f"a name of its own: $.parameters[{first}] has this one"
            mistakes.add(
                "duplicate_parameter", (*place, "variable_name"), shown(parameter.variable_name), expected
            )
        _check_bounds(parameter, place, mistakes)


def _check_bounds(parameter: Parameter, place: Place, mistakes: Mistakes) -> None:
    rules, default = parameter.validation, parameter.default_value
    low, high = rules.min, rules.max
    if rules.type in ("bool", "str"):
        for key, bound in (("min", low), ("max", high)):
            if bound is not None:
                expected = f"no {key} for the type {rules.type}"
                mistakes.add("parameter_bounds", (*place, "validation", key), shown(bound), expected)
    elif low is not None and high is not None and low > high:
        mistakes.add(
            "parameter_bounds", (*place, "validation", "min"), shown(low), f"at most max, which is {high}"
        )
        return
    if default is None:
        return
    where = (*place, "default_value")
    if not _has_type(default, rules.type):
        mistakes.add("parameter_default", where, shown(default), f"a value of validation.type, {rules.type}")
    elif isinstance(default, int | float) and not isinstance(default, bool):
        if low is not None and default < low:
            mistakes.add(
                "parameter_default", where, shown(default), f"at least validation.min, which is {low}"
            )
        elif high is not None and default > high:
            mistakes.add(
                "parameter_default", where, shown(default), f"at most validation.max, which is {high}"
            )


def _has_type(value: bool | int | float | str, type: str) -> bool:
    match value:
        case bool():
            return type == "bool"
        case int():
            return type in ("int", "float")
        case float():
            return type == "float"
        case str():
            return type == "str"
        case _:
            assert_never(value)


def check_server(server: ServerSettings, mistakes: Mistakes) -> None:
    """What the server's settings ask for must be something this release does, and consistent."""
    if server.run_jobs_as == "user":
        expected = '"self": this release does all work as the account that runs the server'
        mistakes.add("not_in_this_release", ("server", "run_jobs_as"), '"user"', expected)
    if server.public_url is not None:
        host = re.sub(r":\d+\Z", "", urlsplit(server.public_url).netloc)
        if host not in server.hosts:
            expected = f"an address whose host is one of server.hosts: {one_of(server.hosts)}"
            mistakes.add("wrong_value", ("server", "public_url"), shown(server.public_url), expected)
    if server.jobs_public_url is not None and urlsplit(server.jobs_public_url).hostname != server.jobs_domain:
        expected = f"an address whose host is server.jobs_domain, {shown(server.jobs_domain)}"
        mistakes.add("wrong_value", ("server", "jobs_public_url"), shown(server.jobs_public_url), expected)

"""What the models say of themselves: the type at a place, a type in words, every key with its meaning."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from uws.config.mistakes import Place

_PHRASES: Mapping[object, str] = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Path: "a path",
    SecretStr: "a string or file:/path",
    types.NoneType: "null",
    Any: "any value",
}


@dataclass(frozen=True)
class DocumentedKey:
    """One key of the configuration, for the reference page.

    `path` is written with dots, `<key>` for a key that the operator chooses and `[]` for the items of a list;
    `default` is JSON, or None where the key must be written.
    """

    path: str
    type: str
    default: str | None
    description: str
    without_effect: str = ""


def variants(annotation: object) -> tuple[object, ...]:
    """Return what a type allows: the members of a union, or the type itself; without `Annotated`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return variants(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return tuple(v for member in get_args(annotation) for v in variants(member))
    return (annotation,)


def model_of(annotation: object) -> type[BaseModel] | None:
    """Return the model among a type's variants, if there is one."""
    for variant in variants(annotation):
        if isinstance(variant, type) and issubclass(variant, BaseModel):
            return variant
    return None


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a model's fields by the key that stands in the file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def annotation_at(annotation: Any, place: Place) -> Any:
    """Return the type of the value at a place below a value of the type `annotation`, or None if unknown."""
    for key in place:
        annotation = _step(annotation, key)
        if annotation is None:
            return None
    return annotation


def _step(annotation: Any, key: str | int) -> Any:
    for variant in variants(annotation):
        if isinstance(variant, type) and issubclass(variant, BaseModel):
            field = keys_of(variant).get(str(key))
            return field.annotation if field is not None else None
        origin, arguments = get_origin(variant), get_args(variant)
        if isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(key, str):
            return arguments[1]
        if origin in (list, tuple, set, frozenset) and isinstance(key, int) and arguments:
            return arguments[min(key, len(arguments) - 1)] if arguments[-1] is not ... else arguments[0]
    return None


def type_phrase(annotation: object) -> str:
    """Say what a type is in words: `a whole number`, `a list of strings`, `"self" or "user"`."""
    phrases: list[str] = []
    for variant in variants(annotation):
        phrase = _variant_phrase(variant)
        if phrase not in phrases:
            phrases.append(phrase)
    if "a number" in phrases and "a whole number" in phrases:
        phrases.remove("a whole number")
    return " or ".join(phrases)


def _variant_phrase(variant: object) -> str:
    origin, arguments = get_origin(variant), get_args(variant)
    if origin is Literal:
        return " or ".join(json.dumps(value) for value in arguments)
    if origin in (list, tuple, set, frozenset):
        return f"a list, each item {type_phrase(arguments[0])}" if arguments else "a list"
    if isinstance(variant, type) and issubclass(variant, BaseModel):
        return "an object"
    if variant in (list, tuple):
        return "a list"
    plain = origin or variant
    if isinstance(plain, type) and issubclass(plain, Mapping):
        return "an object"
    return _PHRASES.get(variant, getattr(variant, "__name__", str(variant)))


def documented_keys(model: type[BaseModel], prefix: str = "") -> Iterator[DocumentedKey]:
    """Walk a model and everything below it, in the order of the fields.

    `model` is `Config`, or a plugin's `Settings` for the page of that plugin; `prefix` goes before each path.
    """
    for key, field in keys_of(model).items():
        path = f"{prefix}{key}"
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        yield DocumentedKey(
            path=path,
            type=type_phrase(field.annotation),
            default=None if field.is_required() else _default_text(field),
            description=field.description or "",
            without_effect=str(extra.get("without_effect", "")),
        )
        inner, suffix = _inner_model(field.annotation)
        if inner is not None:
            yield from documented_keys(inner, f"{path}{suffix}.")


def _inner_model(annotation: object) -> tuple[type[BaseModel] | None, str]:
    for variant in variants(annotation):
        if isinstance(variant, type) and issubclass(variant, BaseModel):
            return variant, ""
        origin, arguments = get_origin(variant), get_args(variant)
        if isinstance(origin, type) and issubclass(origin, Mapping) and len(arguments) == 2:
            return model_of(arguments[1]), ".<key>"
        if origin in (list, tuple) and arguments:
            return model_of(arguments[0]), "[]"
    return None, ""


def _default_text(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel):
        return "{}"
    if isinstance(value, SecretStr):
        return json.dumps(value.get_secret_value())
    return json.dumps(list(value) if isinstance(value, tuple | set | frozenset) else value, default=str)

"""From a part of the tree to a model, with pydantic's errors told as mistakes an operator can read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from uws.config.mistakes import Place, json_path, nearest, one_of, shown
from uws.config.references import ReferenceContext
from uws.config.schema import annotation_at, keys_of, model_of, type_phrase, variants
from uws.config.values import Mistakes

Model = TypeVar("Model", bound=BaseModel)

_SHALLOWEST_TEXT = 2
"""The maps and lists at the top of the file are never texts: a variable can't hold all of the storages."""

_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than_equal": ("ge", "{type} of at least {bound}"),
    "greater_than": ("gt", "{type} above {bound}"),
    "less_than_equal": ("le", "{type} of at most {bound}"),
    "less_than": ("lt", "{type} below {bound}"),
    "string_too_short": ("min_length", "{type} of at least {bound} characters"),
    "string_too_long": ("max_length", "{type} of at most {bound} characters"),
    "too_short": ("min_length", "at least {bound} items"),
    "too_long": ("max_length", "at most {bound} items"),
    "string_pattern_mismatch": ("pattern", "{type} that matches {bound}"),
}


def validate(
    model: type[Model], tree: Any, place: Place, mistakes: Mistakes, context: ReferenceContext
) -> Model | None:
    """Validate a value that stands at `place` of `config.json` against a model, strictly.

    Returns the model, or None after adding every mistake. A text that came from the environment is read as
    JSON where the model wants no string (`UWS_SERVER__WEB_WORKERS=2`); `tree` is changed accordingly.
    """
    try:
        return _strict(model, tree, context)
    except ValidationError as error:
        first = error
    if not _read_texts_as_json(tree, place, first, mistakes):
        _add_all(first, model, tree, place, mistakes)
        return None
    try:
        return _strict(model, tree, context)
    except ValidationError as error:
        _add_all(error, model, tree, place, mistakes)
        return None


def _strict(model: type[Model], tree: Any, context: ReferenceContext) -> Model:
    # As JSON, so that strictness means JSON's types: a list is right for a tuple, a string for a path.
    return model.model_validate_json(json.dumps(tree), strict=True, context=context)


def _read_texts_as_json(tree: Any, place: Place, error: ValidationError, mistakes: Mistakes) -> bool:
    """Replace texts from the environment that were refused by the JSON they hold. True where one was."""
    refused = [(*place, *_place_in(tree, details)) for details in error.errors(include_context=False)]
    changed = False
    for text_place in mistakes.origins.text_places():
        if len(text_place) < _SHALLOWEST_TEXT or not any(
            where[: len(text_place)] == text_place for where in refused
        ):
            continue
        parent, key = _parent(tree, text_place[len(place) :])
        text = parent[key] if key is not None else None
        if not isinstance(text, str) or len(text) > 65536:
            continue
        try:
            value = json.loads(text, parse_constant=lambda name: name)
        except (ValueError, RecursionError):
            continue
        if not isinstance(value, str):
            parent[key] = value
            changed = True
    return changed


def _parent(tree: Any, place: Place) -> tuple[Any, Any]:
    for key in place[:-1]:
        tree = _item(tree, key)
    if place and _item(tree, place[-1]) is not None:
        return tree, place[-1]
    return None, None


def _item(tree: Any, key: str | int) -> Any:
    if isinstance(tree, dict):
        return tree.get(str(key)) if isinstance(key, str) else None
    if isinstance(tree, list) and isinstance(key, int) and key < len(tree):
        return tree[key]
    return None


def _add_all(
    error: ValidationError, model: type[BaseModel], tree: Any, place: Place, mistakes: Mistakes
) -> None:
    for details in error.errors(include_url=False):
        inner = _place_in(tree, details)
        _add(details, inner, model, tree, place, mistakes)


def _place_in(tree: Any, details: ErrorDetails) -> Place:
    """Return the place of an error, without the names of union members that pydantic puts into it."""
    place: list[str | int] = []
    last = len(details["loc"]) - 1
    for position, key in enumerate(details["loc"]):
        if (isinstance(tree, dict) and key in tree) or (isinstance(tree, list) and isinstance(key, int)):
            tree = _item(tree, key)
            place.append(key)
        elif position == last and details["type"] == "missing":
            place.append(key)
    return tuple(place)


def _add(
    details: ErrorDetails,
    inner: Place,
    model: type[BaseModel],
    tree: Any,
    place: Place,
    mistakes: Mistakes,
) -> None:
    where = (*place, *inner)
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        owner = model_of(annotation_at(model, inner[:-1]))
        known = list(keys_of(owner)) if owner is not None else []
        expected = f"one of {one_of(known)}" if known else "no keys here"
        mistakes.add("unknown_key", where, "an unknown key", expected, nearest(str(inner[-1]), known))
        return
    annotation = annotation_at(model, inner)
    phrase = type_phrase(annotation) if annotation is not None else "something else"
    if kind == "missing":
        mistakes.add("missing_key", where, "nothing", phrase)
        return
    if kind in ("too_short", "too_long") and already_noted(mistakes, where):
        return  # Items that were refused are not counted by pydantic.
    value = tree
    for key in inner:
        value = _item(value, key)
    found = _shown(value, where, annotation, mistakes)
    if kind == "config_problem":
        found = str(context["found"]) or found
        mistakes.add(str(context["id"]), where, found, str(context["expected"]))
    elif kind in _BOUNDS:
        name, sentence = _BOUNDS[kind]
        if context[name] == 1 and kind in ("string_too_short", "too_short"):
            sentence = "one that is not empty"
        mistakes.add("wrong_value", where, found, sentence.format(type=phrase, bound=context[name]))
    elif kind in ("literal_error", "enum"):
        choices = [str(choice) for choice in _choices(annotation)]
        hint = nearest(value, choices) if isinstance(value, str) else ""
        mistakes.add("wrong_value", where, found, phrase, hint)
    elif kind in ("value_error", "assertion_error"):
        mistakes.add("wrong_value", where, str(context["error"]), "")
    elif kind.endswith(("_type", "_parsing")) or kind == "int_from_float":
        mistakes.add("wrong_type", where, found, phrase)
    else:
        message = details["msg"]
        mistakes.add("wrong_value", where, found, message[:1].lower() + message[1:])


def _shown(value: Any, where: Place, annotation: object, mistakes: Mistakes) -> str:
    """Show a value, but never a secret's, nor what a variable holds: that may be one."""
    if SecretStr in variants(annotation):
        return "a value that is not shown"
    written = mistakes.origins.written_at(where)
    if written is not None:
        return shown(written)
    if isinstance(value, str) and model_of(annotation) is not None and mistakes.origins.variable_at(where):
        return "a text"
    return shown(value)


def _choices(annotation: object) -> list[object]:
    return [
        choice
        for variant in variants(annotation)
        for choice in (getattr(variant, "__args__", None) or getattr(variant, "__members__", {}))
    ]


def already_noted(mistakes: Mistakes, place: Place) -> bool:
    """True where a mistake stands at this place or below it."""
    path = json_path(place)
    return any(
        mistake.path == path or mistake.path.startswith((f"{path}.", f"{path}["))
        for mistake in mistakes.found
    )

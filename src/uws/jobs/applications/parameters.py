"""An application's parameters: `job_details` against its JSON Schema, in words for whoever filled the form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from uws.jobs.applications.placeholders import ON_THE_NODE, as_text
from uws.jobs.types.base import JobDetailsRefused

# The kernel takes at most 128 KiB for one argument (MAX_ARG_STRLEN in execve(2)).
LIMIT_BYTES = 64 * 1024
_SHOWN = 80


def check_parameters(schema: Mapping[str, object] | None, details: Mapping[str, object]) -> None:
    """Refuse `job_details` that do not fit. Raises `JobDetailsRefused` naming field, value and what was expected."""
    if schema is None:
        return
    wanted = complete_parameters(schema, details)
    mistake = best_match(Draft202012Validator(schema).iter_errors(dict(details)))
    if mistake is not None:
        raise JobDetailsRefused(_explain(mistake), _pointer(mistake))
    for name, value in wanted.items():
        _check_argument(name, value)


def complete_parameters(
    schema: Mapping[str, object] | None, details: Mapping[str, object]
) -> dict[str, object]:
    """Return the values of the schema's properties: what was given, else the property's `default`."""
    properties = {} if schema is None else schema.get("properties")
    values: dict[str, object] = {}
    for name, rule in properties.items() if isinstance(properties, Mapping) else ():
        if name in details:
            values[name] = details[name]
        elif isinstance(rule, Mapping) and "default" in rule:
            values[name] = rule["default"]
    return values


def _check_argument(name: str, value: object) -> None:
    text = as_text(value)
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise JobDetailsRefused(
            f"job_details.{name}: found half a character; expected valid Unicode."
        ) from None
    if size > LIMIT_BYTES:
        raise JobDetailsRefused(f"job_details.{name}: found {size} bytes; expected {LIMIT_BYTES} at most.")
    if any("\0" in part for part in _texts(value)):
        raise JobDetailsRefused(f"job_details.{name}: found a NUL character; expected text without.")
    # The node would replace these in the finished command.
    for placeholder in (f"{{{word}}}" for word in ON_THE_NODE):
        if placeholder in text:
            raise JobDetailsRefused(f"job_details.{name}: found {placeholder}; expected text without it.")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from (str(key), *_texts(item))
    elif isinstance(value, Sequence):
        for item in value:
            yield from _texts(item)


def _pointer(mistake: ValidationError) -> str:
    """Return the JSON Pointer (RFC 6901) of what is wrong; of a missing field, of the field itself."""
    steps = [str(step) for step in mistake.absolute_path]
    if mistake.validator == "required":
        wanted: Any = mistake.validator_value
        found: Any = mistake.instance
        steps += [name for name in wanted if name not in found][:1]
    return "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in steps)


def _explain(mistake: ValidationError) -> str:
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in mistake.absolute_path)
    if mistake.validator == "required":
        wanted: Any = mistake.validator_value
        found: Any = mistake.instance
        missing = [name for name in wanted if name not in found]
        return f"job_details{place}: {', '.join(missing)} is missing."
    return f"job_details{place}: found {_shown(mistake.instance)}; expected {_expected(mistake)}."


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_TYPES = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def _expected(mistake: ValidationError) -> str:
    wanted: Any = mistake.validator_value
    rule = mistake.schema if isinstance(mistake.schema, Mapping) else {}
    match mistake.validator:
        case "type":
            return " or ".join(_TYPES[kind] for kind in ([wanted] if isinstance(wanted, str) else wanted))
        case "enum":
            return f"one of {', '.join(_shown(choice) for choice in wanted)}"
        case "minimum" | "exclusiveMinimum":
            return f"{'at least' if mistake.validator == 'minimum' else 'more than'} {wanted}"
        case "maximum" | "exclusiveMaximum":
            return f"{'at most' if mistake.validator == 'maximum' else 'less than'} {wanted}"
        case "minLength" | "maxLength":
            return f"{'at least' if mistake.validator == 'minLength' else 'at most'} {wanted} characters"
        case "minItems" | "maxItems":
            return f"{'at least' if mistake.validator == 'minItems' else 'at most'} {wanted} items"
        case "pattern":
            return str(rule.get("description") or f"text that matches {wanted}").rstrip(".")
        case "additionalProperties":
            return f"only {', '.join(rule.get('properties', {})) or 'nothing'}"
    return f"what the schema's {mistake.validator} says"

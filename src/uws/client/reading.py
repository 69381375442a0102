"""Reads fields out of the server's JSON; what is missing or of another kind is a `NotUnderstood` that names it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from uws.client.errors import NotUnderstood

Value = TypeVar("Value")
Raw = Mapping[str, Any]


def _typed(raw: Raw, key: str, kind: type[Value]) -> Value:
    value = raw.get(key)
    if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
        found = type(value).__name__ if key in raw else "nothing"
        raise NotUnderstood(f"The server's answer has no usable {key!r}: found {found}, not {kind.__name__}.")
    return value


def text(raw: Raw, key: str) -> str:
    """Return a text field."""
    return _typed(raw, key, str)


def whole_number(raw: Raw, key: str) -> int:
    """Return an integer field."""
    return _typed(raw, key, int)


def boolean(raw: Raw, key: str) -> bool:
    """Return a true-or-false field."""
    return _typed(raw, key, bool)


def mapping(raw: Raw, key: str) -> Raw:
    """Return an object field."""
    return _typed(raw, key, dict)


def objects(raw: Raw, key: str) -> list[Raw]:
    """Return a field that is a list of objects."""
    values = _typed(raw, key, list)
    if not all(isinstance(value, dict) for value in values):
        raise NotUnderstood(f"The server's answer has something else than objects in {key!r}.")
    return values


def names(raw: Raw, key: str) -> tuple[str, ...]:
    """Return the `name` of each object of a list."""
    return tuple(text(entry, "name") for entry in objects(raw, key))


def optional_text(raw: Raw, key: str) -> str | None:
    """Return a text field, or None where it is null or missing."""
    return None if raw.get(key) is None else text(raw, key)


def optional_whole_number(raw: Raw, key: str) -> int | None:
    """Return an integer field, or None where it is null or missing."""
    return None if raw.get(key) is None else whole_number(raw, key)


def optional_number(raw: Raw, key: str) -> float | None:
    """Return a number, or None where it is null or missing."""
    return None if raw.get(key) is None else number(raw, key)


def number(raw: Raw, key: str) -> float:
    """Return a number. Texts of digits are taken: `core_hours` is `"0.00278"` in a list (contract §1)."""
    value = raw.get(key)
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            return float(value)
        except ValueError:
            pass
    raise NotUnderstood(f"The server's answer has no number in {key!r}.")


def moment(raw: Raw, key: str) -> datetime | None:
    """Return a time, always aware and in UTC, or None. Times without a zone are UTC (contract §1)."""
    written = optional_text(raw, key)
    if written is None:
        return None
    try:
        read = datetime.fromisoformat(written)
    except ValueError:
        raise NotUnderstood(f"The server's answer has no time in {key!r}: {written[:40]!r}.") from None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)

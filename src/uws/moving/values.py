"""Single values of the original's rows, as SQLite (text, numbers) and PostgreSQL (typed) give them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

SMALLEST_BIGINT, LARGEST_BIGINT = -(2**63), 2**63 - 1
DEEPEST_LEVEL = 100


class Unusable(Exception):
    """A value that can't be imported. The text ends the sentence "… was skipped: "."""


def moment(row: Mapping[str, Any], column: str) -> datetime | None:
    """Return a time as an aware UTC datetime. SQLite holds text without a zone, meaning UTC. Raises `Unusable`."""
    value = row[column]
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise Unusable(f"its {column} is {value[:40]!r}; expected a time") from None
    if not isinstance(value, datetime):
        raise Unusable(f"its {column} is {str(value)[:40]!r}; expected a time")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def needed_moment(row: Mapping[str, Any], column: str) -> datetime:
    """Return a time that must be there. Raises `Unusable`."""
    found = moment(row, column)
    if found is None:
        raise Unusable(f"its {column} is empty; expected a time")
    return found


def text(row: Mapping[str, Any], column: str, limit: int | None = None) -> str:
    """Return text, empty for null, without NUL, cut to `limit` characters."""
    value = row[column]
    found = "" if value is None else str(value).replace("\0", "")
    return found if limit is None else found[:limit]


def whole(row: Mapping[str, Any], column: str) -> int:
    """Return a whole number that fits 64 bits. Raises `Unusable`."""
    found = whole_or_none(row, column)
    if found is None:
        raise Unusable(f"its {column} is empty; expected a whole number")
    return found


def whole_or_none(row: Mapping[str, Any], column: str) -> int | None:
    """Return a whole number that fits 64 bits, or None for null. Raises `Unusable`."""
    value = row[column]
    if value is None:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or not SMALLEST_BIGINT <= value <= LARGEST_BIGINT
    ):
        raise Unusable(f"its {column} is {str(value)[:40]!r}; expected a whole number")
    return value


def truth(row: Mapping[str, Any], column: str) -> bool:
    """Return a truth value; SQLite has 0 and 1."""
    return bool(row[column])


def decimal(row: Mapping[str, Any], column: str) -> Decimal:
    """Return a number with five decimals, 0 for null. Raises `Unusable` where it doesn't fit 15 digits."""
    value = row[column]
    try:
        found = Decimal("0") if value is None else Decimal(str(value)).quantize(Decimal("0.00001"))
    except InvalidOperation:
        raise Unusable(f"its {column} is {str(value)[:40]!r}; expected a number") from None
    if not found.is_finite() or abs(found) >= Decimal(10) ** 10:
        raise Unusable(f"its {column} is {str(value)[:40]!r}; expected a number of at most 10 digits")
    return found


def json_object(row: Mapping[str, Any], column: str) -> dict[str, Any]:
    """Return a JSON object, {} for null. SQLite holds it as text. Raises `Unusable` for anything else."""
    value = row[column]
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else None
        except (ValueError, RecursionError):
            raise Unusable(f"its {column} is no JSON") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unusable(f"its {column} is no JSON object")
    cleaned = clean_json(value)
    assert isinstance(cleaned, dict)
    return cleaned


def clean_json(value: object, depth: int = 0) -> object:
    """Return JSON without what PostgreSQL's jsonb refuses (NUL, lone surrogates, NaN), bounded in depth."""
    if depth > DEEPEST_LEVEL:
        raise Unusable(f"its JSON has more than {DEEPEST_LEVEL} levels")
    if isinstance(value, dict):
        return {_clean_text(str(key)): clean_json(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [clean_json(item, depth + 1) for item in value]
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _clean_text(value: str) -> str:
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def names(entries: object) -> list[str]:
    """Return the names of a list of `{"name": …}`, in order; whatever is none is left out."""
    if not isinstance(entries, list):
        return []
    return [
        entry["name"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("name"), str)
    ]


def inner(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the object below `key`, {} where there is none."""
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def without_secrets(value: object) -> tuple[object, list[str]]:
    """Return JSON without the keys that name a secret, and those keys."""
    dropped: list[str] = []

    def walk(part: object) -> object:
        if isinstance(part, dict):
            kept = {}
            for key, item in part.items():
                if any(word in key.lower() for word in ("token", "secret", "password", "jwt")):
                    dropped.append(key)
                else:
                    kept[key] = walk(item)
            return kept
        return [walk(item) for item in part] if isinstance(part, list) else part

    return walk(value), dropped

"""The checks of a share's request that need no database, in the contract's words (§7)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from uws.refusals import BadRequest, FieldError

_TRUTHS = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}
LARGEST_ID = 2**63 - 1
LONGEST_SHOWN = 128
"""Characters of a wrong value that a refusal repeats."""


@dataclass(frozen=True)
class ShareRequest:
    """A request with all its fields; the values are as they were sent."""

    original_id: object
    user_ids: object


def read_share(body: object) -> ShareRequest:
    """Return the fields of a share's request. Raises `BadRequest` where one is missing."""
    fields = {"original_workspace_id": "a workspace's id", "shared_user_ids": "a list of users' ids"}
    missing = [key for key in fields if not isinstance(body, Mapping) or key not in body]
    if missing:
        raise BadRequest(
            "Missing required fields.",
            errors=[FieldError(f"/{key}", "nothing", fields[key]) for key in missing],
        )
    assert isinstance(body, Mapping)
    return ShareRequest(body["original_workspace_id"], body["shared_user_ids"])


def read_id(value: object) -> int | None:
    """Return an id that was sent as a number or as its digits; None for anything else, booleans included."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_ID:
        return value
    return None


def read_user_ids(value: object) -> list[int]:
    """Return the ids of a list without repetitions. Raises `BadRequest`."""
    if not isinstance(value, list):
        raise BadRequest(
            "shared_user_ids is not a list.",
            errors=[FieldError("/shared_user_ids", type(value).__name__, "a list of users' ids")],
        )
    ids: list[int] = []
    for index, sent in enumerate(value):
        user_id = read_id(sent)
        if user_id is None:
            raise invalid_user(index, str(sent), "a user's id, a whole number")
        if user_id in ids:
            raise invalid_user(index, str(user_id), "each user once")
        ids.append(user_id)
    return ids


def invalid_user(index: int, found: str, expected: str) -> BadRequest:
    pointer = f"/shared_user_ids/{index}"
    return BadRequest(
        "Invalid user id provided.", errors=[FieldError(pointer, found[:LONGEST_SHOWN], expected)]
    )


def read_is_accepted(filters: Mapping[str, str]) -> bool | None:
    """Return the filter `is_accepted`, in any case; None where there is none. Raises `BadRequest`."""
    if "is_accepted" not in filters:
        return None
    sent = filters["is_accepted"]
    value = _TRUTHS.get(sent.lower())
    if value is None:
        shown = sent[:LONGEST_SHOWN]
        raise BadRequest(
            f"Invalid query parameter is_accepted: found {shown!r}; expected true or false (1, 0, t, f).",
            errors=[FieldError("?is_accepted", shown, "true or false (1, 0, t, f)")],
        )
    return value

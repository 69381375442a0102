"""The people and accounts that plugins see: plain values, no database rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Person:
    """One user of this server. `id` is the number in the server's own database."""

    id: int
    username: str
    email: str
    first_name: str = ""
    last_name: str = ""
    is_administrator: bool = False


@dataclass(frozen=True)
class ExternalAccount:
    """The account that an authentication method keeps for a person.

    `username` names the person's directory below a storage's root, so it has passed
    `uws.accounts.names.check_account_name`. `uid` and `gid` are the Unix account's numbers where the
    method is an operating-system directory, else None. `details` is kept with the account as JSON.
    """

    user_id: str
    username: str
    uid: int | None = None
    gid: int | None = None
    details: Mapping[str, object] = field(default_factory=dict)

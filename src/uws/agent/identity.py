"""Whom work is done as: a Unix identity."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass


@dataclass(frozen=True)
class Identity:
    """A Unix account as the machine knows it: its name, its user id and its primary group id."""

    username: str
    uid: int
    gid: int

    @classmethod
    def current(cls) -> Identity:
        """Return the account that this process runs as. One without an entry is named by its number."""
        uid = os.geteuid()
        try:
            username = pwd.getpwuid(uid).pw_name
        except KeyError:
            username = str(uid)
        return cls(username=username, uid=uid, gid=os.getegid())

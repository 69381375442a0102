"""The step that becomes the user: all of it, in this file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from uws.agent.errors import PermissionRefusedError
from uws.agent.identity import Identity


def become(identity: Identity, command: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """Return the argv, and the keyword arguments of `subprocess.Popen`, that run `command` as `identity`.

    `run_jobs_as: "self"`: the server is the user already, so nothing is done and any other identity is
    refused with `PermissionRefusedError`. The program inherits no environment and starts in `/`.
    """
    own_uid = os.geteuid()
    if identity.uid != own_uid:
        raise PermissionRefusedError(
            f"Work was asked for as {identity.username!r} (uid {identity.uid}), but this server does all work"
            f" as its own account (uid {own_uid}): run_jobs_as is 'self'."
        )
    return list(command), {"env": {}, "cwd": "/"}

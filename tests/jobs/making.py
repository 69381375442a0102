"""Jobs for tests of what happens to their rows: made directly, with no process behind them."""

from __future__ import annotations

from typing import Any

from uws.accounts.models import User
from uws.jobs.models import Job
from uws.site import Site


def workspace_of(site: Site, user: User) -> int:
    made: Any = site.workspaces.create(user.as_person(), {"name": "Cells", "description": ""})["id"]
    return int(made)


def start(site: Site, user: User, job_type: str = "sleeper") -> Job:
    """Start a real job in a workspace of its own."""
    started: Any = site.jobs.start(user.as_person(), workspace_of(site, user), {"job_type": job_type})
    return Job.objects.get(pk=started["id"])


def row(user: User, workspace_id: int, key: str, **columns: Any) -> Job:
    """Insert a job's row."""
    values = {"job_type": "sleeper", "resource": "local", "workspace_name": "Cells", "time_limit_seconds": 60}
    return Job.objects.create(owner=user, workspace_id=workspace_id, launch_key=key, **{**values, **columns})

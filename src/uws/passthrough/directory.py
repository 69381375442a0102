"""What the passthrough asks of the rest of UWS. `uws.site` answers over the database; tests over a dictionary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from uws.jobs.targets import Target

__all__ = ["JobDirectory", "RunsInDatabaseThread", "Target"]

Result = TypeVar("Result")


class JobDirectory(Protocol):
    """Jobs and who may open them. Called in database threads; both may be called often and must be cheap."""

    def target(self, job_id: int) -> Target | None:
        """Return the job as it is now, or None where there is none of that id."""

    def may_open(self, job_id: int, user_id: int) -> bool:
        """Tell whether this user may open this job now: a right to it, and an active account."""


class RunsInDatabaseThread(Protocol):
    """What is needed of `uws.background.threads.DatabaseThreads`."""

    async def __call__(self, function: Callable[..., Result], /, *args: object) -> Result:
        """Run a synchronous function where the database may be asked, and return its result."""

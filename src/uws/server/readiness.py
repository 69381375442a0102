"""`/healthz` and `/readyz`: for load balancers and people, cheap, and without calling out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.db import DatabaseError, connection
from django.utils import timezone
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from uws.background.threads import DatabaseThreads
from uws.server.migrations import unapplied_migrations

logger = logging.getLogger(__name__)

QUEUE_AGE_WARNING_SECONDS = 300.0
"""A queue is worth a look when its oldest waiting task is older; the API answers without the workers all the same."""


class Readiness:
    """Answers `/healthz` (this process lives) and `/readyz` (database there, migrations applied)."""

    def __init__(self, database: DatabaseThreads) -> None:
        self._database = database
        self._migrated = False

    def routes(self) -> Sequence[Route]:
        return [Route("/healthz", self.health), Route("/readyz", self.ready)]

    async def health(self, request: Request) -> Response:
        return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})

    async def ready(self, request: Request) -> Response:
        answer = await self._database(self._ask)
        return JSONResponse(answer, 200 if answer["ready"] else 503, headers={"Cache-Control": "no-store"})

    def _ask(self) -> dict[str, Any]:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            if not self._migrated:
                # Asked until it is true, then never again: nothing un-applies a migration while we run.
                self._migrated = not unapplied_migrations()
            age = _oldest_waiting_task_seconds() if self._migrated else None
        except DatabaseError:
            logger.exception("/readyz: the database does not answer")
            return {"ready": False, "database": "does not answer"}
        return {
            "ready": self._migrated,
            "database": "answers",
            "migrations": "applied" if self._migrated else "not all applied: run `uws migrate`",
            "queue_oldest_seconds": age,
            "queue": "late" if age is not None and age > QUEUE_AGE_WARNING_SECONDS else "in time",
        }


def _oldest_waiting_task_seconds() -> float | None:
    """Return how long the oldest task that may be taken has waited, in seconds, None where none waits."""
    from django_q.models import OrmQ  # reads Django's settings at import

    now = timezone.now()
    oldest = OrmQ.objects.filter(lock__lte=now).order_by("lock").values_list("lock", flat=True).first()
    return None if oldest is None else round((now - oldest).total_seconds(), 1)

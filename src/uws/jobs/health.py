"""How the plugins are: asked in the background, kept in a table, read by `/status/` without calling anything."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from typing import Protocol

from django.db import transaction
from django.utils import timezone

from uws.background.models import PluginHealth
from uws.config.health import Health
from uws.events import log

logger = logging.getLogger(__name__)

CHECK_SECONDS = 20.0
ANSWER_SECONDS = 10.0
REWRITE_AFTER = timedelta(minutes=5)
NOT_CHECKED = Health(False, "Not checked yet.")


class Checked(Protocol):
    def health(self) -> Health: ...


class PluginHealthBoard:
    """Asks every plugin, each in a thread of its own so that a hanging one delays no other."""

    def __init__(self, plugins: Mapping[str, Mapping[str, Checked]]) -> None:
        self._plugins = plugins
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="health")
        self._asked: dict[tuple[str, str], tuple[Future[Health], float]] = {}

    def check(self) -> None:
        """Ask every plugin that is not still thinking, wait a moment, and write what changed."""
        for kind, plugins in self._plugins.items():
            for key, plugin in plugins.items():
                if (kind, key) not in self._asked:
                    self._asked[kind, key] = (self._pool.submit(plugin.health), time.monotonic())
        deadline = time.monotonic() + 1.0
        for (kind, key), (future, began) in list(self._asked.items()):
            waited = max(0.0, deadline - time.monotonic())
            health = self._answer(kind, key, future, began, waited)
            if health is not None:
                self._write(kind, key, health, (time.monotonic() - began) * 1000)

    def _answer(
        self, kind: str, key: str, future: Future[Health], began: float, waited: float
    ) -> Health | None:
        wait((future,), waited)
        if not future.done():
            late = time.monotonic() - began > ANSWER_SECONDS
            return Health(False, f"No answer for {time.monotonic() - began:.0f} s.") if late else None
        try:
            health = future.result()
        except Exception:
            logger.exception("the health check of %s %r failed", kind, key)
            health = Health(False, "Its health check failed; the server's log says why.")
        del self._asked[kind, key]
        return health

    @staticmethod
    def _write(kind: str, key: str, health: Health, latency_ms: float) -> None:
        now = timezone.now()
        old = PluginHealth.objects.filter(kind=kind, key=key).first()
        changed = old is None or old.connected != health.connected
        if (
            old is not None
            and not changed
            and old.message == health.message
            and now - old.checked < REWRITE_AFTER
        ):
            return
        with transaction.atomic():
            since = now if changed or old is None else old.since
            PluginHealth.objects.update_or_create(
                kind=kind,
                key=key,
                defaults={
                    "connected": health.connected,
                    "message": health.message[:500],
                    "latency_ms": round(latency_ms, 1),
                    "checked": now,
                    "since": since,
                },
            )
            if changed:
                word = "connected" if health.connected else "disconnected"
                log.append(
                    f"{kind}.{word}",
                    f"{kind}/{key}",
                    owner_id=None,
                    actor="server",
                    payload={"message": health.message},
                )

    def dependencies(self, main_resource: str, api_user_authentication: str) -> dict[str, object]:
        """Return the `dependencies` of `/status/` (contract §8) from the table; calls nothing."""
        rows = {(row.kind, row.key): row for row in PluginHealth.objects.all()}

        def shown(kind: str, key: str) -> dict[str, object]:
            row = rows.get((kind, key))
            if row is None:
                return {"connected": NOT_CHECKED.connected, "message": NOT_CHECKED.message}
            return {
                "connected": row.connected,
                "message": row.message,
                "latency_ms": row.latency_ms,
            }

        return {
            "main_resource": shown("resource", main_resource),
            "api_user_authentication": shown("authentication", api_user_authentication),
            "resources": {key: shown("resource", key) for key in self._plugins["resource"]},
            "storage_methods": {key: shown("storage", key) for key in self._plugins["storage"]},
            "user_authentication_methods": {
                key: shown("authentication", key) for key in self._plugins["authentication"]
            },
        }

"""Live updates from the event log: one WebSocket a job for programs, one a tab for the console."""

from __future__ import annotations

from starlette.routing import BaseRoute, WebSocketRoute

from uws.background.threads import DatabaseThreads
from uws.events.tail import EventTail
from uws.live.console_socket import ConsoleSocket
from uws.live.job_socket import JobSocket
from uws.site import Site


def routes(site: Site, database: DatabaseThreads, tail: EventTail) -> list[BaseRoute]:
    """Return the Starlette routes of this face. Paths end in a slash; the front adds a missing one."""
    return [
        WebSocketRoute("/jobs/{job_id}/", JobSocket(site, database, tail)),
        WebSocketRoute("/console/live/", ConsoleSocket(site, database, tail)),
    ]

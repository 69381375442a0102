"""`console/live/`: hints for one tab of the console about what has changed; the page then fetches its own parts."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from django.conf import settings
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from uws.accounts.person import Person
from uws.accounts.sessions import person_of_session
from uws.background.threads import DatabaseThreads
from uws.events.log import LogEntry
from uws.events.tail import EventTail
from uws.live.stream import UNAUTHENTICATED, close, follow
from uws.site import Site


class ConsoleSocket:
    """ASGI endpoint of the console's socket: the session's cookie, and only from the console's own origin."""

    def __init__(self, site: Site, database: DatabaseThreads, tail: EventTail) -> None:
        self._site = site
        self._database = database
        self._tail = tail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        person = await self._person(socket) if self._from_own_origin(socket) else None
        await socket.accept()
        if person is None:
            await close(socket, UNAUTHENTICATED, "sign in on the console's own page")
            return
        person_id = person.id

        async def on_events(batch: Sequence[LogEntry]) -> None:
            await socket.send_json(
                {
                    "subjects": sorted({entry.subject for entry in batch}),
                    "kinds": sorted({entry.kind for entry in batch}),
                }
            )

        async def still_allowed() -> bool:
            return await self._person(socket) is not None

        async with self._tail.subscribe(lambda entry: entry.owner_id == person_id) as subscription:
            # Said once the subscription holds: what happened while the page was loading is fetched again then.
            await socket.send_json({"subjects": ["*"], "kinds": ["connected"]})
            await follow(socket, subscription, on_events, still_allowed)

    async def _person(self, socket: WebSocket) -> Person | None:
        key = socket.cookies.get(settings.SESSION_COOKIE_NAME, "")
        return await self._database(person_of_session, key)

    def _from_own_origin(self, socket: WebSocket) -> bool:
        """True where `Origin` is the very host that was asked; a missing one is refused, since a cookie decides."""
        origin = urlsplit(socket.headers.get("origin", ""))
        public = self._site.deployment.server.public_url
        if public:
            return f"{origin.scheme}://{origin.netloc}" == public
        return origin.scheme in ("http", "https") and origin.netloc == socket.headers.get("host")

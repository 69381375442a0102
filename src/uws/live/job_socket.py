"""`jobs/<id>/` (contract §8): a snapshot on connect, then a message on each change of one job."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from uws.accounts.tokens import Principal, own_bearer
from uws.background.threads import DatabaseThreads
from uws.events.log import LogEntry
from uws.events.tail import EventTail
from uws.jobs.states import FINAL
from uws.live.stream import NOT_FOUND, UNAUTHENTICATED, close, follow
from uws.refusals import Forbidden, Refusal
from uws.site import Site

FIRST_MESSAGE_SECONDS = 10.0
FIRST_MESSAGE_BYTES = 1024
_JOB_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
"""What `int()` and every database take; Starlette's own convertor fails at 4,301 digits."""


class JobSocket:
    """ASGI endpoint of one job's socket.

    Programs send `UWS-Authorization` with the handshake; browsers, which cannot, send
    `{"authorization": "Token …"}` as their first message within ten seconds.
    """

    def __init__(self, site: Site, database: DatabaseThreads, tail: EventTail) -> None:
        self._site = site
        self._database = database
        self._tail = tail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        number = scope["path_params"]["job_id"]
        if not _JOB_NUMBER.fullmatch(number):
            await close(socket, NOT_FOUND, "no such path")
            return
        job_id = int(number)
        await socket.accept()
        try:
            principal = await self._authenticated(socket)
        except (Refusal, WebSocketDisconnect, TimeoutError, ValueError, KeyError) as problem:
            text = problem.message if isinstance(problem, Refusal) else "expected an authorization message"
            await close(socket, UNAUTHENTICATED, text)
            return
        await self._stream(socket, principal, job_id)

    async def _authenticated(self, socket: WebSocket) -> Principal:
        header = socket.headers.get("uws-authorization")
        if header is None:
            header = own_bearer(socket.headers.get("authorization"))
        if header is None:
            text = await asyncio.wait_for(socket.receive_text(), FIRST_MESSAGE_SECONDS)
            message = json.loads(text) if len(text) <= FIRST_MESSAGE_BYTES else None
            header = message.get("authorization") if isinstance(message, dict) else None
            if not isinstance(header, str):
                raise ValueError("no authorization in the first message")
        principal = await self._database(self._site.tokens.authenticate, header)
        if "read" not in principal.scopes:
            raise Forbidden("This token may not do that: it lacks the scope 'read'.")
        return principal

    async def _stream(self, socket: WebSocket, principal: Principal, job_id: int) -> None:
        subject = f"jobs/{job_id}"
        sent: object = None

        async def send_state() -> bool:
            nonlocal sent
            found = await self._database(self._site.jobs.get, principal.person, job_id)
            if not found:
                return False
            state = _state(found[0])
            if _without_clock(state) != sent:
                sent = _without_clock(state)
                await socket.send_json(state)
            return True

        async def on_events(batch: Sequence[LogEntry]) -> None:
            if not await send_state():
                await close(socket, NOT_FOUND, f"Job {job_id} not found for user.")

        async def still_allowed() -> bool:
            return await self._database(self._site.tokens.is_valid, principal.token_id)

        async with self._tail.subscribe(lambda entry: entry.subject == subject) as subscription:
            try:
                if not await send_state():
                    await close(socket, NOT_FOUND, f"Job {job_id} not found for user.")
                    return
            except WebSocketDisconnect:
                return
            await follow(socket, subscription, on_events, still_allowed)


def _state(job: dict[str, object]) -> dict[str, object]:
    details = job["job_details"]
    assert isinstance(details, dict)
    return {"status": job["status"], "current_job_details": details["current_job_details"]}


def _without_clock(state: dict[str, object]) -> dict[str, object]:
    """Drop what changes by itself, so that only a change of the job is a change."""
    details = state["current_job_details"]
    assert isinstance(details, dict)
    kept = {key: value for key, value in details.items() if key not in ("time_left", "connection_details")}
    return {"status": state["status"], "current_job_details": kept, "is_final": state["status"] in FINAL}

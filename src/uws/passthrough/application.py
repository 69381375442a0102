"""The ASGI application of the passthrough: from a request to who answers it.

The order is the protocol: host, target, whose page, ticket, pass, right, state; then the bytes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from uws.jobs.tickets import (
    TICKET_PREFIX,
    DerivesKeys,
    is_half_spent,
    make_pass,
    read_pass,
    read_ticket,
)
from uws.passthrough.answers import Answer, Receive, Scope, Send, json_object, send_answer, text
from uws.passthrough.directory import JobDirectory, RunsInDatabaseThread, Target
from uws.passthrough.exchange import Exchange
from uws.passthrough.gate import Ending, Gate, OpenWays
from uws.passthrough.guards import AmbiguousRequest, HostNames, RequestFacts, refuse_request, refuse_socket
from uws.passthrough.headers import PASS_COOKIE, cookies_named, upstream_headers
from uws.passthrough.pages import STATE_PATH, Pages
from uws.passthrough.settings import PassthroughSettings
from uws.passthrough.sockets import SocketCarrier
from uws.passthrough.upstream import ApplicationUnreachable, Client, upstream_url

log = logging.getLogger(__name__)

_OWN_PATHS = b"/.uws/"
_TICKET_PARAMETER = b"ticket=" + TICKET_PREFIX.encode("ascii")


def build_application(
    directory: JobDirectory,
    secrets: DerivesKeys,
    settings: PassthroughSettings,
    database: RunsInDatabaseThread,
) -> Passthrough:
    """Return the ASGI application. It needs a server that sends lifespan events."""
    return Passthrough(directory, secrets, settings, database)


class Passthrough:
    """Answers for every job's origin."""

    def __init__(
        self,
        directory: JobDirectory,
        secrets: DerivesKeys,
        settings: PassthroughSettings,
        database: RunsInDatabaseThread,
    ) -> None:
        self._secrets = secrets
        self._settings = settings
        self._hosts = HostNames(settings)
        self._pages = Pages(settings)
        self._gate = Gate(directory, database, settings.verdict_seconds)
        self.open_ways = OpenWays(directory, database, settings.recheck_seconds)
        self._client: Client | None = None

    def forget(self, job_id: int) -> None:
        """Ask again about this job, and close what is open where it must be: call it on the job's events."""
        self._gate.forget(job_id)
        self.open_ways.hasten(job_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await _Request(self, scope, receive, send).answer()
        else:
            await receive()  # websocket.connect
            await _Request(self, scope, receive, send).answer()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._client = Client(self._settings)
        watcher = asyncio.create_task(self.open_ways.watch())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
        await self._client.close()
        await send({"type": "lifespan.shutdown.complete"})

    @property
    def client(self) -> Client:
        """The way out."""
        if self._client is None:
            raise RuntimeError(
                "The passthrough has not been started: it needs a server with lifespan events."
            )
        return self._client


class _Request:
    """One request or handshake on its way through the checks."""

    __slots__ = (
        "_facts",
        "_is_socket",
        "_job_id",
        "_method",
        "_pages",
        "_passthrough",
        "_receive",
        "_scope",
        "_send",
    )

    def __init__(self, passthrough: Passthrough, scope: Scope, receive: Receive, send: Send) -> None:
        self._passthrough = passthrough
        self._pages = passthrough._pages
        self._scope = scope
        self._receive = receive
        self._send = send
        self._is_socket = scope["type"] == "websocket"
        self._method: str = "GET" if self._is_socket else scope["method"]

    async def answer(self) -> None:
        answer = await self._answer_or_carry()
        if answer is not None:
            await send_answer(self._send, answer, is_socket=self._is_socket)

    async def _answer_or_carry(self) -> Answer | None:
        """Return our own answer, or None once the application's has been carried."""
        settings, headers = self._passthrough._settings, self._scope["headers"]
        try:
            facts = self._facts = RequestFacts(self._method, headers)
        except AmbiguousRequest as problem:
            return text(400, str(problem))
        wants_page = facts.wants_page and not self._is_socket
        job_id = self._passthrough._hosts.job_id(facts.host)
        if job_id is None:
            return self._pages.no_such_host(wants_page)
        self._job_id = job_id
        raw_path, query = self._scope["raw_path"], self._scope["query_string"]
        if not raw_path.startswith(b"/") or not raw_path.isascii() or not query.isascii():
            return text(400, "The request's target must be a path that begins with / and is ASCII.")
        origin = settings.origin(job_id)
        refusal = (
            refuse_socket(facts, origin) if self._is_socket else refuse_request(facts, self._method, origin)
        )
        if refusal is not None:
            return self._pages.refused(refusal.status, refusal.message, wants_page)
        if _TICKET_PARAMETER in query and self._method in ("GET", "HEAD") and not self._is_socket:
            exchanged = self._exchange_ticket(raw_path, query)
            if exchanged is not None:
                return exchanged
        holder = self._holder(headers)
        if holder is None:
            return self._pages.sign_in(job_id, wants_page)
        return await self._as_user(*holder, wants_page)

    def _exchange_ticket(self, raw_path: bytes, query: bytes) -> Answer | None:
        """Take the ticket out of the URL and put a pass into a cookie. None: there was no ticket after all."""
        parts = query.split(b"&")
        tickets = [part for part in parts if part.startswith(_TICKET_PARAMETER)]
        if not tickets:
            return None
        now = time.time()
        user_id = read_ticket(self._passthrough._secrets, tickets[0][7:].decode("ascii"), self._job_id, now)
        if user_id is None and self._holder(self._scope["headers"]) is None:
            return self._pages.sign_in(self._job_id, self._facts.wants_page, expired=True)
        rest = b"&".join(part for part in parts if part not in tickets)
        # Absolute: a path that begins with // would else name another host.
        location = self._passthrough._settings.origin(self._job_id) + raw_path.decode("ascii")
        if rest:
            location += "?" + rest.decode("ascii")
        headers = {"Location": location}
        if user_id is not None:
            headers["Set-Cookie"] = _cookie(make_pass(self._passthrough._secrets, self._job_id, user_id, now))
        return text(303, "The ticket has been exchanged.", headers)

    def _holder(self, headers: list[tuple[bytes, bytes]]) -> tuple[int, str] | None:
        """Return the user of this job's cookie and the cookie's value."""
        now = time.time()
        for value in cookies_named(headers, PASS_COOKIE):
            user_id = read_pass(self._passthrough._secrets, value, self._job_id, now)
            if user_id is not None:
                return user_id, value
        return None

    async def _as_user(self, user_id: int, pass_text: str, wants_page: bool) -> Answer | None:
        try:
            target = await self._passthrough._gate.look(self._job_id, user_id)
        except Exception:
            log.exception("Cannot look up job %d", self._job_id)
            return self._pages.cannot_check(wants_page)
        if target is None:
            return self._pages.not_found(wants_page)
        if self._scope["raw_path"].startswith(_OWN_PATHS):
            return self._own(target)
        closed = self._while_closed(target, wants_page)
        if closed is not None:
            return closed
        try:
            return await self._carry(target, user_id, pass_text)
        except ApplicationUnreachable as problem:
            return await self._explain_silence(target, user_id, str(problem), wants_page)

    def _own(self, target: Target) -> Answer:
        if self._is_socket or self._scope["raw_path"] != STATE_PATH.encode("ascii"):
            return text(404, "There is nothing of UWS's own at this path.")
        if self._method not in ("GET", "HEAD"):
            return text(405, "Expected GET or HEAD.", {"Allow": "GET, HEAD"})
        return json_object(
            200,
            {
                "status": target.status,
                "step": target.step,
                "message": target.message,
                "ready": target.is_open,
                "over": target.is_over,
            },
        )

    def _while_closed(self, target: Target, wants_page: bool) -> Answer | None:
        if target.is_open:
            return None
        if target.is_over:
            return self._pages.over(target, wants_page)
        if target.status == "stopping":
            return self._pages.stopping(target, wants_page)
        return self._pages.waiting(target, wants_page)

    async def _carry(self, target: Target, user_id: int, pass_text: str) -> Answer | None:
        passthrough, settings = self._passthrough, self._passthrough._settings
        url = upstream_url(target, self._scope["raw_path"], self._scope["query_string"], settings)
        client = self._scope["client"]
        headers = upstream_headers(
            self._scope["headers"],
            added=target.headers,
            host=settings.host(self._job_id),
            scheme=settings.public_scheme,
            client=client[0] if client else "unknown",
            is_socket=self._is_socket,
        )
        if self._is_socket:
            carrier = SocketCarrier(
                target, user_id, passthrough.open_ways, settings, self._receive, self._send
            )
            await carrier.carry(passthrough.client.sockets, url, headers, self._scope["subprotocols"])
            return None
        now = time.time()
        renewed = []
        if is_half_spent(pass_text, now):
            value = _cookie(make_pass(passthrough._secrets, self._job_id, user_id, now))
            renewed.append((b"set-cookie", value.encode("ascii")))
        exchange = Exchange(
            target,
            user_id,
            passthrough.open_ways,
            self._scope,
            self._receive,
            self._send,
            self._facts.has_body,
        )
        ending = await exchange.carry(passthrough.client.requests, url, headers, renewed)
        if ending is None:
            return None
        status = 410 if ending is Ending.JOB_ENDED else 403
        return text(status, ending.value)

    async def _explain_silence(self, target: Target, user_id: int, reason: str, wants_page: bool) -> Answer:
        """Say why the application did not answer: perhaps the job has just ended, and memory is a second old."""
        self._passthrough._gate.forget(self._job_id)
        try:
            current = await self._passthrough._gate.look(self._job_id, user_id)
        except Exception:
            log.exception("Cannot look up job %d", self._job_id)
            current = target
        if current is None:
            return self._pages.not_found(wants_page)
        if current.status == "stopping":
            return self._pages.stopping(current, wants_page)
        return self._while_closed(current, wants_page) or self._pages.no_answer(current, reason, wants_page)


def _cookie(value: str) -> str:
    return f"{PASS_COOKIE.decode('ascii')}={value}; Path=/; Secure; HttpOnly; SameSite=Lax"

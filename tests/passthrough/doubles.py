"""What the passthrough's tests run against: a directory in memory, real applications, a real server, a raw client."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http.client
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

import uvicorn
import uvloop
from aiohttp import web

from uws.jobs.tickets import DerivesKeys, make_pass
from uws.passthrough.application import Passthrough, build_application
from uws.passthrough.directory import JobDirectory, RunsInDatabaseThread, Target
from uws.passthrough.process import server_config
from uws.passthrough.settings import PassthroughSettings

ADA, GRACE, ALAN = 1, 2, 3
JOB = 12

Result = TypeVar("Result")


class Secrets:
    """Derives keys as the deployment's do."""

    def __init__(self, master: bytes = b"m" * 32) -> None:
        self._master = master

    def derive(self, purpose: str, *parts: str) -> bytes:
        return hmac.digest(self._master, "\0".join((purpose, *parts)).encode(), hashlib.sha256)


class Directory:
    """Jobs and rights in memory; counts what it is asked, and can be away."""

    def __init__(self) -> None:
        self.targets: dict[int, Target] = {}
        self.rights: set[tuple[int, int]] = set()
        self.asked = 0
        self.is_away = False

    def target(self, job_id: int) -> Target | None:
        self.asked += 1
        if self.is_away:
            raise ConnectionError("the database is away")
        return self.targets.get(job_id)

    def may_open(self, job_id: int, user_id: int) -> bool:
        return (job_id, user_id) in self.rights

    def clear(self) -> None:
        self.targets.clear()
        self.rights.clear()
        self.is_away = False

    def change(self, job_id: int, **changes: Any) -> None:
        self.targets[job_id] = replace(self.targets[job_id], **changes)

    def add(self, job_id: int, port: int | None, *, user_id: int = ADA, **more: Any) -> None:
        fields: dict[str, Any] = {
            "owner_id": user_id,
            "status": "running",
            "step": "ready",
            "message": "",
            "job_type_name": "JupyterLab",
            "workspace_id": 3,
            "workspace_name": "Kidney sample",
            "host": "127.0.0.1",
            "headers": {"Authorization": "token of-the-application"},
        }
        self.targets[job_id] = Target(job_id=job_id, port=port, **(fields | more))
        self.rights.add((job_id, user_id))


async def in_a_thread(function: Callable[..., Result], /, *args: object) -> Result:
    return await asyncio.to_thread(function, *args)


class LoopThread:
    """An event loop of its own, where a server of the test lives."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout=10)


@cache
def applications_loop() -> LoopThread:
    """Return the loop on which all applications of the tests live; it ends with the process."""
    return LoopThread()


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextmanager
def web_application(handler: Handler) -> Iterator[int]:
    """Serve every path with one handler; yields the port."""
    thread = applications_loop()

    async def start() -> web.AppRunner:
        application = web.Application(client_max_size=2**30)
        application.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(application, shutdown_timeout=0.1, auto_decompress=False)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    runner = thread.run(start())
    try:
        yield runner.addresses[0][1]
    finally:
        thread.run(runner.cleanup())


@contextmanager
def raw_application(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], host: str = "127.0.0.1"
) -> Iterator[int]:
    """Serve each connection with `talk`, byte for byte; yields the port."""
    thread = applications_loop()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = thread.run(asyncio.start_server(once, host, 0))
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        thread.loop.call_soon_threadsafe(server.close)


class Way:
    """A passthrough that serves, and what a browser would know of it."""

    def __init__(
        self,
        directory: JobDirectory,
        port: int,
        secrets: DerivesKeys | None = None,
        database: RunsInDatabaseThread = in_a_thread,
    ) -> None:
        self.secrets = secrets or Secrets()
        self.port = port
        self.settings = PassthroughSettings(
            jobs_domain="localhost",
            public_scheme="http",
            public_port=port,
            console_url="http://localhost:8000",
            refused_ports=frozenset({port}),
        )
        self.application: Passthrough = build_application(directory, self.secrets, self.settings, database)

    def host(self, job_id: int = JOB) -> str:
        return self.settings.host(job_id)

    def origin(self, job_id: int = JOB) -> str:
        return self.settings.origin(job_id)

    def cookie(self, user_id: int = ADA, job_id: int = JOB) -> str:
        return "__Host-uws-job=" + make_pass(self.secrets, job_id, user_id, time.time())

    def headers(self, user_id: int | None = ADA, job_id: int = JOB) -> dict[str, str]:
        headers = {"Host": self.host(job_id), "Sec-Fetch-Site": "same-origin", "Origin": self.origin(job_id)}
        if user_id is not None:
            headers["Cookie"] = self.cookie(user_id, job_id)
        return headers

    def page_headers(self, user_id: int | None = ADA, job_id: int = JOB) -> dict[str, str]:
        headers = self.headers(user_id, job_id)
        del headers["Origin"]
        return headers | {
            "Sec-Fetch-Site": "none",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
        }

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def ask(
        self, path: str, method: str = "GET", body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Send exactly these headers (by default, ada's own page's) and read the whole answer."""
        connection = self.connect()
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            sent = self.headers() if headers is None else headers
            for name, value in sent.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def speak(self, sent: bytes) -> bytes:
        """Send raw bytes, and read until the server closes or a second passes without anything."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(sent)
            connection.settimeout(1)
            received = b""
            try:
                while chunk := connection.recv(65536):
                    received += chunk
            except TimeoutError:
                pass
            return received


@contextmanager
def serving(
    directory: JobDirectory,
    secrets: DerivesKeys | None = None,
    database: RunsInDatabaseThread = in_a_thread,
) -> Iterator[Way]:
    """Run a passthrough over this directory."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    way = Way(directory, listener.getsockname()[1], secrets, database)
    server = uvicorn.Server(server_config(way.application, way.settings, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        yield way
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()


def until(condition: Callable[[], object], deadline_seconds: float = 5.0) -> None:
    """Wait for a condition; fails past the deadline."""
    end = time.monotonic() + deadline_seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come true in time"
        time.sleep(0.005)

"""uvicorn, as this server needs it: bounded in what it reads, asleep while nothing happens, ending well at SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_DEADLINE_SECONDS = 15.0
HEADER_BYTES = 64 * 1024
TICK_SECONDS = 1.0
"""How often the Date header is renewed, where there is one; uvicorn's own loop turns ten times a second."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP, with what it lacks: a deadline and a size for a request's line and headers."""

    _header_bytes = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock: a connection has to ask for something."""
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._headers_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, unless the headers are already too long."""
        if self._deadline is None:
            super().data_received(data)
            return
        self._header_bytes += len(data)
        super().data_received(data)
        if (
            self._deadline is not None
            and self._header_bytes > HEADER_BYTES
            and not self.transport.is_closing()
        ):
            self.send_400_response("Request headers are too large.")

    def on_message_begin(self) -> None:
        """A new request begins, perhaps on a connection that was kept."""
        super().on_message_begin()
        if self._deadline is None:
            self._await_headers()

    def on_headers_complete(self) -> None:
        """The request is known."""
        self._headers_came()
        super().on_headers_complete()

    def _await_headers(self) -> None:
        self._header_bytes = 0
        self._deadline = self.loop.call_later(HEADER_DEADLINE_SECONDS, self._too_late)

    def _headers_came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


class DrainingServer(uvicorn.Server):
    """uvicorn's server, without its two habits that do not suit a supervised process.

    It wakes for the signal to end and not ten times a second to look for it; and it ends with its caller's own
    exit code, where uvicorn sends itself the signal again.
    """

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Take SIGTERM and SIGINT as the wish to drain."""
        loop = asyncio.get_running_loop()
        self._told_to_end = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.end)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    async def main_loop(self) -> None:
        """Serve until told to end."""
        counter = 0
        while not await self.on_tick(counter):
            counter += 10  # `on_tick` renews the Date header at each tenth count
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS if self.config.date_header else None):
                    await self._told_to_end.wait()

    def end(self) -> None:
        """Stop accepting, answer what has begun, and end. Called from the event loop."""
        self.should_exit = True
        self._told_to_end.set()


def serve(config: uvicorn.Config, sockets: Sequence[socket.socket]) -> None:
    """Serve on bound sockets until SIGTERM or SIGINT, let what is being answered end, and return.

    Must be called in the main thread. Raises `RuntimeError` when the application could not be started.
    """
    server = DrainingServer(config)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve(sockets=list(sockets)))
    if not server.started:
        raise RuntimeError("the application could not be started")

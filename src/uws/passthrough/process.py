"""Runs the passthrough: uvicorn with uvloop and httptools on sockets that were bound before."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from typing import Any

import uvicorn

from uws.background import http
from uws.background.http import BoundedHttpProtocol
from uws.passthrough.application import Passthrough
from uws.passthrough.settings import PassthroughSettings

log = logging.getLogger(__name__)

IDLE_CONNECTION_SECONDS = 60
DRAIN_SECONDS = 5
_PING_SECONDS = 30.0


class NotOurDecisions(logging.Filter):
    """Keeps out of the log what uvicorn takes for mistakes of the application, and are its decisions."""

    _decisions = (
        "ASGI callable returned without completing response.",  # the job's answer broke off, or the right ended
        "ASGI callable returned without completing handshake.",  # a WebSocket was refused
    )

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether to log it."""
        return record.getMessage() not in self._decisions


_not_our_decisions = NotOurDecisions()


def server_config(
    application: Passthrough, settings: PassthroughSettings, **overrides: Any
) -> uvicorn.Config:
    """Return how uvicorn is to serve it, and quiet its log in this process."""
    # What a client sends wrong is answered, not logged; uvicorn's own failures are.
    server_log = logging.getLogger("uvicorn.error")
    server_log.setLevel(logging.ERROR)
    server_log.addFilter(_not_our_decisions)
    options: dict[str, Any] = {
        "http": BoundedHttpProtocol,
        "ws": "websockets-sansio",
        "ws_max_size": settings.socket_message_bytes,
        "ws_per_message_deflate": settings.compress_sockets,
        "ws_ping_interval": _PING_SECONDS,
        "ws_ping_timeout": _PING_SECONDS,
        "lifespan": "on",
        "interface": "asgi3",
        "log_config": None,
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "date_header": False,
        "timeout_keep_alive": IDLE_CONNECTION_SECONDS,
        "timeout_graceful_shutdown": DRAIN_SECONDS,
    }
    return uvicorn.Config(application, **(options | overrides))


def serve(application: Passthrough, sockets: Sequence[socket.socket], settings: PassthroughSettings) -> None:
    """Serve on bound sockets until SIGTERM or SIGINT (see `uws.background.http.serve`).

    Requests have `DRAIN_SECONDS` to end, WebSockets are closed with 1012 (restart): their clients come again.
    """
    http.serve(server_config(application, settings), sockets)

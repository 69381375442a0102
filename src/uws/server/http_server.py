"""How uvicorn serves the console and the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from uws.background.http import BoundedHttpProtocol

DRAIN_SECONDS = 10
SOCKET_MESSAGE_BYTES = 1024 * 1024


def web_config(application: ASGIApp, trusted_proxies: Sequence[str]) -> uvicorn.Config:
    """Return how uvicorn serves the console and the API. Forwarded headers are believed of `trusted_proxies` only."""
    options: dict[str, Any] = {
        "http": BoundedHttpProtocol,
        "ws": "websockets-sansio",
        "ws_max_size": SOCKET_MESSAGE_BYTES,
        "lifespan": "on",
        "interface": "asgi3",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": bool(trusted_proxies),
        "forwarded_allow_ips": list(trusted_proxies),
        "timeout_graceful_shutdown": DRAIN_SECONDS,
    }
    return uvicorn.Config(application, **options)

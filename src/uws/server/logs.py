"""Log lines on standard error: UTC time, level, role, logger, request id, message."""

from __future__ import annotations

import logging
import time

from uws.server.guards import request_id

# uvicorn and Django warn of what clients send wrong: that is answered, not logged.
QUIETER = {
    "aiohttp": "WARNING",
    "asyncio": "WARNING",
    "django-q": "WARNING",
    "django.request": "ERROR",
    "httpx2": "WARNING",
    "uvicorn": "ERROR",
}


class _WithContext(logging.Filter):
    """Adds what the format needs: the role of this process, the request that is being answered."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self.role = role

    def filter(self, record: logging.LogRecord) -> bool:
        record.role = self.role
        record.request_id = request_id.get()
        return True


class _UtcFormatter(logging.Formatter):
    def converter(self, seconds: float | None) -> time.struct_time:
        return time.gmtime(seconds)


def configure_logging(role: str, level: str = "INFO") -> None:
    """Send this process's log lines to standard error. May be repeated, for instance after a fork."""
    handler = logging.StreamHandler()
    handler.addFilter(_WithContext(role))
    handler.setFormatter(
        _UtcFormatter(
            "%(asctime)sZ %(levelname)s %(role)s %(name)s [%(request_id)s] %(message)s", "%Y-%m-%dT%H:%M:%S"
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, quieter_level in QUIETER.items():
        logging.getLogger(name).setLevel(quieter_level)
    queue_logger = logging.getLogger("django-q")
    queue_logger.handlers.clear()  # django_q.conf adds its own where the root had none yet
    queue_logger.propagate = True

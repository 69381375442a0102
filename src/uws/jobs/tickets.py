"""The signed texts that open a running job: a short ticket for the URL, a longer pass for the cookie.

Both say "this user, this job, until then" and grant nothing by themselves: whoever reads one still asks whether
that user may open that job now. Pure functions of their arguments; nothing is stored, so every process of an
installation (they share one secret) reads what another made.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Protocol

TICKET_WINDOW_SECONDS = 300
PASS_LIFETIME_SECONDS = 12 * 3600

TICKET_PREFIX = "uws."
"""What every ticket begins with: an application's own parameter called `ticket` is not mistaken for ours."""

_MAXIMUM_LENGTH = 96
_SHAPE = re.compile(r"uws\.([1-9][0-9]{0,18})\.([0-9]{1,12})\.([A-Za-z0-9_-]{43})", re.ASCII)


class DerivesKeys(Protocol):
    """What is needed of `uws.config.deployment.Secrets`."""

    def derive(self, purpose: str, *parts: str) -> bytes:
        """Return a key for one purpose."""


def make_ticket(secrets: DerivesKeys, job_id: int, user_id: int, now: float) -> str:
    """Return the ticket of a user for a job: equal for all of a 5-minute window, valid to the end of the next.

    `now` is in seconds since the epoch. At most 96 ASCII characters, none of which a URL would escape.
    """
    return _sign(secrets, "job ticket", job_id, user_id, int(now) // TICKET_WINDOW_SECONDS)


def read_ticket(secrets: DerivesKeys, text: str, job_id: int, now: float) -> int | None:
    """Return the user whose ticket for this job `text` is, or None: changed, expired, another job's, no ticket."""
    read = _verify(secrets, "job ticket", job_id, text)
    if read is None:
        return None
    user_id, window = read
    age_windows = int(now) // TICKET_WINDOW_SECONDS - window
    return user_id if age_windows in (0, 1) else None


def make_pass(secrets: DerivesKeys, job_id: int, user_id: int, now: float) -> str:
    """Return the cookie's value for a user and a job, valid for 12 hours after `now` (seconds since the epoch)."""
    return _sign(secrets, "job pass", job_id, user_id, int(now) + PASS_LIFETIME_SECONDS)


def read_pass(secrets: DerivesKeys, text: str, job_id: int, now: float) -> int | None:
    """Return the user whose pass for this job `text` is, or None: changed, expired, another job's, no pass."""
    read = _verify(secrets, "job pass", job_id, text)
    if read is None:
        return None
    user_id, expires_seconds = read
    return user_id if 0 < expires_seconds - now <= PASS_LIFETIME_SECONDS else None


def is_half_spent(text: str, now: float) -> bool:
    """Tell whether a pass that `read_pass` accepted is in the second half of its life and better renewed."""
    return int(text.split(".")[2]) - now < PASS_LIFETIME_SECONDS / 2


def _sign(secrets: DerivesKeys, purpose: str, job_id: int, user_id: int, number: int) -> str:
    return f"{TICKET_PREFIX}{user_id}.{number}.{_mac(secrets, purpose, job_id, user_id, number)}"


def _verify(secrets: DerivesKeys, purpose: str, job_id: int, text: str) -> tuple[int, int] | None:
    match = _SHAPE.fullmatch(text) if len(text) <= _MAXIMUM_LENGTH else None
    if match is None:
        return None
    user_id, number = int(match[1]), int(match[2])
    if not hmac.compare_digest(match[3], _mac(secrets, purpose, job_id, user_id, number)):
        return None
    return user_id, number


def _mac(secrets: DerivesKeys, purpose: str, job_id: int, user_id: int, number: int) -> str:
    message = f"{job_id}.{user_id}.{number}".encode("ascii")
    digest = hmac.digest(secrets.derive(purpose), message, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")

"""What keeps refused logins cheap: remembered verdicts, limits per account and address, and few events.

Portals post to `/tokens/` at every login, members or not. All of this lives in the memory of one process, since a
refusal must cost no write: with several web processes each counts for itself, so that the limits are up to so many
times higher. Nothing here holds a token: verdicts lie under a keyed hash of what was sent.
"""

from __future__ import annotations

import ipaddress
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

from uws.config.deployment import Secrets
from uws.refusals import Refusal, TooManyRequests

VERDICT_SECONDS = 60.0
WINDOW_SECONDS = 60.0
EVENT_SECONDS = 60.0
KEPT_ENTRIES = 10_000
LONGEST_NAME = 64

T = TypeVar("T")
Clock = Callable[[], float]


class LoginRefused(Refusal):
    """Nobody gets a token for this. `reason` is for the event log; callers all read the same."""

    def __init__(self, message: str, *, status: int, reason: str) -> None:
        super().__init__(message, status=status)
        self.reason = reason


@dataclass(frozen=True)
class Attempt:
    """One request for a token: whose it says it is (where it does), where from, and a keyed hash of all of it."""

    account: str | None
    address: str
    verdict_key: str

    @property
    def keys(self) -> tuple[str, ...]:
        named = (f"account {self.account}",) if self.account else ()
        return (*named, f"address {self.address}")


@dataclass
class _Window:
    """Refusals counted under one key since `began`, and those that no event has told of yet."""

    began: float
    count: int = 0


@dataclass
class _Told:
    last: float
    untold: int = 0


@dataclass
class LoginRefusals:
    """The refusals of one process. Safe for threads; each table keeps its newest `KEPT_ENTRIES` entries."""

    secrets: Secrets
    per_account: int
    per_address: int
    clock: Clock = time.monotonic
    _lock: Lock = field(default_factory=Lock)
    _verdicts: OrderedDict[str, tuple[float, LoginRefused]] = field(default_factory=OrderedDict)
    _windows: OrderedDict[str, _Window] = field(default_factory=OrderedDict)
    _told: OrderedDict[str, _Told] = field(default_factory=OrderedDict)

    def attempt(self, body: Mapping[str, object], address: str) -> Attempt:
        """Describe a request for a token. `body` is its parsed JSON, `address` the client's."""
        text = json.dumps(body, sort_keys=True, ensure_ascii=True, default=str)
        return Attempt(_account(body), _network(address), self.secrets.derive_hex("login verdict", text))

    def check(self, attempt: Attempt) -> None:
        """Raise `TooManyRequests` over a limit, and the remembered `LoginRefused` of the same request."""
        with self._lock:
            now = self.clock()
            wait = max(self._wait_seconds(key, now) for key in attempt.keys)
            remembered = self._verdicts.get(attempt.verdict_key)
        if wait > 0:
            raise TooManyRequests(
                "Too many logins were refused for this account or from this address. Try again later.",
                retry_after_seconds=max(1, round(wait + 0.5)),
            )
        if remembered is not None and now < remembered[0]:
            verdict = remembered[1]
            raise LoginRefused(verdict.message, status=verdict.status, reason=verdict.reason)

    def refused(self, attempt: Attempt, refusal: LoginRefused) -> int:
        """Count a refusal and remember its verdict. Returns how many an event should tell of now, 0 for no event."""
        with self._lock:
            now = self.clock()
            for key in attempt.keys:
                window = self._windows.pop(key, None)
                if window is None or now - window.began >= WINDOW_SECONDS:
                    window = _Window(now)
                window.count += 1
                _keep(self._windows, key, window)
            if attempt.verdict_key not in self._verdicts or now >= self._verdicts[attempt.verdict_key][0]:
                self._verdicts.pop(attempt.verdict_key, None)
                verdict = LoginRefused(refusal.message, status=refusal.status, reason=refusal.reason)
                _keep(self._verdicts, attempt.verdict_key, (now + VERDICT_SECONDS, verdict))
            return self._to_tell(attempt, now)

    def succeeded(self, attempt: Attempt) -> None:
        """Forget what was counted against the account: its owner is here."""
        if attempt.account:
            with self._lock:
                self._windows.pop(f"account {attempt.account}", None)

    def _wait_seconds(self, key: str, now: float) -> float:
        window = self._windows.get(key)
        limit = self.per_account if key.startswith("account ") else self.per_address
        if window is None or window.count < limit:
            return 0.0
        return window.began + WINDOW_SECONDS - now

    def _to_tell(self, attempt: Attempt, now: float) -> int:
        """One event a minute for an account and for an address; the next one counts those in between."""
        told = [self._told.pop(key, _Told(now - EVENT_SECONDS)) for key in attempt.keys]
        due = all(now - each.last >= EVENT_SECONDS for each in told)
        count = 1 + max(each.untold for each in told)
        for key, each in zip(attempt.keys, told, strict=True):
            _keep(self._told, key, _Told(now) if due else _Told(each.last, each.untold + 1))
        return count if due else 0


def _keep(table: OrderedDict[str, T], key: str, value: T) -> None:
    table[key] = value
    while len(table) > KEPT_ENTRIES:
        table.popitem(last=False)


def _account(body: Mapping[str, object]) -> str | None:
    """Return the user name that the request gives, as it is told in events: cut, in lower case."""
    who = body.get("user_info")
    name = who.get("username") if isinstance(who, dict) else None
    return name[:LONGEST_NAME].casefold() if isinstance(name, str) and name else None


def _network(address: str) -> str:
    """Return an IPv4 address as it is, and of an IPv6 address its /64: a single host has as many as it likes."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:LONGEST_NAME]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))

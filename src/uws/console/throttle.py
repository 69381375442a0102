"""Guessing passwords is slowed: per account name and per address, in this process's memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock

FREE_FAILURES = 5
LONGEST_WAIT_SECONDS = 300.0
FORGET_AFTER_SECONDS = 3600.0
_KEPT_KEYS = 10_000


class Throttle:
    """Counts failures under keys, and says how long a key must wait: 1 s, 2 s, 4 s … after the free ones."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = Lock()

    def wait_seconds(self, *keys: str, now: float | None = None) -> float:
        """Return how long these keys' owner must wait before the next attempt; 0 where not at all."""
        moment = time.monotonic() if now is None else now
        with self._lock:
            return max((self._wait(key, moment) for key in keys), default=0.0)

    def failed(self, *keys: str, now: float | None = None) -> None:
        """Count one failure under each key. The longest unused keys are forgotten first."""
        moment = time.monotonic() if now is None else now
        with self._lock:
            for key in keys:
                count, last = self._failures.pop(key, (0, moment))
                self._failures[key] = (1 if moment - last > FORGET_AFTER_SECONDS else count + 1, moment)
            while len(self._failures) > _KEPT_KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        with self._lock:
            self._failures.pop(key, None)

    def _wait(self, key: str, now: float) -> float:
        count, last = self._failures.get(key, (0, 0.0))
        if count < FREE_FAILURES or now - last > FORGET_AFTER_SECONDS:
            return 0.0
        wait = min(LONGEST_WAIT_SECONDS, 2.0 ** min(count - FREE_FAILURES, 16))
        return max(0.0, last + wait - now)


password_guesses = Throttle()

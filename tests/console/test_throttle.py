from __future__ import annotations

from uws.console.throttle import FORGET_AFTER_SECONDS, FREE_FAILURES, LONGEST_WAIT_SECONDS, Throttle


def failures(throttle: Throttle, count: int, now: float = 0.0) -> None:
    for _ in range(count):
        throttle.failed("ada", now=now)


def test_the_first_failures_are_free() -> None:
    throttle = Throttle()
    failures(throttle, FREE_FAILURES - 1)
    assert throttle.wait_seconds("ada", now=0.0) == 0


def test_each_further_failure_doubles_the_wait() -> None:
    throttle = Throttle()
    failures(throttle, FREE_FAILURES)
    assert throttle.wait_seconds("ada", now=0.0) == 1
    failures(throttle, 3)
    assert throttle.wait_seconds("ada", now=0.0) == 8
    assert throttle.wait_seconds("ada", now=6.0) == 2


def test_the_wait_has_an_end() -> None:
    throttle = Throttle()
    failures(throttle, 1000)
    assert throttle.wait_seconds("ada", now=0.0) == LONGEST_WAIT_SECONDS
    assert throttle.wait_seconds("ada", now=FORGET_AFTER_SECONDS + 1) == 0


def test_others_do_not_wait() -> None:
    throttle = Throttle()
    failures(throttle, 50)
    assert throttle.wait_seconds("grace", now=0.0) == 0


def test_success_forgets() -> None:
    throttle = Throttle()
    failures(throttle, 50)
    throttle.succeeded("ada")
    assert throttle.wait_seconds("ada", now=0.0) == 0

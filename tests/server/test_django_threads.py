from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from io import BytesIO
from typing import Any, cast

import pytest
from starlette.types import Scope
from tests.server.asgi import Answer, ask, ask_async, scope_of

from uws.server.django_threads import FAST_THREADS, SLOW_THREADS, DjangoThreads, may_call_out
from uws.server.read_first import SCOPE_KEY, Exchange
from uws.site import Site

A_SITE = cast(Site, object())


def with_body(scope: Scope, body: bytes = b"", *, client_left: bool = False) -> Scope:
    return {**scope, SCOPE_KEY: Exchange(BytesIO(body), len(body), client_left)}


class Echo:
    """A WSGI application that answers with its body, and remembers its environment."""

    def __init__(self) -> None:
        self.environs: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.environs.append(environ)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))]


def test_a_chunked_body_reaches_django_whole() -> None:
    echo = Echo()
    headers = [("host", "localhost"), ("transfer-encoding", "chunked")]
    answer = ask(DjangoThreads(echo, A_SITE), with_body(scope_of("/tokens/", "POST", headers), b"abcd"))
    assert answer.body == b"abcd"
    assert "HTTP_TRANSFER_ENCODING" not in echo.environs[0]


def test_every_request_is_given_the_site() -> None:
    echo = Echo()
    ask(DjangoThreads(echo, A_SITE), with_body(scope_of("/jobs/")))
    assert echo.environs[0]["uws.site"] is A_SITE


def test_a_request_whose_client_left_is_not_passed_on() -> None:
    echo = Echo()
    ask(DjangoThreads(echo, A_SITE), with_body(scope_of("/jobs/"), client_left=True))
    assert echo.environs == []


@pytest.mark.parametrize(
    ("method", "path", "calls_out"),
    [
        ("GET", "/workspaces/", False),
        ("HEAD", "/jobs/", False),
        ("OPTIONS", "/jobs/", False),
        ("GET", "/console/", False),
        ("GET", "/console/jobs/3/", False),
        ("GET", "/console/workspaces/3/", True),
        ("POST", "/tokens/", True),
        ("POST", "/workspaces/", True),
        ("PUT", "/workspaces/3/start/", True),
        ("PUT", "/workspaces/3/upload/", True),
        ("PUT", "/jobs/3/stop/", True),
        ("DELETE", "/workspaces/3/", True),
    ],
)
def test_what_may_call_out_is_known_by_method_and_path(method: str, path: str, calls_out: bool) -> None:
    assert may_call_out(method, path) is calls_out


def test_slow_calls_out_do_not_delay_lists() -> None:
    go_on = threading.Event()

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST":
            assert go_on.wait(20)
        start_response("200 OK", [])
        return [b""]

    async def both() -> tuple[list[Answer], list[Answer]]:
        threads = DjangoThreads(application, A_SITE)
        slow = [
            asyncio.create_task(ask_async(threads, with_body(scope_of("/tokens/", "POST"))))
            for _ in range(SLOW_THREADS + 2)
        ]
        async with asyncio.timeout(10):
            fast = [await ask_async(threads, with_body(scope_of("/jobs/"))) for _ in range(FAST_THREADS + 2)]
        assert not any(task.done() for task in slow)
        go_on.set()
        return fast, list(await asyncio.gather(*slow))

    fast, slow = asyncio.run(both())
    assert {answer.status for answer in fast + slow} == {200}

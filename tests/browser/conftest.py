"""A real server, a real browser and a real data set for each test; what went wrong is kept beside it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request
from tests.browser.dataset import FILE_NAME, cache_directory, fetch
from tests.browser.served import Api, Served, built_environments, end_all_jobs, new_data_directory
from tests.browser.steps import sign_in

FAILED = pytest.StashKey[bool]()
DEADLINE_MILLISECONDS = 15_000

ServeNew = Callable[..., Served]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="session")
def environments(chromium: Browser) -> Path:
    """The shipped environments, built once and kept for the next run; asks for the browser first, which may lack."""
    return built_environments(cache_directory())


@pytest.fixture(scope="session")
def dataset(chromium: Browser) -> Path:
    return fetch(cache_directory())


@pytest.fixture
def serve_new(tmp_path: Path, environments: Path) -> Iterator[ServeNew]:
    """Start a server on a fresh data directory; jobs that are left at the end are stopped, then the server."""
    started: list[Served] = []

    def serve_new(
        job_types: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        data: Path | None = None,
    ) -> Served:
        data_dir = new_data_directory(tmp_path / f"data-dir-{len(started)}", environments, job_types)
        if data is not None:
            (data_dir / "data").mkdir()
            (data_dir / "data" / FILE_NAME).write_bytes(data.read_bytes())
        started.append(Served(data_dir, environment))
        started[-1].start()
        return started[-1]

    yield serve_new
    with ExitStack() as stack:
        for served in started:
            stack.callback(served.stop)
            stack.callback(end_all_jobs, served)


@pytest.fixture
def api() -> Iterator[Callable[[Served], Api]]:
    opened: list[Api] = []

    def api(served: Served) -> Api:
        opened.append(Api(served))
        return opened[-1]

    yield api
    for each in opened:
        each.close()


class Browsing:
    """One person's browser, and what must not happen in it."""

    def __init__(self, chromium: Browser) -> None:
        self._chromium = chromium
        self.contexts: list[BrowserContext] = []
        self.outside: list[str] = []
        self.complaints: list[str] = []
        self.gone_hosts: set[str] = set()
        """Hosts of jobs that a test has ended: their pages may say that nobody answers."""

    def open(self, base_url: str) -> BrowserContext:
        """Open a new profile, whose requests and complaints are noted."""
        context = self._chromium.new_context(base_url=base_url, viewport={"width": 1200, "height": 900})
        self.contexts.append(context)
        context.set_default_timeout(DEADLINE_MILLISECONDS)
        context.on("request", self._note_request)
        context.on("console", self._note_message)
        context.on("weberror", lambda error: self._complain(error.page, str(error.error)))
        return context

    def sign_in(self, served: Served) -> Page:
        """Open a new profile on the server's pages, and sign in there with the link that it printed."""
        page = self.open(served.url).new_page()
        sign_in(page, served.link)
        return page

    def _note_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and not is_loopback(parts.hostname or ""):
            self.outside.append(request.url)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._complain(message.page, message.text)

    def _complain(self, page: Page | None, text: str) -> None:
        url = page.url if page is not None else ""
        if urlsplit(url).hostname not in self.gone_hosts:
            self.complaints.append(f"{url}: {text}")


def is_loopback(host: str) -> bool:
    return host in ("localhost", "127.0.0.1") or host.endswith(".localhost")


@pytest.fixture
def browsing(
    chromium: Browser, request: pytest.FixtureRequest, tmp_path: Path, serve_new: ServeNew
) -> Iterator[Browsing]:
    """Chromium without a past; at the end nothing has left this machine, and no script has failed."""
    browsing = Browsing(chromium)
    yield browsing
    for context in browsing.contexts:
        if request.node.stash.get(FAILED, False):
            dump(context, tmp_path)
        context.close()
    assert browsing.outside == []
    assert browsing.complaints == []


def dump(context: BrowserContext, logs: Path) -> None:
    """Keep a picture of every tab beside the server's log, and say where: pytest removes its own directories."""
    kept = Path(tempfile.mkdtemp(prefix="uws-browser-failure-"))
    for number, page in enumerate(context.pages):
        page.screenshot(path=kept / f"tab-{number}.png")
    for log in sorted(logs.glob("*.log")):
        (kept / log.name).write_bytes(log.read_bytes())
    print(f"Pictures of the tabs and the server's log: {kept}")

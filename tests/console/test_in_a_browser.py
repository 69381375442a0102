"""The console's own scripts in Chromium, against a whole server: live updates, uploads, signing in by a link."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import CONFIG

pytestmark = pytest.mark.browser

DEADLINE_MILLISECONDS = 15_000
WORKSPACE_PAGE = re.compile(r"/console/workspaces/\d+/$")
JOB_PAGE = re.compile(r"/console/jobs/\d+/$")


@dataclass
class Served:
    """A running server: its address, its sign-in link, and the process that a test may end."""

    address: str
    link: str
    process: subprocess.Popen[str]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="module")
def served(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("served")
    (directory / "config.json").write_text(json.dumps(CONFIG))
    command: list[str | Path] = [
        Path(sys.executable).with_name("uws"),
        "serve",
        "--port",
        "0",
        "--jobs-port",
        "0",
    ]
    log = (directory / "log").open("w")
    with (
        log,
        subprocess.Popen(
            [*command, "--data-dir", directory / "data", "--config", directory / "config.json"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        link = next(
            (found[0] for line in process.stdout if (found := re.search(r"http\S+/sign-in/\S+", line))), ""
        )
        assert link, (directory / "log").read_text()
        yield Served(link.partition("/sign-in/")[0], link, process)
        process.terminate()


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """What Chromium complained of on any page, such as a script that the content security policy refused."""
    return []


@pytest.fixture(scope="module")
def page(chromium: Browser, served: Served, complaints: list[str]) -> Page:
    """A tab in which the first administrator is signed in by the printed link, which nobody clicked on."""
    context = chromium.new_context(base_url=served.address)
    context.set_default_timeout(DEADLINE_MILLISECONDS)
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(served.link)
    page.wait_for_url("**/console/")
    return page


@pytest.fixture
def workspace(page: Page, tmp_path: Path) -> Page:
    """The page of a new workspace, made by the form, with a file uploaded."""
    file = tmp_path / "counts.csv"
    file.write_bytes(b"x" * 123_456)
    page.goto("/console/workspaces/new/")
    page.get_by_label("Name").fill("Blood cells")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Make the workspace").click()
    page.wait_for_url(WORKSPACE_PAGE)
    return page


def start(page: Page, name: str) -> None:
    page.get_by_role("link", name=re.compile(f"^{name}")).first.click()
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(JOB_PAGE)
    page.evaluate("window.sameDocument = true")


def test_a_refused_form_keeps_the_files_that_were_chosen(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "kept.csv"
    file.write_text("a,b")
    page.goto("/console/workspaces/new/")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Make the workspace").click()
    expect(page.get_by_text("Give the workspace a name.")).to_be_visible()
    expect(page.get_by_label("Name")).to_be_focused()
    page.get_by_label("Name").fill("Second try")
    page.get_by_role("button", name="Make the workspace").click()
    page.wait_for_url(WORKSPACE_PAGE)
    expect(page.get_by_role("cell", name="kept.csv")).to_be_visible()


def test_files_are_uploaded_as_soon_as_they_are_chosen(workspace: Page, tmp_path: Path) -> None:
    expect(workspace.get_by_text("123 kB").first).to_be_visible()
    second = tmp_path / "second.csv"
    second.write_text("a,b")
    workspace.locator("input[type=file]").set_input_files([second])
    expect(workspace.get_by_role("cell", name="second.csv")).to_be_visible()


def test_a_job_is_followed_to_its_end_without_reloading(workspace: Page) -> None:
    start(workspace, "Brief")
    expect(workspace.locator(".chip").first).to_have_text("Finished", timeout=DEADLINE_MILLISECONDS)
    assert workspace.evaluate("window.sameDocument")
    expect(workspace).to_have_title(re.compile("^Finished: Brief · "))


def test_the_focus_stays_while_the_page_changes(workspace: Page) -> None:
    start(workspace, "Sleeper")
    workspace.locator("#stop-job").focus()
    expect(workspace.locator(".chip").first).to_have_text("Running", timeout=DEADLINE_MILLISECONDS)
    expect(workspace.locator("#stop-job")).to_be_focused()
    workspace.locator("#stop-job").click()
    expect(workspace.get_by_role("button", name="Start again")).to_be_visible(timeout=DEADLINE_MILLISECONDS)
    expect(workspace.locator(".chip").first).to_have_text("Stopped")


def test_the_clock_ticks(workspace: Page) -> None:
    start(workspace, "Sleeper")
    clock = workspace.locator("[data-clock-since]").first
    expect(clock).to_have_text(re.compile("^[2-9] s"), timeout=DEADLINE_MILLISECONDS)
    workspace.locator("#stop-job").click()
    expect(workspace.get_by_role("button", name="Start again")).to_be_visible(timeout=DEADLINE_MILLISECONDS)


def test_no_page_was_complained_of(page: Page, complaints: list[str]) -> None:
    for address in ("/console/", "/console/account/", "/console/workspaces/new/"):
        page.goto(address)
    refused_form = "the server responded with a status of 400"
    assert [text for text in complaints if refused_form not in text and "[DOM]" not in text] == []


def test_a_page_says_when_the_server_is_away(workspace: Page, served: Served) -> None:
    served.stop()
    expect(workspace.get_by_text("Live updates paused")).to_be_visible(timeout=DEADLINE_MILLISECONDS)

"""The steps of a person's way, each on the page where it is taken, as tests and the screenshots' script take them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

JOB_PAGE = re.compile(r"/console/jobs/(\d+)/$")
WORKSPACE_PAGE = re.compile(r"/console/workspaces/(\d+)/$")
LAB_MILLISECONDS = 60_000
JOB_MILLISECONDS = 30_000

ARGUMENTS = [
    *("--disable-quic", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]


def sign_in(page: Page, link: str) -> None:
    page.goto(link)
    page.wait_for_url("**/console/")


def make_workspace(page: Page, name: str, files: Sequence[Path] = ()) -> int:
    """Make a workspace by the form, stay on its page and return its id."""
    page.goto("/console/workspaces/new/")
    page.get_by_label("Name").fill(name)
    page.locator("input[type=file]").set_input_files(files)
    page.get_by_role("button", name="Make the workspace").click()
    page.wait_for_url(WORKSPACE_PAGE)
    return id_in_address(page, WORKSPACE_PAGE)


def choose_data_to_link(page: Page, collection: str, file_name: str) -> None:
    """From the workspace's page: go to the form that links one file of an offered collection."""
    page.get_by_role("link", name="Link data").click()
    page.get_by_role("link", name=re.compile(f"^{re.escape(collection)}")).first.click()
    page.get_by_role("link", name=file_name).click()


def choose_program(page: Page, name: str, options: Mapping[str, str] | None = None) -> None:
    """From the workspace's page: go to the form that starts the program, and fill it in. `options` are by label."""
    page.get_by_role("link", name=re.compile(f"^{re.escape(name)}")).first.click()
    for label, value in (options or {}).items():
        page.get_by_label(label, exact=True).filter(visible=True).fill(value)


def start(page: Page) -> int:
    """Send the form, stay on the job's page and return the job's id."""
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(JOB_PAGE)
    return id_in_address(page, JOB_PAGE)


def id_in_address(page: Page, pattern: re.Pattern[str]) -> int:
    found = pattern.search(page.url)
    assert found is not None, page.url
    return int(found[1])


def wait_until_offered(page: Page) -> Locator:
    """On the job's page: wait for Open, which comes without a reload."""
    button = page.locator("#open-job")
    expect(button).to_be_visible(timeout=JOB_MILLISECONDS)
    return button


def open_application(page: Page) -> Page:
    """On the job's page: press Open as soon as it is offered, and return the tab that opens."""
    button = wait_until_offered(page)
    with page.context.expect_page() as opened:
        button.click()
    return opened.value


def open_notebook(lab: Page, name: str) -> None:
    """In JupyterLab: open a notebook of the workspace, and wait for its kernel."""
    expect(lab.locator(".jp-DirListing-item").first).to_be_visible(timeout=LAB_MILLISECONDS)
    lab.locator(".jp-DirListing-item", has_text=name).dblclick()
    expect(lab.locator(".jp-Notebook .jp-Cell").first).to_be_visible(timeout=LAB_MILLISECONDS)
    # Before that, Run asks which kernel to take.
    expect(lab.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=LAB_MILLISECONDS)


def run_all_cells(lab: Page) -> None:
    lab.get_by_role("menuitem", name="Run", exact=True).click()
    lab.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def save(lab: Page) -> None:
    lab.get_by_role("button", name=re.compile("^Save")).click()


def stop(page: Page) -> None:
    """On the job's page: stop the job, and wait for its end, which shows without a reload."""
    page.get_by_role("button", name="Stop", exact=True).click()
    wait_for_end(page)


def wait_for_end(page: Page) -> None:
    expect(page.get_by_role("button", name="Start again")).to_be_visible(timeout=JOB_MILLISECONDS)


def facts(page: Page) -> dict[str, str]:
    """On the job's page: what it took and what it may use, as they read."""
    terms = page.locator(".facts-list dt").all_inner_texts()
    return dict(zip(terms, page.locator(".facts-list dd").all_inner_texts(), strict=True))


def step_times(page: Page) -> dict[str, str]:
    """On the job's page: how long each step took, as it reads."""
    titles = page.locator(".step-title").all_inner_texts()
    return dict(zip(titles, page.locator(".step-time").all_inner_texts(), strict=True))

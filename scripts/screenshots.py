"""Take the pictures of README.md and docs/tutorial/ anew, from a real run of the tutorial's way. `make screenshots`.

Needs Chromium: `UWS_TEST_CHROMIUM` names it, else it is looked for on the path.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run as a file, it finds only what lies beside it

from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402
from tests.browser import dataset, steps  # noqa: E402
from tests.browser.served import (  # noqa: E402
    Served,
    built_environments,
    end_all_jobs,
    new_data_directory,
    run_uws,
)

IMAGES = ROOT / "docs" / "images"
WIDTH_PIXELS = 1200
ADA = ("--first-name", "Ada", "--last-name", "Lovelace")


def picture(page: Page, name: str, height_pixels: int) -> None:
    """Keep the upper part of a page, once nothing moves on it any more."""
    page.set_viewport_size({"width": WIDTH_PIXELS, "height": height_pixels})
    page.wait_for_load_state("networkidle")
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path, animations="disabled", caret="hide")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB", flush=True)


def take_pictures(browser: Browser, served: Served) -> None:
    """Go the tutorial's way and take a picture at each stop."""
    context = browser.new_context(base_url=served.url, locale="en-GB", color_scheme="light")
    context.set_default_timeout(steps.LAB_MILLISECONDS)
    page = context.new_page()
    steps.sign_in(page, served.link)
    picture(page, "first-page", 600)
    steps.make_workspace(page, "Blood cells", [dataset.NOTEBOOK])
    steps.choose_data_to_link(page, "Data", dataset.FILE_NAME)
    picture(page, "link-data", 430)
    page.get_by_role("button", name="Link this").click()
    page.wait_for_url(steps.WORKSPACE_PAGE)
    steps.choose_program(page, "JupyterLab")
    picture(page, "start", 1010)
    steps.start(page)
    steps.wait_until_offered(page)
    picture(page, "job-ready", 580)
    lab = steps.open_application(page)
    lab.set_viewport_size({"width": WIDTH_PIXELS, "height": 900})
    steps.open_notebook(lab, dataset.NOTEBOOK.name)
    steps.run_all_cells(lab)
    expect(lab.locator(".jp-OutputArea-output img")).to_be_visible(timeout=steps.LAB_MILLISECONDS)
    steps.save(lab)
    lab.locator(".jp-OutputArea-output img").scroll_into_view_if_needed()
    picture(lab, "notebook", 900)
    page.bring_to_front()
    steps.stop(page)
    picture(page, "job-ended", 640)
    page.get_by_role("link", name="Files in the workspace").click()
    expect(page.get_by_role("row", name="result.json")).to_be_visible()
    page.goto("/console/workspaces/1/")
    picture(page, "workspace", 835)
    context.close()


def main() -> int:
    """Serve, go the way, and leave nothing behind but pictures."""
    chromium = (
        os.environ.get("UWS_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    if chromium is None:
        print("Chromium is needed: install it, or name it in UWS_TEST_CHROMIUM.", file=sys.stderr)
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    data = dataset.fetch(dataset.cache_directory())
    environments = built_environments(dataset.cache_directory())
    with tempfile.TemporaryDirectory(prefix="uws-screenshots-") as folder, sync_playwright() as playwright:
        data_dir = new_data_directory(Path(folder) / "data-dir", environments)
        (data_dir / "data").mkdir()
        shutil.copy(data, data_dir / "data" / dataset.FILE_NAME)
        where = ("--data-dir", str(data_dir))
        run_uws("migrate", *where)
        run_uws("admin", "user", "create", "ada", "--email", "ada@example.org", "--admin", *ADA, *where)
        served = Served(data_dir)
        served.start()
        browser = playwright.chromium.launch(executable_path=chromium, args=steps.ARGUMENTS)
        try:
            take_pictures(browser, served)
        finally:
            browser.close()
            end_all_jobs(served)
            served.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())

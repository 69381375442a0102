"""A researcher's way, in Chromium: from the sign-in link to a result in the workspace, and across a crash."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.browser import steps
from tests.browser.conftest import Browsing, ServeNew
from tests.browser.dataset import EXPECTED_RESULT, FILE_NAME, NOTEBOOK
from tests.browser.served import Api, Served
from tests.conftest import wait_until

pytestmark = pytest.mark.browser

SECONDS = re.compile(r"^\d+(\.\d)? s$")
MEGABYTES = re.compile(r"^\d+(\.\d)? MB$")

COUNTING = """\
import time
with open("count.txt", "w") as file:
    for number in range(3600):
        print(number, time.time(), file=file, flush=True)
        time.sleep(1)"""


def counting_notebook(path: Path) -> Path:
    cell: dict[str, object] = {
        "cell_type": "code",
        "id": "count",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
    }
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook = {"cells": [cell | {"source": COUNTING}], "metadata": {"kernelspec": kernel}}
    path.write_text(json.dumps(notebook | {"nbformat": 4, "nbformat_minor": 5}))
    return path


def test_a_researcher_finds_the_result_of_a_notebook_in_the_workspace(
    browsing: Browsing, serve_new: ServeNew, dataset: Path
) -> None:
    served = serve_new(data=dataset)
    page = browsing.sign_in(served)
    see_the_empty_first_page(page)
    make_the_workspace(page, NOTEBOOK)
    start_jupyterlab(page)
    lab = open_jupyterlab(page)
    compute_in_jupyterlab(lab, served)
    browsing.gone_hosts.add("job-1.localhost")
    steps.stop(page)
    see_what_it_took(page)
    see_the_result_in_the_workspace(page)
    see_that_the_job_has_gone(lab)


def see_the_empty_first_page(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text("Welcome")
    expect(page.get_by_text("What the operator has put into data/")).to_be_visible()
    page.get_by_role("link", name="Make your first workspace").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("New workspace")


def make_the_workspace(page: Page, file: Path) -> None:
    steps.make_workspace(page, "Blood cells", [file])
    expect(page.get_by_role("heading", level=1)).to_have_text("Blood cells")
    expect(page.get_by_role("cell", name="blood-cells.ipynb")).to_be_visible()
    steps.choose_data_to_link(page, "Data", FILE_NAME)
    expect(page.get_by_label("Name of the link in the workspace")).to_have_value(FILE_NAME)
    page.get_by_role("button", name="Link this").click()
    page.wait_for_url(steps.WORKSPACE_PAGE)
    expect(page.get_by_role("cell", name=f"Link: {FILE_NAME}")).to_be_visible()
    expect(page.get_by_text("1 file, 1 link")).to_be_visible()


def start_jupyterlab(page: Page) -> None:
    steps.choose_program(page, "JupyterLab", {"CPUs": "2", "Memory": "1", "Time limit": "2"})
    expect(page.get_by_text("How many CPUs the job may use.")).to_be_visible()
    steps.start(page)
    page.evaluate("window.sameDocument = true")
    expect(page.get_by_role("heading", level=1)).to_have_text("JupyterLab")
    assert list(steps.step_times(page)) == ["Queue", "Environment", "Program starts", "Ready to use"]
    # A sentence says what it waits for, from the first moment on.
    expect(page.locator(".sentence")).to_contain_text(re.compile("starting|turn|answers"))
    asked = steps.facts(page)
    assert (asked["CPUs"], asked["Memory"], asked["Time limit"]) == ("2", "1 GB", "2 h")


def open_jupyterlab(page: Page) -> Page:
    lab = steps.open_application(page)
    assert page.evaluate("window.sameDocument")
    expect(page.locator(".chip").first).to_have_text("Ready")
    expect(page).to_have_title(re.compile("^Ready: JupyterLab"))
    times = steps.step_times(page)
    assert SECONDS.match(times["Queue"])
    assert times["Environment"] == "nothing to do"
    assert SECONDS.match(times["Program starts"])
    lab.wait_for_url("**/lab")
    assert re.match(r"http://job-1\.localhost:\d+/lab$", lab.url)
    return lab


def compute_in_jupyterlab(lab: Page, served: Served) -> None:
    steps.open_notebook(lab, "blood-cells.ipynb")
    expect(lab.locator(".jp-DirListing-item", has_text=FILE_NAME)).to_be_visible()
    steps.run_all_cells(lab)
    expect(lab.get_by_text("700 cells of 10 types")).to_be_visible(timeout=steps.LAB_MILLISECONDS)
    result = served.workspaces / "1" / "result.json"
    wait_until(result.exists)
    expect(lab.locator(".jp-OutputArea-output img")).to_be_visible(timeout=steps.LAB_MILLISECONDS)
    expect(lab.get_by_text("Jupyter news")).to_have_count(0)  # nobody is asked what this server would not do
    steps.save(lab)
    saved = served.workspaces / "1" / "blood-cells.ipynb"
    wait_until(lambda: "700 cells of 10 types" in saved.read_text())
    assert json.loads(result.read_text()) == EXPECTED_RESULT


def see_what_it_took(page: Page) -> None:
    expect(page.locator(".chip").first).to_have_text("Stopped")
    took = steps.facts(page)
    assert SECONDS.match(took["Duration"]), took
    assert SECONDS.match(took["CPU time"]), took
    assert MEGABYTES.match(took["Peak memory"]), took
    assert float(took["CPU time"].split()[0]) > 1
    assert float(took["Peak memory"].split()[0]) > 50
    assert took["Ended"] != "never"


def see_the_result_in_the_workspace(page: Page) -> None:
    page.get_by_role("link", name="Files in the workspace").click()
    page.wait_for_url(re.compile(r"/console/workspaces/1/"))
    row = page.get_by_role("row", name=re.compile("result.json"))
    expect(row).to_be_visible()
    expect(row).to_contain_text("bytes")
    expect(page.get_by_role("row", name=re.compile("blood-cells.ipynb"))).to_contain_text("kB")
    ended = page.locator("#job-1")
    expect(ended.locator(".chip")).to_have_text("Stopped")
    expect(ended).to_contain_text(re.compile(r"ran \d+.* s CPU.* MB at most", re.DOTALL))


def see_that_the_job_has_gone(lab: Page) -> None:
    """JupyterLab's tab is still open; who reloads it is told what happened, and finds the way back."""
    lab.reload(wait_until="domcontentloaded")
    expect(lab.locator("body")).to_contain_text(re.compile("stopped|ended", re.IGNORECASE))


def numbers(path: Path) -> list[int]:
    return [int(line.split()[0]) for line in path.read_text().splitlines()]


def test_a_kernel_computes_on_while_every_process_of_the_server_is_dead(
    browsing: Browsing, serve_new: ServeNew, tmp_path: Path, api: Callable[[Served], Api]
) -> None:
    served = serve_new()
    page = browsing.sign_in(served)
    script = tmp_path / "ends.sh"
    script.write_text(
        "while ! [ -e crashed ]; do sleep 0.1; done\nhead -c 50000000 /dev/zero | tail -c 1\nexit 3\n"
    )
    steps.make_workspace(page, "Counting", [counting_notebook(tmp_path / "count.ipynb"), script])
    steps.choose_program(page, "Script", {"Script": "ends.sh"})
    ends_meanwhile = steps.start(page)
    page.goto("/console/workspaces/1/")
    steps.choose_program(page, "JupyterLab")
    counting = steps.start(page)
    lab = steps.open_application(page)
    steps.open_notebook(lab, "count.ipynb")
    steps.run_all_cells(lab)
    lines = served.workspaces / "1" / "count.txt"
    wait_until(lambda: lines.exists() and len(numbers(lines)) >= 2)
    address = lab.url
    lab.close()

    assert browsing.complaints == []
    served.kill_all()
    expect(page.get_by_text("Live updates paused")).to_be_visible()
    before = len(numbers(lines))
    (served.workspaces / "1" / "crashed").touch()
    wait_until(lambda: len(numbers(lines)) >= before + 3)
    served.start()
    expect(page.get_by_text("Live updates paused")).to_be_hidden(timeout=steps.JOB_MILLISECONDS)
    browsing.complaints.clear()  # of refused connections

    page.goto(f"/console/jobs/{ends_meanwhile}/")
    steps.wait_for_end(page)
    expect(page.locator(".chip").first).to_have_text("Failed")
    assert steps.facts(page)["Exit code"] == "3"
    page.goto(f"/console/jobs/{counting}/")
    lab = steps.open_application(page)
    lab.wait_for_url("**/lab**")
    assert lab.url.partition("/lab")[0] == address.partition("/lab")[0]
    expect(lab.locator(".jp-DirListing-item", has_text="count.txt")).to_be_visible(
        timeout=steps.LAB_MILLISECONDS
    )
    seen = len(numbers(lines))
    wait_until(lambda: len(numbers(lines)) >= seen + 2)
    lab.close()
    steps.stop(page)

    counted = numbers(lines)
    assert counted == list(range(len(counted)))
    times = [float(line.split()[1]) for line in lines.read_text().splitlines()]
    assert max(later - earlier for earlier, later in pairwise(times)) < 4
    for job in (api(served).job(job_id) for job_id in (ends_meanwhile, counting)):
        details = job["job_details"]["current_job_details"]
        assert "exit_code" in details
        assert details["cpu_seconds"] > 0
        assert details["peak_memory_bytes"] > 1_000_000
    assert ends_recorded(served, ends_meanwhile) == ["job.failed"]
    assert ends_recorded(served, counting) == ["job.complete"]


def ends_recorded(served: Served, job_id: int) -> list[str]:
    """Return every end of the job that the event log knows."""
    question = "SELECT kind FROM events_event WHERE subject = ? AND kind IN ('job.complete', 'job.failed')"
    with closing(sqlite3.connect(served.data_dir / "uws.sqlite3")) as database:
        return [kind for (kind,) in database.execute(question, (f"jobs/{job_id}",))]

"""The shipped applications beyond JupyterLab: marimo through the passthrough, and a script to its end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser import steps
from tests.browser.conftest import Browsing, ServeNew
from tests.browser.dataset import FILE_NAME
from tests.conftest import wait_until

pytestmark = pytest.mark.browser

MARIMO_NOTEBOOK = """\
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo

    side = mo.ui.slider(1, 20, value=6, label="side")
    side
    return mo, side


@app.cell
def _(mo, side):
    mo.md(f"The square has {side.value ** 2} fields.")
    return


if __name__ == "__main__":
    app.run()
"""

COUNTING_SCRIPT = f"""\
import json, sys
import h5py

with h5py.File("{FILE_NAME}") as file, open(sys.argv[1], "w") as output:
    json.dump({{"cells": len(file["obs"])}}, output)
print("counted")
"""


def test_a_marimo_notebook_reacts_through_the_passthrough(
    browsing: Browsing, serve_new: ServeNew, tmp_path: Path
) -> None:
    notebook = tmp_path / "square.py"
    notebook.write_text(MARIMO_NOTEBOOK)
    page = browsing.sign_in(serve_new())
    steps.make_workspace(page, "Squares", [notebook])
    steps.choose_program(page, "marimo")
    steps.start(page)
    home = steps.open_application(page)
    with home.expect_popup(timeout=steps.LAB_MILLISECONDS) as opened:
        home.get_by_text("square.py").first.click(timeout=steps.LAB_MILLISECONDS)
    marimo = opened.value
    # Once the kernel has said what was not run yet, its button for all cells does something.
    expect(marimo.get_by_test_id("cell-status").last).to_have_attribute(
        "data-status", "outdated", timeout=steps.LAB_MILLISECONDS
    )
    marimo.get_by_test_id("run-button").last.click()
    expect(marimo.get_by_text("The square has 36 fields.")).to_be_visible(timeout=steps.LAB_MILLISECONDS)
    marimo.get_by_role("slider").focus()
    marimo.keyboard.press("ArrowRight")
    expect(marimo.get_by_text("The square has 49 fields.")).to_be_visible(timeout=steps.LAB_MILLISECONDS)
    browsing.gone_hosts.add("job-1.localhost")
    steps.stop(page)


def test_a_script_leaves_its_result_in_the_workspace(
    browsing: Browsing, serve_new: ServeNew, tmp_path: Path, dataset: Path
) -> None:
    script = tmp_path / "count.py"
    script.write_text(COUNTING_SCRIPT)
    served = serve_new(data=dataset)
    page = browsing.sign_in(served)
    steps.make_workspace(page, "Scripts", [script])
    steps.choose_data_to_link(page, "Data", FILE_NAME)
    page.get_by_role("button", name="Link this").click()
    page.wait_for_url(steps.WORKSPACE_PAGE)
    steps.choose_program(page, "Script", {"Script": "count.py", "Arguments": "cells.json"})
    steps.start(page)
    steps.wait_for_end(page)
    expect(page.locator(".chip").first).to_have_text("Finished")
    assert list(steps.step_times(page)) == ["Queue", "Environment", "Program runs"]
    assert steps.facts(page)["Exit code"] == "0"
    wait_until((served.workspaces / "1" / "cells.json").exists)
    assert json.loads((served.workspaces / "1" / "cells.json").read_text()) == {"cells": 700}
    page.get_by_role("link", name="Log").click()
    expect(page.locator(".log")).to_have_text("counted")
    page.get_by_role("link", name="Scripts").click()
    expect(page.get_by_role("row", name="cells.json")).to_contain_text("14 bytes")

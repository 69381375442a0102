"""What goes wrong with a job stands on its page with the reason and the last lines of its log, and in the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser import steps
from tests.browser.conftest import Browsing, ServeNew
from tests.browser.served import Api, Served

pytestmark = pytest.mark.browser


def application(name: str, **details: Any) -> dict[str, Any]:
    return {"name": name, "job_type": "ApplicationJob", "environment_details": {"local": details}}


FAILING = {
    "absent": application("Absent", command=["no-such-command-anywhere"]),
    "brief": application("Brief", command=["ls", "/does-not-exist-at-all"]),
    "silent": application(
        "Silent",
        command=["/bin/sh", "-c", "echo warming up; exec sleep 600"],
        probe={"path": "/", "timeout_seconds": 2},
        connection={"path": "/"},
    ),
}
UNBUILDABLE = {
    "unbuildable": application(
        "Unbuildable",
        command=["{python}", "-V"],
        packages=["no-such-package-of-uws"],
        environment_name="none",
    )
}


def start_and_see_it_fail(page: Page, name: str) -> tuple[int, str, str]:
    """Start a program in a workspace, and return its job's id, the sentence on its page, and its log there."""
    page.get_by_role("link", name="Workspaces", exact=True).first.click()
    page.get_by_role("link", name="Failing").first.click()
    steps.choose_program(page, name)
    job_id = steps.start(page)
    steps.wait_for_end(page)
    expect(page.locator(".chip").first).to_have_text("Failed")
    log = page.locator(".log")
    return job_id, page.locator(".sentence").inner_text(), log.inner_text() if log.count() else ""


def test_a_failed_job_says_why(browsing: Browsing, serve_new: ServeNew, api: Callable[[Served], Api]) -> None:
    served = serve_new(FAILING)
    page = browsing.sign_in(served)
    steps.make_workspace(page, "Failing")
    expected = {
        "Absent": ("no-such-command-anywhere", ""),
        "Brief": ("exit code 2", "cannot access '/does-not-exist-at-all'"),
        "Silent": ("did not answer", "warming up"),
    }
    for name, (reason, last_line) in expected.items():
        job_id, sentence, log = start_and_see_it_fail(page, name)
        assert reason in sentence
        assert last_line in log
        job = api(served).job(job_id)
        message = job["job_details"]["current_job_details"]["message"]
        assert job["status"] == "failed"
        assert reason in message
        assert last_line in message


@pytest.mark.parametrize(
    ("index", "reason"),
    [
        (
            {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"},
            "could not be downloaded",
        ),
        ({"UV_NO_INDEX": "1"}, "do not exist or do not fit together"),
    ],
    ids=["no-network", "no-such-package"],
)
def test_an_environment_that_cannot_be_built_says_why(
    index: dict[str, str],
    reason: str,
    browsing: Browsing,
    serve_new: ServeNew,
    api: Callable[[Served], Api],
) -> None:
    served = serve_new(UNBUILDABLE, environment=index)
    page = browsing.sign_in(served)
    steps.make_workspace(page, "Failing")
    job_id, sentence, _ = start_and_see_it_fail(page, "Unbuildable")
    assert reason in sentence
    assert "failed" in steps.step_times(page)["Environment"]
    assert steps.facts(page)["Duration"] == "did not run"
    message = api(served).job(job_id)["job_details"]["current_job_details"]["message"]
    assert reason in message
    assert "no-such-package-of-uws" in message

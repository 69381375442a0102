"""A data portal's day in Chromium: its pages, on an origin of their own, make every kind of call that portals make."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from playwright.sync_api import Page, expect
from tests.browser import steps
from tests.browser.conftest import Browsing
from tests.browser.served import Served, new_data_directory, run_uws
from tests.conftest import wait_until

pytestmark = pytest.mark.browser

PAGES = Path(__file__).parent / "portal"
NOTEBOOK = "visualization.ipynb"
TEMPLATE = {
    "cells": [
        {"cell_type": "markdown", "id": "intro", "metadata": {}, "source": "A notebook from a template"}
    ],
    "metadata": {
        "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    },
    "nbformat": 4,
    "nbformat_minor": 5,
}
CHOSEN = {
    "num_cpus": min(2, os.cpu_count() or 1),
    "memory_mb": 1536,
    "time_limit_minutes": 45,
    "gpu_enabled": False,
}
KINDS_IN_THE_BROWSER = {
    *("workspaces list", "one workspace", "create", "update", "start", "delete", "jobs", "stop", "job types"),
    *("users", "invitations", "one invitation", "share", "accept", "decline or cancel"),
}


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    """The portal's own origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(PAGES)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@dataclass
class Portal:
    """The portal's server side: it logs people in, and the token reaches their pages as a global of the script."""

    served: Served
    pages: str
    client_token: str
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        return self.served.url

    def log_in(self, name: str) -> str:
        body = {
            "client_token": self.client_token,
            "user_info": {"username": name, "email": f"{name}@example.org", "first_name": name.title()},
        }
        answer = httpx2.post(f"{self.endpoint}/tokens/", content=json.dumps(body).encode(), timeout=30)
        assert "content-type" not in answer.request.headers
        self.tokens[name] = answer.json()["token"]
        return self.tokens[name]

    def header(self, name: str) -> dict[str, str]:
        return {"UWS-Authorization": f"Token {self.tokens[name]}"}

    def stop_all_jobs(self) -> None:
        for name in self.tokens:
            jobs = httpx2.get(f"{self.endpoint}/jobs/", headers=self.header(name)).json()["data"]["jobs"]
            for job in jobs:
                httpx2.put(f"{self.endpoint}/jobs/{job['id']}/stop/", headers=self.header(name))


@pytest.fixture
def portal(tmp_path: Path, environments: Path, pages: str) -> Iterator[Portal]:
    data_dir = new_data_directory(tmp_path / "data-dir", environments)
    served = Served(data_dir, {"UWS_SERVER__SHARED_ACCOUNT": "true"})
    with ExitStack() as stack:
        stack.callback(served.stop)
        served.start()
        client = run_uws("admin", "client", "create", "portal", "--data-dir", str(data_dir)).strip()
        portal = Portal(served, pages, client)
        stack.callback(portal.stop_all_jobs)
        yield portal


@dataclass
class Tab:
    """One tab of the portal, of one person, and the preflights that its calls needed."""

    page: Page
    preflights: list[str] = field(default_factory=list)

    def call(self, name: str, *arguments: Any) -> Any:
        return self.page.evaluate("([name, given]) => portal[name](...given)", [name, list(arguments)])

    def made(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.evaluate("portal.made")
        return found


@contextmanager
def person(browsing: Browsing, portal: Portal, name: str) -> Iterator[Tab]:
    """A person's browser on the portal, logged in; at the end every call had the answer that the page needs."""
    context = browsing.open(portal.pages)
    given = {"workspacesEndpoint": portal.endpoint, "workspacesToken": portal.log_in(name)}
    context.add_init_script(f"Object.assign(window, {json.dumps(given)})")
    tab = Tab(context.new_page())
    note_preflights(tab)
    tab.page.goto("/index.html")
    yield tab
    for made in tab.made():
        assert made["status"] == 200, made
        assert not made["redirected"], made


def note_preflights(tab: Tab) -> None:
    session = tab.page.context.new_cdp_session(tab.page)

    def note(event: dict[str, Any]) -> None:
        if event["request"]["method"] == "OPTIONS":
            tab.preflights.append(event["request"]["url"])

    session.on("Network.requestWillBeSent", note)
    session.send("Network.enable")


def test_a_portals_day(browsing: Browsing, portal: Portal) -> None:
    with person(browsing, portal, "ada") as ada, person(browsing, portal, "grace") as grace:
        see_the_lists_empty(ada)
        workspace_id = launch(ada)
        read_the_workspace_while_it_runs(ada, workspace_id)
        open_from_the_waiting_page(ada, workspace_id)
        renew_and_open_again(ada, workspace_id)
        accepted, declined, cancelled = share(ada, workspace_id)
        accept_one_and_decline_another(grace, accepted, declined)
        cancel(ada, cancelled)
        stop_and_delete(ada, portal, workspace_id)
        see_the_copy_without_its_original(grace, accepted)
        every_kind_was_made_as_portals_do(ada, grace)
        no_token_of_the_portals_was_kept(portal)


def see_the_lists_empty(ada: Tab) -> None:
    assert ada.call("workspaces") == []
    assert ada.call("jobs") == []
    assert ada.call("invitations") == {"sent": [], "received": []}
    offered = {kind["id"]: kind["name"] for kind in ada.call("jobTypes")}
    assert offered["jupyter_lab"] == "JupyterLab"


def launch(ada: Tab) -> int:
    """Make a workspace out of a template, start it, and then set its job type, as the launch dialog does."""
    content = json.dumps(TEMPLATE)
    details = {
        "globus_groups_token": "a-groups-token",
        "files": [{"name": NOTEBOOK, "content": content}],
        "symlinks": [],
    }
    values = {"name": "Kidney atlas", "description": "", "default_job_type": "local_test_job"}
    made = ada.call("create", values | {"workspace_details": details})
    ada.call("start", made["id"], "jupyter_lab", CHOSEN)
    ada.call("update", made["id"], {"default_job_type": "jupyter_lab"})
    return int(made["id"])


def read_the_workspace_while_it_runs(ada: Tab, workspace_id: int) -> None:
    (listed,) = ada.call("workspaces")
    assert listed == ada.call("workspace", workspace_id)
    assert (listed["status"], listed["default_job_type"]) == ("active", "jupyter_lab")
    assert "a-groups-token" not in json.dumps(listed)
    (job,) = ada.call("jobs")
    assert job["workspace_id"] == workspace_id
    assert job["job_type"] == "jupyter_lab"


def open_from_the_waiting_page(ada: Tab, workspace_id: int) -> None:
    """The page waits until the application answers, joins the address, and JupyterLab shows the notebook."""
    name = ada.page.evaluate("id => portal.workspace(id).then(portal.notebookOf)", workspace_id)
    assert name == f"/{NOTEBOOK}"
    waiting = ada.page.context.new_page()
    asked = []
    waiting.on("request", lambda request: asked.append(request.url))
    waiting.goto(f"/start.html?id={workspace_id}&notebook_path={quote(name, safe='')}")
    expect(waiting.locator(".jp-Notebook .jp-Cell").first).to_be_visible(timeout=steps.LAB_MILLISECONDS)
    expect(waiting.locator(".jp-Notebook")).to_contain_text("A notebook from a template")
    expect(waiting.get_by_role("tab", name=NOTEBOOK)).to_be_visible()
    (joined,) = (url for url in asked if f"/tree//{NOTEBOOK}?" in url)
    assert re.match(r"http://job-\d+\.localhost:\d+/lab/tree//[^?]+\?ticket=", joined), joined
    assert "ticket" not in waiting.url
    assert sum(url.endswith("/jobs") for url in asked) >= 1
    waiting.close()


def renew_and_open_again(ada: Tab, workspace_id: int) -> None:
    """Stop and start at once: the old one is still ending, the new one has the options that had been chosen."""
    (old,) = ada.call("jobs")
    assert old["job_details"]["current_job_details"]["time_left"] <= CHOSEN["time_limit_minutes"] * 60
    assert ada.call("renew", workspace_id) == [True]
    new = ada.call("jobs")[0]
    assert new["id"] != old["id"]
    kept = {name: value for name, value in CHOSEN.items() if name != "gpu_enabled"}
    for job in (old, new):
        assert job["job_details"]["request_job_details"]["resource_options"] == kept
    open_from_the_waiting_page(ada, workspace_id)
    states = {job["id"]: job["status"] for job in ada.call("jobs")}
    assert states[new["id"]] == "running"
    wait_until(lambda: {job["id"]: job["status"] for job in ada.call("jobs")}[old["id"]] == "complete")


def share(ada: Tab, workspace_id: int) -> tuple[int, int, int]:
    """Find somebody by typing, and invite them three times; return the copies' ids."""
    for length in range(1, len("grace") + 1):
        found = ada.call("users", "grace"[:length])
    (grace,) = (user for user in found if user["email"] == "grace@example.org")
    assert {"id", "username", "first_name", "last_name", "email"} <= set(grace)
    for _ in range(3):
        ada.call("share", workspace_id, [grace["id"]])
    sent = ada.call("invitations")["sent"]
    assert {share["original_workspace_id"]["id"] for share in sent} == {workspace_id}
    assert {share["last_job_type"] for share in sent} == {"jupyter_lab"}
    assert {share["last_resource_options"]["num_cpus"] for share in sent} == {CHOSEN["num_cpus"]}
    first, second, third = (int(share["shared_workspace_id"]["id"]) for share in sent)
    return first, second, third


def accept_one_and_decline_another(grace: Tab, accepted: int, declined: int) -> None:
    preview = grace.call("invitation", accepted)
    assert preview["shared_workspace_id"]["name"] == "Kidney atlas"
    assert preview["original_workspace_id"]["user_id"]["email"] == "ada@example.org"
    assert preview["is_accepted"] is False
    assert grace.call("workspaces") == []
    assert grace.call("accept", accepted)
    assert grace.call("decline", declined)
    wait_until(lambda: grace.call("workspace", accepted).get("status") == "idle")
    copy = grace.call("workspace", accepted)
    assert grace.page.evaluate("portal.notebookOf", copy) == f"/{NOTEBOOK}"
    received = {
        s["shared_workspace_id"]["id"]: s["is_accepted"] for s in grace.call("invitations")["received"]
    }
    assert received[accepted] is True
    assert declined not in received


def cancel(ada: Tab, cancelled: int) -> None:
    assert ada.call("decline", cancelled)
    sent = [share["shared_workspace_id"]["id"] for share in ada.call("invitations")["sent"]]
    assert cancelled not in sent


def stop_and_delete(ada: Tab, portal: Portal, workspace_id: int) -> None:
    """Stop all, then delete in bulk: one call for each workspace, side by side."""
    old_route = httpx2.post(
        f"{portal.endpoint}/workspaces",
        json={
            "name": "Old notebook",
            "description": "",
            "workspace_details": {"files": [{"name": "a.ipynb"}]},
        },
        headers=portal.header("ada"),
    )
    other_id = old_route.json()["data"]["workspace"]["id"]
    running = [job["id"] for job in ada.call("jobs") if job["status"] in ("running", "pending")]
    assert [ada.call("stop", job_id) for job_id in running] == [True]
    wait_until(lambda: all(job["status"] == "complete" for job in ada.call("jobs")))
    assert ada.page.evaluate("ids => Promise.all(ids.map(portal.remove))", [workspace_id, other_id]) == [
        True,
        True,
    ]
    wait_until(lambda: ada.call("workspaces") == [])
    assert ada.call("workspace", workspace_id) == {}


def see_the_copy_without_its_original(grace: Tab, accepted: int) -> None:
    wait_until(lambda: grace.call("invitation", accepted)["original_workspace_id"] is None)
    assert [row["id"] for row in grace.call("workspaces")] == [accepted]


def every_kind_was_made_as_portals_do(ada: Tab, grace: Tab) -> None:
    made = ada.made() + grace.made()
    assert {call["kind"] for call in made} == KINDS_IN_THE_BROWSER
    slashless = {call["kind"] for call in made if not call["path"].partition("?")[0].endswith("/")}
    assert len(slashless) == 10
    for kind in KINDS_IN_THE_BROWSER - {"job types"}:
        paths = {call["path"] for call in made if call["kind"] == kind}
        assert any(url.endswith(path) for path in paths for url in ada.preflights + grace.preflights), kind
    assert not any(url.endswith("/job_types") for url in ada.preflights)


def no_token_of_the_portals_was_kept(portal: Portal) -> None:
    files = [path for path in portal.served.data_dir.glob("*") if path.is_file()]
    assert files
    assert not [path.name for path in files if b"a-groups-token" in path.read_bytes()]


def test_the_waiting_page_of_somebody_with_a_dead_token_says_so(browsing: Browsing, portal: Portal) -> None:
    context = browsing.open(portal.pages)
    given = {"workspacesEndpoint": portal.endpoint, "workspacesToken": "0" * 40}
    context.add_init_script(f"Object.assign(window, {json.dumps(given)})")
    page = context.new_page()
    browsing.gone_hosts.add("127.0.0.1")  # Chromium reports each 401 in the page's console
    page.goto("/start.html?id=1")
    expect(page.locator("#state")).to_have_text("API Error; Are you logged in? /jobs: 401")

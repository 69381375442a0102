"""A browser for each person, as far as Django's test client is one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from tests.console.pages import make_client
from uws.accounts.models import User
from uws.console.requests import id_of
from uws.jobs.models import Job
from uws.site import Site
from uws.workspaces.models import Workspace

BrowserFor = Callable[[User | None], Client]


@pytest.fixture
def browser_for(site: Site) -> BrowserFor:
    """Makes a browser in which somebody (or nobody) is signed in."""

    def make(user: User | None) -> Client:
        client = make_client(site)
        if user is not None:
            client.force_login(user)
        return client

    return make


@pytest.fixture
def browser(browser_for: BrowserFor, ada: User) -> Client:
    """Ada's browser."""
    return browser_for(ada)


@pytest.fixture
def workspace(site: Site, ada: User) -> Workspace:
    """A workspace of Ada's with one file."""
    body = {
        "name": "Blood cells",
        "description": "First look.",
        "workspace_details": {"files": [{"name": "notes/plan.md", "content": "look closely"}]},
    }
    created = site.workspaces.create(ada.as_person(), body)
    return Workspace.objects.get(pk=id_of(created))


@pytest.fixture
def job(ada: User, workspace: Workspace) -> Job:
    """A job of Ada's that is over: nothing of it is left running."""
    return Job.objects.create(
        owner=ada,
        workspace=workspace,
        workspace_name=workspace.name,
        job_type="brief",
        resource="local",
        launch_key="ended-long-ago",
        status="complete",
        step="ended",
        reason="success",
        message="The job has ended well.",
        time_limit_seconds=3600,
        requested_options={"num_cpus": 2},
    )

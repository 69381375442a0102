"""What every test may ask for: an installation in a temporary directory, its people, its background work."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.services.servers.required import required
from uws.accounts.models import User
from uws.agent.client import Agents
from uws.config.deployment import Deployment, Secrets, prepare_data_directory
from uws.config.load import load
from uws.jobs.launch import HANDLE_COLUMNS, handle_of
from uws.jobs.models import Job
from uws.jobs.states import LIVE
from uws.site import Site, build

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DEADLINE_SECONDS = 20.0

WHOLE_SERVER = (
    "cli/remote/",
    "cli/test_commands.py",
    "client/test_against_a_server.py",
    "conform/test_our_own_server.py",
    "docs/test_client_examples.py",
    "moving/test_command.py",
    "server/test_serve.py",
)
"""Tests that start the whole server again and again: real-server tests, though the server is our own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tests = Path(__file__).parent
    for item in items:
        if item.path.relative_to(tests).as_posix().startswith(WHOLE_SERVER):
            item.add_marker(pytest.mark.services)


CONFIG: dict[str, Any] = {
    "api_user_authentication": "local",
    "main_storage": "local",
    "main_resource": "local",
    "available_user_authentication": {
        "local": {
            "name": "Local accounts",
            "user_authentication_type": "LocalUserAuthentication",
            "connection_details": {},
        }
    },
    "available_storage": {
        "local": {
            "name": "This machine",
            "storage_type": "LocalFileSystemStorage",
            "user_authentication": "local",
            "root_dir": "workspaces",
            "data_collections": [{"name": "Data", "path": "data", "description": "Data sets for tests."}],
        }
    },
    "available_resources": {
        "local": {
            "name": "This machine",
            "resource_type": "LocalResource",
            "storage": "local",
            "user_authentication": "local",
        }
    },
    "available_job_types": {
        "local_test_job": {
            "name": "Local test",
            "job_type": "LocalTestJob",
            "environment_details": {"local": {}},
        },
        "sleeper": {
            "name": "Sleeper",
            "job_type": "ApplicationJob",
            "environment_details": {"local": {"command": ["sleep", "3600"]}},
        },
        "brief": {
            "name": "Brief",
            "job_type": "ApplicationJob",
            "environment_details": {"local": {"command": ["echo", "hello from a brief job"]}},
        },
        "greeting": {
            "name": "Greeting",
            "job_type": "ApplicationJob",
            "environment_details": {"local": {"command": ["echo", "aé€😀é"]}},
        },
        "failing": {
            "name": "Failing",
            "job_type": "ApplicationJob",
            "environment_details": {"local": {"command": ["ls", "/does-not-exist-at-all"]}},
        },
        "missing": {
            "name": "Missing",
            "job_type": "ApplicationJob",
            "environment_details": {"local": {"command": ["no-such-command-anywhere"]}},
        },
    },
    "parameters": [
        {
            "display_name": "CPUs",
            "description": "Number of CPUs.",
            "variable_name": "num_cpus",
            "default_value": 1,
            "validation": {"type": "int", "min": 1, "max": 4},
        },
        {
            "display_name": "Memory (MB)",
            "description": "Memory.",
            "variable_name": "memory_mb",
            "default_value": 512,
            "validation": {"type": "int", "min": 64, "max": 8192},
        },
        {
            "display_name": "Time limit",
            "description": "Minutes.",
            "variable_name": "time_limit_minutes",
            "default_value": 60,
            "validation": {"type": "int", "min": 1, "max": 720},
        },
    ],
    "server": {"shared_account": True, "limits": {"job_stop_grace_seconds": 1}},
}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The one browser of a test run: Playwright runs once in a process."""
    from playwright.sync_api import sync_playwright

    from tests.browser.steps import ARGUMENTS

    executable = required("UWS_TEST_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def config() -> dict[str, Any]:
    """The configuration that `site` is built from; a test may change it before it asks for `site`."""
    copy: dict[str, Any] = json.loads(json.dumps(CONFIG))
    return copy


@pytest.fixture
def data_directory(tmp_path: Path) -> Path:
    return prepare_data_directory(tmp_path / "data-dir")


@pytest.fixture
def site(db: None, config: dict[str, Any], data_directory: Path) -> Iterator[Site]:
    """A built installation over the test's database; jobs that are left are ended."""
    site = make_site(config, data_directory)
    yield site
    end_all_jobs(site)


def make_site(config: dict[str, Any], data_directory: Path) -> Site:
    path = data_directory / "config.json"
    path.write_text(json.dumps(config))
    loaded = load(path, data_dir=data_directory, environ={})
    deployment = Deployment(data_directory, loaded.config.server, Secrets(bytes(range(32))), Agents())
    return build(loaded, deployment)


def end_all_jobs(site: Site) -> None:
    reconciler = site.reconciler()
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (live := Job.objects.filter(status__in=LIVE)).exists() and time.monotonic() < deadline:
        for job in live.filter(status__in=("pending", "running")):
            site.jobs.stop(job.owner.as_person(), job.pk)
        reconciler.recover()
        for resource in site.resources.values():
            reconciler.reconcile(resource)
        time.sleep(0.02)
    reconciler.close()
    _end_processes(site)


def _end_processes(site: Site) -> None:
    """End what still runs of jobs whose row a test has ended by itself."""
    launched = Job.objects.filter(resource_job_id__gt=0, workspace__isnull=False).exclude(reason="success")
    for row in launched.values("resource", *HANDLE_COLUMNS):
        handle = (
            handle_of(row, site.resources[row["resource"]]) if row["resource"] in site.resources else None
        )
        if handle is not None and isinstance(handle.state.get("pid"), int):
            site.resources[row["resource"]].stop(handle, grace_seconds=0)


@pytest.fixture
def ada(site: Site) -> User:
    """The owner."""
    return site.accounts.create("ada", "ada@example.org", first_name="Ada", last_name="Lovelace")


@pytest.fixture
def grace(site: Site) -> User:
    """Somebody else."""
    return site.accounts.create("grace", "grace@example.org", first_name="Grace", last_name="Hopper")


@pytest.fixture
def run_tasks(site: Site) -> Callable[[], list[str]]:
    """Runs all queued background work here and now, and returns the names of what was run."""
    return lambda: drain_queue(site)


def drain_queue(site: Site) -> list[str]:
    from django_q.models import OrmQ
    from django_q.signing import SignedPackage

    names = []
    while (row := OrmQ.objects.order_by("id").first()) is not None:
        task = SignedPackage.loads(row.payload)
        row.delete()
        site.tasks.run(*task["args"])
        names.append(task["args"][0])
    return names


def wait_until(condition: Callable[[], object], seconds: float = DEADLINE_SECONDS) -> None:
    """Wait for a condition, looking often; fails the test when it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)

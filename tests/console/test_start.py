from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.console.pages import text_of
from uws.jobs.models import Job
from uws.workspaces.models import Workspace


@pytest.fixture
def config(config: dict[str, Any]) -> dict[str, Any]:
    """One more type, with parameters of its own."""
    config["available_job_types"]["greet"] = {
        "name": "Greeting",
        "job_type": "ApplicationJob",
        "description": "Says a word.",
        "environment_details": {
            "local": {
                "command": ["echo", "{parameters.word}"],
                "parameters": {
                    "type": "object",
                    "required": ["word"],
                    "properties": {"word": {"type": "string", "title": "Word", "maxLength": 5}},
                },
            }
        },
    }
    return config


@pytest.fixture
def address(workspace: Workspace) -> str:
    return f"/console/workspaces/{workspace.pk}/start/"


def test_the_form_has_a_card_for_each_type_and_the_defaults(browser: Client, address: str) -> None:
    text = text_of(browser.get(f"{address}?job_type=greet"))
    assert 'value="greet" checked' in text
    assert "Says a word." in text
    assert 'name="option:num_cpus" value="1"' in text
    assert 'name="option:memory_mb" value="512"' in text
    assert 'name="detail:greet:word"' in text


def test_a_start_leads_to_the_jobs_page(browser: Client, address: str) -> None:
    form = {
        "job_type": "greet",
        "option:num_cpus": "2",
        "option:memory_mb": "0.5",
        "option:memory_mb:unit": "GB",
        "option:time_limit_minutes": "2",
        "option:time_limit_minutes:unit": "hours",
        "detail:greet:word": "hello",
        "detail:other:word": "not mine",
    }
    response = browser.post(address, form)
    job = Job.objects.get()
    assert response["Location"] == f"/console/jobs/{job.pk}/"
    assert job.requested_options == {"num_cpus": 2, "memory_mb": 512, "time_limit_minutes": 120}
    assert job.request_details == {"word": "hello"}


def test_an_option_out_of_range_is_said_beside_its_field_and_kept(browser: Client, address: str) -> None:
    response = browser.post(address, {"job_type": "brief", "option:num_cpus": "99"})
    assert response.status_code == 422
    text = text_of(response)
    assert "Choose from 1 to 4." in text
    assert 'name="option:num_cpus" value="99"' in text
    assert 'value="brief" checked' in text
    assert not Job.objects.exists()


def test_every_option_that_is_wrong_is_marked(browser: Client, address: str) -> None:
    form = {
        "job_type": "brief",
        "option:num_cpus": "99",
        "option:memory_mb": "1",
        "option:memory_mb:unit": "MB",
    }
    text = text_of(browser.post(address, form))
    assert text.count('aria-invalid="true"') == 2


def test_a_parameter_that_the_type_refuses_is_said(browser: Client, address: str) -> None:
    response = browser.post(address, {"job_type": "greet", "detail:greet:word": "far too long"})
    assert response.status_code == 400
    text = text_of(response)
    assert "word" in text
    assert 'value="far too long"' in text
    assert not Job.objects.exists()


def test_a_missing_parameter_is_said_beside_its_field(browser: Client, address: str) -> None:
    response = browser.post(address, {"job_type": "greet"})
    assert response.status_code == 400
    assert "This is needed." in text_of(response)


def test_a_type_that_does_not_exist_starts_nothing_else(browser: Client, address: str) -> None:
    response = browser.post(address, {"job_type": "no-such-type"})
    assert response.status_code == 400
    assert not Job.objects.exists()


def test_an_earlier_jobs_values_fill_the_form(browser: Client, address: str, job: Job) -> None:
    text = text_of(browser.get(f"{address}?from={job.pk}"))
    assert 'value="brief" checked' in text
    assert 'name="option:num_cpus" value="2"' in text


@pytest.mark.parametrize("earlier", ["x", "-1", "9" * 40, "٣"])
def test_an_earlier_job_that_cannot_be_one_is_ignored(earlier: str, browser: Client, address: str) -> None:
    assert browser.get(address, {"from": earlier}).status_code == 200

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from uws.console.steps import headline, sentence, steps_of
from uws.jobs.models import Job
from uws.jobs.observe import END_SENTENCES

BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOW = BEGIN + timedelta(seconds=60)


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def told(job: Job, *, web: bool = True) -> list[tuple[str, str, float | None]]:
    return [(step.key, step.state, step.seconds) for step in steps_of(job, is_web_application=web, now=NOW)]


def a_job(**columns: object) -> Job:
    return Job(created=BEGIN, time_limit_seconds=3600, **columns)


def test_a_job_in_the_queue_has_waited_since_it_was_asked_for() -> None:
    assert told(a_job()) == [
        ("queued", "current", 60),
        ("environment", "waiting", None),
        ("process", "waiting", None),
        ("ready", "waiting", None),
    ]


def test_an_environment_that_is_built_ends_the_queue() -> None:
    assert told(a_job(step="environment", environment_began=at(2)))[:2] == [
        ("queued", "done", 2),
        ("environment", "current", 58),
    ]


def test_an_environment_that_was_there_is_skipped() -> None:
    job = a_job(step="process", status="running", launch_began=at(0.5), started=at(1))
    assert told(job)[1:3] == [("environment", "skipped", None), ("process", "current", 59)]


def test_a_launch_counts_until_the_resource_says_when_it_started() -> None:
    assert told(a_job(step="process", launch_began=at(1)))[2] == ("process", "current", 59)


def test_a_ready_job_says_how_long_each_step_took() -> None:
    job = a_job(step="ready", status="running", environment_began=at(1), started=at(20), ready=at(23))
    assert told(job) == [
        ("queued", "done", 1),
        ("environment", "done", 19),
        ("process", "done", 3),
        ("ready", "current", 37),
    ]


def test_a_failure_stands_at_the_step_it_happened_in() -> None:
    job = a_job(step="ended", status="failed", environment_began=at(1), ended=at(31))
    assert told(job) == [
        ("queued", "done", 1),
        ("environment", "failed", 30),
        ("process", "waiting", None),
        ("ready", "waiting", None),
    ]


def test_a_batch_job_has_no_step_ready() -> None:
    job = a_job(step="ended", status="complete", started=at(1), ended=at(5))
    assert told(job, web=False) == [
        ("queued", "done", 1),
        ("environment", "skipped", None),
        ("process", "done", 4),
    ]


@pytest.mark.parametrize(
    ("columns", "web", "text"),
    [
        ({}, True, "Queued"),
        ({"step": "environment"}, True, "Preparing environment"),
        ({"step": "process", "status": "running"}, True, "Starting"),
        ({"step": "process", "status": "running"}, False, "Running"),
        ({"step": "ready", "status": "running"}, True, "Ready"),
        ({"step": "ready", "status": "stopping"}, True, "Stopping"),
        ({"step": "ended", "status": "complete"}, True, "Finished"),
        ({"step": "ended", "status": "complete", "reason": "cancelled"}, True, "Stopped"),
        ({"step": "ended", "status": "failed", "reason": "timeout"}, True, "Failed"),
    ],
)
def test_states_in_a_word(columns: dict[str, object], web: bool, text: str) -> None:
    assert headline(a_job(**columns), is_web_application=web) == text


@pytest.mark.parametrize("status", ["pending", "running", "stopping"])
@pytest.mark.parametrize("step", ["queued", "environment", "process", "ready"])
@pytest.mark.parametrize("web", [True, False])
def test_every_live_job_says_what_it_waits_for(status: str, step: str, web: bool) -> None:
    assert sentence(a_job(status=status, step=step), is_web_application=web).endswith(".")


@pytest.mark.parametrize("reason", list(END_SENTENCES))
def test_every_reason_has_a_sentence(reason: str) -> None:
    job = a_job(status="failed", step="ended", reason=reason)
    assert sentence(job, is_web_application=True) == END_SENTENCES[reason]  # type: ignore[index]


def test_the_rows_own_message_is_preferred() -> None:
    job = a_job(status="failed", step="ended", reason="failed", message="The disk is full.")
    assert sentence(job, is_web_application=True) == "The disk is full."


def test_without_a_reason_the_exit_is_told() -> None:
    assert "exit code 3" in sentence(
        a_job(status="failed", step="ended", exit_code=3), is_web_application=True
    )
    assert "SIGKILL" in sentence(a_job(status="failed", step="ended", signal=9), is_web_application=True)

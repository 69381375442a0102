"""Lists that are polled: tags, 304, pages, and a number of queries that does not grow."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.api.calling import Answer, Caller

from uws.accounts.models import User
from uws.events import log
from uws.jobs import service as jobs_service
from uws.jobs.models import Job
from uws.jobs.tickets import TICKET_WINDOW_SECONDS
from uws.jobs.wire import WINDOW_SECONDS, window_began
from uws.workspaces.models import Workspace

LISTS = ["/workspaces/", "/jobs/"]


def again(caller: Caller, path: str, answer: Answer) -> Answer:
    """Ask once more, with the tag of an earlier answer."""
    return caller("GET", path, headers={"If-None-Match": answer.headers["ETag"]})


def add_rows(ada: User, count: int, **values: Any) -> None:
    """Add workspaces with one ended job each, as they are after some time."""
    rows = [Workspace(owner=ada, name=f"Number {n}", storage="local", status="idle") for n in range(count)]
    made = Workspace.objects.bulk_create(rows)
    first = Job.objects.count()
    ended = {"status": "complete", "step": "ended", "time_limit_seconds": 60, **values}
    Job.objects.bulk_create(
        Job(
            owner=ada,
            workspace=row,
            workspace_name=row.name,
            job_type="brief",
            resource="local",
            launch_key=f"uws-{first + number}",
            **ended,
        )
        for number, row in enumerate(made)
    )


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the clock that jobs are shown by."""

    def set_clock(moment: datetime) -> None:
        class Clock:
            now = staticmethod(lambda: moment)

        monkeypatch.setattr(jobs_service, "timezone", Clock)

    return set_clock


@pytest.mark.parametrize("path", LISTS)
def test_a_poll_that_changed_nothing_is_answered_without_a_body(as_ada: Caller, path: str) -> None:
    as_ada.workspace()
    first = as_ada("GET", path)
    second = again(as_ada, path, first)
    assert (second.status, second.content) == (304, b"")
    assert second.headers["ETag"] == first.headers["ETag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', first.headers["ETag"])
    assert second.headers["Cache-Control"] == "private, no-cache"
    assert {"UWS-Authorization", "Authorization", "Origin"} <= set(second.headers["Vary"].split(", "))


@pytest.mark.parametrize("header", ["*", "W/{tag}", '"other", {tag}', "{tag},"])
def test_other_ways_to_name_the_tag_are_understood(as_ada: Caller, header: str) -> None:
    tag = as_ada("GET", "/workspaces/").headers["ETag"]
    answer = as_ada("GET", "/workspaces/", headers={"If-None-Match": header.format(tag=tag)})
    assert answer.status == 304


@pytest.mark.parametrize("header", ["", '"', '"other"', "nonsense", "W/", "é"])
def test_another_tag_gets_the_list(as_ada: Caller, header: str) -> None:
    assert as_ada("GET", "/workspaces/", headers={"If-None-Match": header}).status == 200


def test_every_change_of_a_workspace_changes_the_tag(
    as_ada: Caller, run_tasks: Callable[[], list[str]]
) -> None:
    made = as_ada.workspace()
    path = f"/workspaces/{made['id']}/"
    changes: list[Callable[[], object]] = [
        lambda: as_ada("PUT", path, {"name": "Other"}),
        lambda: as_ada.upload(f"{path}upload/", ("file", "a.txt", b"aaa")),
        lambda: as_ada("DELETE", path),
        run_tasks,
    ]
    for change in changes:
        before = as_ada("GET", "/workspaces/")
        assert again(as_ada, "/workspaces/", before).status == 304
        change()
        assert again(as_ada, "/workspaces/", before).status == 200


@pytest.mark.parametrize("path", LISTS)
def test_a_start_and_a_stop_change_the_tags_of_both_lists(as_ada: Caller, path: str) -> None:
    made = as_ada.workspace()
    before = as_ada("GET", path)
    job = as_ada("PUT", f"/workspaces/{made['id']}/start/", {"job_type": "sleeper"}).data["job"]
    started = again(as_ada, path, before)
    assert started.status == 200
    as_ada("PUT", f"/jobs/{job['id']}/stop/")
    assert again(as_ada, path, started).status == 200


def test_somebody_elses_change_changes_nothing(as_ada: Caller, as_grace: Caller) -> None:
    before = as_ada("GET", "/workspaces/")
    as_grace.workspace()
    assert again(as_ada, "/workspaces/", before).status == 304


def test_a_tag_holds_for_one_person_one_address_and_one_configuration(
    as_ada: Caller, as_grace: Caller
) -> None:
    tags = {
        caller("GET", path).headers["ETag"]
        for caller in (as_ada, as_grace)
        for path in ("/workspaces/", "/jobs/", "/workspaces/?name=x", "/workspaces/1/", "/jobs/1/")
    }
    assert len(tags) == 10
    before = as_ada("GET", "/workspaces/")
    as_ada.site.__dict__["wire_version"] = "another"
    assert again(as_ada, "/workspaces/", before).status == 200


def test_an_event_that_waits_for_its_position_counts(
    as_ada: Caller, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = as_ada("GET", "/workspaces/")
    # Another process is numbering just now, and this event came too late for it.
    monkeypatch.setattr(log, "number_new", lambda: None)
    log.append("workspace.changed", "workspaces/1", owner_id=ada.pk, actor="ada")
    assert again(as_ada, "/workspaces/", before).status == 200


def test_usage_changes_the_tag_of_a_live_job_only(as_ada: Caller, ada: User) -> None:
    add_rows(ada, 1, status="stopping", started=timezone.now())
    for values in ({"cpu_seconds": 1.0}, {"peak_memory_bytes": 7}, {"host": "n1"}, {"step": "environment"}):
        before = as_ada("GET", "/jobs/")
        assert again(as_ada, "/jobs/", before).status == 304
        Job.objects.update(**values)
        assert again(as_ada, "/jobs/", before).status == 200


def test_the_clock_changes_the_tag_while_a_job_runs_once_a_window(
    as_ada: Caller, ada: User, at: Callable[[datetime], None]
) -> None:
    start = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
    add_rows(ada, 1, status="running", step="process", started=start - timedelta(seconds=20))
    at(start + timedelta(seconds=1))
    first = as_ada("GET", "/jobs/")
    at(start + timedelta(seconds=WINDOW_SECONDS - 0.01))
    assert again(as_ada, "/jobs/", first).status == 304
    assert as_ada("GET", "/jobs/").content == first.content
    at(start + timedelta(seconds=WINDOW_SECONDS))
    second = again(as_ada, "/jobs/", first)
    details = [answer.data["jobs"][0]["job_details"]["current_job_details"] for answer in (first, second)]
    assert [each["time_left"] for each in details] == [40.0, 25.0]


def test_the_clock_changes_nothing_once_all_jobs_have_ended(
    as_ada: Caller, ada: User, at: Callable[[datetime], None]
) -> None:
    add_rows(ada, 3)
    before = as_ada("GET", "/jobs/")
    at(timezone.now() + timedelta(days=1))
    assert again(as_ada, "/jobs/", before).status == 304


def test_a_ticket_is_the_same_all_through_a_window() -> None:
    assert TICKET_WINDOW_SECONDS % WINDOW_SECONDS == 0
    moment = datetime(2026, 11, 24, 12, 4, 59, 999999, tzinfo=UTC)
    assert window_began(moment) == datetime(2026, 11, 24, 12, 4, 45, tzinfo=UTC)


@pytest.mark.parametrize("path", LISTS)
def test_the_number_of_queries_does_not_grow(as_ada: Caller, ada: User, path: str) -> None:
    counts, polls = [], []
    for _ in range(3):
        add_rows(ada, 40)
        as_ada("GET", path)  # the token's last use is written once, new events are numbered
        with CaptureQueriesContext(connection) as queries:
            first = as_ada("GET", path)
        counts.append(len(queries))
        with CaptureQueriesContext(connection) as queries:
            assert again(as_ada, path, first).status == 304
        polls.append(len(queries))
    assert len(set(counts)) == 1
    assert len(set(polls)) == 1
    # The token, the newest event, and for jobs what changes in silence; then the rows.
    assert polls[0] == (3 if path == "/jobs/" else 2)
    assert counts[0] == polls[0] + 1


@pytest.mark.parametrize(("path", "key"), [("/workspaces/", "workspaces"), ("/jobs/", "jobs")])
def test_pages_together_are_the_whole_list(as_ada: Caller, ada: User, path: str, key: str) -> None:
    add_rows(ada, 7)
    whole = as_ada("GET", path).data[key]
    assert "Link" not in as_ada("GET", path).headers
    collected, following = [], f"{path}?limit=3"
    for size in (3, 3, 1):
        answer = as_ada("GET", following)
        assert len(answer.data[key]) == size
        collected += answer.data[key]
        link = re.fullmatch(r'<(/[^>]+)>; rel="next"', answer.headers.get("Link", ""))
        following = link[1] if link else ""
    assert collected == whole
    assert following == ""


def test_a_page_keeps_its_filters(as_ada: Caller, ada: User) -> None:
    add_rows(ada, 2)
    add_rows(ada, 3, status="failed")
    answer = as_ada("GET", "/jobs/?limit=2&status=failed&random=0.5")
    following = answer.headers["Link"].partition(">")[0].removeprefix("<")
    assert [job["status"] for job in as_ada("GET", following).data["jobs"]] == ["failed"]


def test_a_row_that_came_or_went_breaks_no_page(as_ada: Caller, ada: User) -> None:
    add_rows(ada, 4)
    first = as_ada("GET", "/workspaces/?limit=2")
    ids = [each["id"] for each in as_ada("GET", "/workspaces/").data["workspaces"]]
    add_rows(ada, 1)
    Workspace.objects.filter(pk=ids[1]).delete()
    following = first.headers["Link"].partition(">")[0].removeprefix("<")
    assert [each["id"] for each in as_ada("GET", following).data["workspaces"]] == ids[2:]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "?limit"),
        ("limit=-1", "?limit"),
        ("limit=1001", "?limit"),
        ("limit=", "?limit"),
        ("limit=ten", "?limit"),
        ("limit=%D9%A1", "?limit"),
        (f"limit={'9' * 5000}", "?limit"),
        ("after=", "?after"),
        ("after=12", "?after"),
        ("after=%00", "?after"),
        ("after=é", "?after"),
        (f"after={'A' * 5000}", "?after"),
    ],
)
@pytest.mark.parametrize("path", LISTS)
def test_a_page_that_is_none_is_refused(as_ada: Caller, path: str, query: str, pointer: str) -> None:
    answer = as_ada("GET", f"{path}?{query}")
    assert answer.status == 400
    assert answer.body["errors"][0]["pointer"] == pointer


def test_after_alone_has_a_hundred_rows(as_ada: Caller, ada: User) -> None:
    add_rows(ada, 103)
    cursor = as_ada("GET", "/workspaces/?limit=1").headers["Link"].partition("after=")[2].partition(">")[0]
    assert len(as_ada("GET", f"/workspaces/?after={cursor}").data["workspaces"]) == 100


def test_the_lists_answer_is_json_with_the_objects_alone(as_ada: Caller, ada: User) -> None:
    add_rows(ada, 1)
    assert set(json.loads(as_ada("GET", "/jobs/?limit=1").content)["data"]) == {"jobs"}

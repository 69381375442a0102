"""`GET /jobs/<id>/log/`: a job's log, piece by piece."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.api.calling import Caller
from tests.conftest import wait_until

from uws.jobs.models import Job
from uws.jobs.service import LOG_PIECE_BYTES
from uws.jobs.states import FINAL
from uws.site import Site

Finish = Callable[[str], int]


@pytest.fixture
def config(config: dict[str, Any]) -> dict[str, Any]:
    config["available_job_types"]["long"] = {
        "name": "Long",
        "job_type": "ApplicationJob",
        "environment_details": {"local": {"command": ["seq", "-w", "1", "100000"]}},
    }
    return config


@pytest.fixture
def finish(site: Site, as_ada: Caller) -> Finish:
    """Runs one job of ada's to its end and returns its number."""

    def run(job_type: str) -> int:
        workspace_id = as_ada.workspace()["id"]
        job = as_ada("PUT", f"/workspaces/{workspace_id}/start/", {"job_type": job_type}).data["job"]
        reconciler = site.reconciler()

        def has_ended() -> bool:
            reconciler.recover()
            for resource in site.resources.values():
                reconciler.reconcile(resource)
            return Job.objects.filter(pk=job["id"], status__in=FINAL).exists()

        wait_until(has_ended)
        reconciler.close()
        return int(job["id"])

    return run


def test_the_log_of_a_job_that_has_ended_is_told_whole(as_ada: Caller, finish: Finish) -> None:
    number = finish("brief")
    text = "hello from a brief job\n"
    assert as_ada("GET", f"/jobs/{number}/log/").body == {
        "success": True,
        "message": "Successful.",
        "data": {
            "log": {
                "text": text,
                "offset": 0,
                "next_offset": len(text),
                "size": len(text),
                "is_complete": True,
            }
        },
    }


@pytest.mark.parametrize(
    ("offset", "text", "begin"),
    [
        ("11", "a brief job\n", 11),
        ("-4", "job\n", 19),
        ("-999", "hello from a brief job\n", 0),
        ("999", "", 23),
    ],
)
def test_an_offset_is_where_the_piece_begins(
    as_ada: Caller, finish: Finish, offset: str, text: str, begin: int
) -> None:
    log = as_ada("GET", f"/jobs/{finish('brief')}/log/?offset={offset}").data["log"]
    assert (log["text"], log["offset"], log["next_offset"]) == (text, begin, begin + len(text))


def test_a_long_log_comes_in_pieces_that_join(as_ada: Caller, finish: Finish) -> None:
    number = finish("long")
    first = as_ada("GET", f"/jobs/{number}/log/").data["log"]
    assert len(first["text"]) == first["next_offset"] == LOG_PIECE_BYTES
    assert not first["is_complete"]
    pieces, log = [first["text"]], first
    while not log["is_complete"]:
        log = as_ada("GET", f"/jobs/{number}/log/?offset={log['next_offset']}").data["log"]
        pieces.append(log["text"])
    assert "".join(pieces) == "".join(f"{line:06d}\n" for line in range(1, 100_001))


def test_a_job_that_has_written_nothing_has_an_empty_log(as_ada: Caller) -> None:
    workspace_id = as_ada.workspace()["id"]
    job = as_ada("PUT", f"/workspaces/{workspace_id}/start/", {"job_type": "sleeper"}).data["job"]
    log = as_ada("GET", f"/jobs/{job['id']}/log/").data["log"]
    assert log == {"text": "", "offset": 0, "next_offset": 0, "size": 0, "is_complete": False}


@pytest.mark.parametrize("offset", ["", "abc", "1.5", "--1", "%D9%A1", "9" * 19, "+1", "%201", "-"])
def test_an_offset_that_is_no_whole_number_is_refused(as_ada: Caller, offset: str) -> None:
    answer = as_ada("GET", f"/jobs/77/log/?offset={offset}")
    status, message = answer.refusal
    assert status == 400
    assert message.startswith("offset ")
    assert answer.body["errors"][0]["pointer"] == "?offset"


def test_other_peoples_logs_are_as_if_they_did_not_exist(
    as_ada: Caller, as_grace: Caller, finish: Finish
) -> None:
    number = finish("brief")
    assert as_grace("GET", f"/jobs/{number}/log/").refusal == (404, f"Job {number} not found for user.")
    assert as_ada("GET", "/jobs/999/log/").refusal == (404, "Job 999 not found for user.")

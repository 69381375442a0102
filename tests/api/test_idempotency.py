"""`Idempotency-Key`: what is asked for twice is done once, whoever asks, and whoever dies."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from tests.api.calling import Answer, Caller
from tests.conftest import end_all_jobs, make_site

from uws.accounts.models import User
from uws.background import idempotency
from uws.background.models import IdempotentRequest
from uws.jobs.models import Job
from uws.workspaces.models import Workspace

KEY = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}
NEW = {"name": "Cells", "description": ""}


def test_the_same_request_gets_the_same_answer_and_is_done_once(as_ada: Caller) -> None:
    first = as_ada("POST", "/workspaces/", NEW, headers=KEY)
    second = as_ada("POST", "/workspaces/", NEW, headers=KEY)
    assert second.content == first.content
    assert second.status == first.status == 200
    assert second.headers["Content-Type"] == first.headers["Content-Type"]
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert Workspace.objects.count() == 1


def test_requests_without_a_key_are_done_each_time(as_ada: Caller) -> None:
    as_ada("POST", "/workspaces/", NEW)
    as_ada("POST", "/workspaces/", NEW)
    assert Workspace.objects.count() == 2
    assert not IdempotentRequest.objects.exists()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/workspaces/", {**NEW, "name": "Other"}),
        ("POST", "/workspaces/", b"{"),
        ("PUT", "/workspaces/1/", NEW),
        ("DELETE", "/workspaces/1/", NEW),
    ],
)
def test_another_request_with_the_key_is_refused(as_ada: Caller, method: str, path: str, body: Any) -> None:
    as_ada("POST", "/workspaces/", NEW, headers=KEY)
    answer = as_ada(method, path, body, headers=KEY)
    assert answer.status == 422
    assert answer.body["type"] == "/problems/idempotency-key-reused"
    assert Workspace.objects.count() == 1


def test_a_key_is_one_persons(as_ada: Caller, as_grace: Caller) -> None:
    first = as_ada("POST", "/workspaces/", NEW, headers=KEY)
    second = as_grace("POST", "/workspaces/", NEW, headers=KEY)
    assert second.data["workspace"]["id"] != first.data["workspace"]["id"]


def test_a_query_that_no_change_reads_makes_no_other_request(as_ada: Caller) -> None:
    as_ada("POST", "/workspaces/?random=0.1", NEW, headers=KEY)
    answer = as_ada("POST", "/workspaces/?random=0.7", NEW, headers=KEY)
    assert answer.headers["Idempotency-Replayed"] == "true"


def test_a_key_in_quotation_marks_is_the_same_key(as_ada: Caller) -> None:
    as_ada("POST", "/workspaces/", NEW, headers={"Idempotency-Key": "k-1"})
    answer = as_ada("POST", "/workspaces/", NEW, headers={"Idempotency-Key": '"k-1"'})
    assert answer.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("key", ["", '""', "two words", "é", "x" * 256, 'a"b', "a\\b"])
def test_a_key_that_is_none_is_refused(as_ada: Caller, key: str) -> None:
    answer = as_ada("POST", "/workspaces/", NEW, headers={"Idempotency-Key": key})
    assert answer.status == 400
    assert answer.body["errors"][0]["pointer"] == "Idempotency-Key"
    assert not Workspace.objects.exists()


def test_reading_minds_no_key(as_ada: Caller) -> None:
    assert as_ada("GET", "/workspaces/", headers={"Idempotency-Key": ""}).status == 200


def test_after_a_refusal_the_same_request_is_tried_again(as_ada: Caller) -> None:
    path = f"/workspaces/{as_ada.workspace()['id']}/"
    job = as_ada("PUT", f"{path}start/", {"job_type": "sleeper"}).data["job"]
    assert as_ada("DELETE", path, headers=KEY).status == 400
    as_ada("PUT", f"/jobs/{job['id']}/stop/")
    assert as_ada("DELETE", path, headers=KEY).status == 200


def test_a_failure_half_way_is_kept(as_ada: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> object:
        raise ZeroDivisionError

    path = f"/workspaces/{as_ada.workspace()['id']}/start/"
    with monkeypatch.context() as patch:
        patch.setattr(type(as_ada.site.jobs), "_started", broken)
        first = as_ada("PUT", path, {"job_type": "sleeper"}, headers=KEY)
    second = as_ada("PUT", path, {"job_type": "sleeper"}, headers=KEY)
    assert (first.status, second.status) == (500, 500)
    assert Job.objects.count() == 1


def test_stop_and_delete_are_answered_again(as_ada: Caller) -> None:
    path = f"/workspaces/{as_ada.workspace()['id']}/"
    job = as_ada("PUT", f"{path}start/", {"job_type": "sleeper"}).data["job"]
    stop, stop_key = f"/jobs/{job['id']}/stop/", {"Idempotency-Key": "stop"}
    first = as_ada("PUT", stop, headers=stop_key)
    assert as_ada("PUT", stop).status == 400
    assert as_ada("PUT", stop, headers=stop_key).content == first.content
    assert first.status == 200


def test_an_upload_is_known_by_its_files_whatever_its_boundary(as_ada: Caller) -> None:
    path = f"/workspaces/{as_ada.workspace()['id']}/upload/"

    def upload(boundary: str, content: str) -> Answer:
        body = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\n'
            f"{content}\r\n--{boundary}--\r\n"
        )
        content_type = f"multipart/form-data; boundary={boundary}"
        return as_ada("PUT", path, body.encode(), content_type=content_type, headers=KEY)

    assert upload("one", "cells").status == 200
    modified = Workspace.objects.get().last_modified
    assert upload("two-two", "cells").headers["Idempotency-Replayed"] == "true"
    assert Workspace.objects.get().last_modified == modified
    assert upload("one", "other").status == 422
    stored = list(as_ada.site.deployment.data_dir.glob("workspaces/ada/*/a.txt"))
    assert [file.read_text() for file in stored] == ["cells"]


def test_while_the_first_is_under_way_the_second_is_told_to_wait(as_ada: Caller, ada: User) -> None:
    first = as_ada("POST", "/workspaces/", NEW, headers=KEY)
    assert first.status == 200
    # As if this process had not answered yet.
    IdempotentRequest.objects.update(status=None, lease_until=timezone.now() + timedelta(minutes=5))
    answer = as_ada("POST", "/workspaces/", NEW, headers=KEY)
    assert answer.status == 409
    assert answer.body["type"] == "/problems/request-in-progress"
    assert answer.headers["Retry-After"] == "1"


def test_a_request_whose_process_is_gone_does_not_block(as_ada: Caller) -> None:
    as_ada("POST", "/workspaces/", NEW, headers=KEY)
    holder = IdempotentRequest.objects.get().lease_holder
    host, boot, _, _ = holder.split("/")
    gone = f"{host}/{boot}/999999999/1"
    later = timezone.now() + timedelta(minutes=5)
    IdempotentRequest.objects.update(status=None, lease_holder=gone, lease_until=later)
    assert as_ada("POST", "/workspaces/", NEW, headers=KEY).status == 200
    answer = as_ada("POST", "/workspaces/", NEW, headers=KEY)
    assert answer.headers["Idempotency-Replayed"] == "true"


@pytest.fixture
def dies_before_it_answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Requests do their work, and their process is gone before the answer is kept."""
    with monkeypatch.context() as patched:
        patched.setattr(idempotency.Claim, "keep", lambda claim, answer: None)
        patched.setattr(idempotency.Claim, "release", lambda claim: None)
        yield


def let_its_process_be_gone() -> None:
    host, boot, _, _ = IdempotentRequest.objects.get().lease_holder.split("/")
    IdempotentRequest.objects.update(lease_holder=f"{host}/{boot}/999999999/1")


@pytest.mark.usefixtures("dies_before_it_answers")
def test_a_workspace_made_by_a_process_that_died_is_not_made_again(as_ada: Caller) -> None:
    first = as_ada("POST", "/workspaces/", NEW, headers=KEY)
    let_its_process_be_gone()
    again = as_ada("POST", "/workspaces/", NEW, headers=KEY)
    assert again.body["data"]["workspace"]["id"] == first.body["data"]["workspace"]["id"]
    assert Workspace.objects.count() == 1


@pytest.mark.usefixtures("dies_before_it_answers")
def test_a_job_started_by_a_process_that_died_is_not_started_again(as_ada: Caller) -> None:
    workspace = as_ada("POST", "/workspaces/", NEW).body["data"]["workspace"]["id"]
    path, body = f"/workspaces/{workspace}/start/", {"job_type": "sleeper"}
    first = as_ada("PUT", path, body, headers=KEY)
    let_its_process_be_gone()
    again = as_ada("PUT", path, body, headers=KEY)
    assert again.body["data"]["job"]["id"] == first.body["data"]["job"]["id"]
    assert Job.objects.count() == 1


def test_a_lease_that_ran_out_does_not_block_and_its_late_owner_keeps_nothing(ada: User) -> None:
    late = idempotency.begin(ada.pk, "k", "print")
    assert isinstance(late, idempotency.Claim)
    IdempotentRequest.objects.update(
        lease_holder="elsewhere/boot/1/1", lease_until=timezone.now() - timedelta(seconds=1)
    )
    taken = idempotency.begin(ada.pk, "k", "print")
    assert isinstance(taken, idempotency.Claim)
    late.keep(idempotency.KeptAnswer(200, {}, b"late"))
    late.release()
    taken.keep(idempotency.KeptAnswer(200, {"Content-Type": "text/plain"}, b"taken"))
    kept = idempotency.begin(ada.pk, "k", "print")
    assert isinstance(kept, idempotency.KeptAnswer)
    assert (kept.body, kept.headers) == (b"taken", {"Content-Type": "text/plain"})


def test_a_key_is_free_again_after_a_day(as_ada: Caller) -> None:
    as_ada("POST", "/workspaces/", NEW, headers=KEY)
    IdempotentRequest.objects.update(created=timezone.now() - timedelta(hours=25))
    assert as_ada("POST", "/workspaces/", {**NEW, "name": "Other"}, headers=KEY).status == 200
    IdempotentRequest.objects.update(created=timezone.now() - timedelta(hours=25))
    assert idempotency.prune() == 1


@pytest.fixture
def concurrent_site(transactional_db: None, config: dict[str, Any], data_directory: Any) -> Iterator[Any]:
    """An installation that threads of a test may call: each has its own connection."""
    site = make_site(config, data_directory)
    yield site
    end_all_jobs(site)


def test_twenty_equal_starts_at_once_make_one_job(concurrent_site: Any) -> None:
    site = concurrent_site
    ada = site.accounts.create("ada", "ada@example.org")
    as_ada = Caller(site, site.tokens.portal_token(ada))
    path = f"/workspaces/{as_ada.workspace()['id']}/start/"
    barrier = threading.Barrier(20)
    answers: list[Answer] = []

    def start() -> None:
        try:
            barrier.wait(20)
            while (answer := as_ada("PUT", path, {"job_type": "sleeper"}, headers=KEY)).status == 409:
                threading.Event().wait(0.05)
            answers.append(answer)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=start) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == 20
    assert {answer.status for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert Job.objects.count() == 1

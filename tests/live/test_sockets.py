"""Live updates: a snapshot on connect, then a message for each change, for those who may see it."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import pytest
from django.utils import timezone
from starlette.applications import Starlette
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from uws import live
from uws.accounts.models import AccessToken, User
from uws.background.threads import DatabaseThreads
from uws.events.tail import EventTail
from uws.jobs.models import Job
from uws.jobs.states import JobState
from uws.site import Site

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def browser(site: Site) -> Iterator[TestClient]:
    database = DatabaseThreads(workers=1)  # whose one connection is closed below
    application = Starlette(routes=live.routes(site, database, EventTail(database)))
    with TestClient(application, base_url="http://localhost:8000") as client:
        yield client
    database.executor.submit(_close_connections).result()
    database.close()


def _close_connections() -> None:
    from django.db import connections

    connections.close_all()


@pytest.fixture
def job(site: Site, ada: User) -> Job:
    person = ada.as_person()
    made: Any = site.workspaces.create(person, {"name": "Cells", "description": ""})
    started: Any = site.jobs.start(person, made["id"], {"job_type": "sleeper"})
    return Job.objects.get(pk=started["id"])


def header(site: Site, user: User) -> dict[str, str]:
    return {"UWS-Authorization": f"Token {site.tokens.create_personal(user.as_person(), 'test')}"}


def closed_with(socket: WebSocketTestSession) -> int:
    try:
        while True:
            socket.receive_json()
    except WebSocketDisconnect as closed:
        return closed.code


def test_a_job_is_told_on_connect_and_on_each_change(
    browser: TestClient, site: Site, ada: User, job: Job
) -> None:
    with browser.websocket_connect(f"/jobs/{job.pk}/", headers=header(site, ada)) as socket:
        assert socket.receive_json()["status"] == "pending"
        site.lifecycle.transition(job.pk, JobState.PENDING, JobState.RUNNING, actor="test")
        assert socket.receive_json()["status"] == "running"


def test_a_program_may_send_its_own_token_as_a_bearer(
    browser: TestClient, site: Site, ada: User, job: Job
) -> None:
    bearer = header(site, ada)["UWS-Authorization"].replace("Token", "Bearer")
    with browser.websocket_connect(f"/jobs/{job.pk}/", headers={"Authorization": bearer}) as socket:
        assert socket.receive_json()["status"] == "pending"


def test_a_browser_may_authenticate_by_its_first_message(
    browser: TestClient, site: Site, ada: User, job: Job
) -> None:
    with browser.websocket_connect(f"/jobs/{job.pk}/") as socket:
        socket.send_json({"authorization": header(site, ada)["UWS-Authorization"]})
        assert socket.receive_json()["status"] == "pending"


@pytest.mark.parametrize(
    "message", ["{}", "[]", "nonsense", '{"authorization": 7}', '{"authorization": "Token x"}']
)
def test_a_stranger_is_turned_away(browser: TestClient, job: Job, message: str) -> None:
    with browser.websocket_connect(f"/jobs/{job.pk}/") as socket:
        socket.send_text(message)
        assert closed_with(socket) == 4401


def test_somebody_elses_job_looks_like_none(browser: TestClient, site: Site, grace: User, job: Job) -> None:
    for number in (job.pk, job.pk + 1000):
        with browser.websocket_connect(f"/jobs/{number}/", headers=header(site, grace)) as socket:
            assert closed_with(socket) == 4404


def test_a_revoked_token_ends_its_socket(
    browser: TestClient, site: Site, ada: User, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uws.live.stream.RECHECK_SECONDS", 0.1)
    with browser.websocket_connect(f"/jobs/{job.pk}/", headers=header(site, ada)) as socket:
        socket.receive_json()
        token = AccessToken.objects.get(label="test")
        assert site.tokens.revoke(ada.as_person(), token.pk)
        assert closed_with(socket) == 4401


def session_cookie(user: User) -> dict[str, str]:
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return {"cookie": f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"}


def test_the_console_hears_of_its_users_changes_alone(
    browser: TestClient, site: Site, ada: User, grace: User, job: Job
) -> None:
    headers = session_cookie(ada) | {"origin": "http://localhost:8000", "host": "localhost:8000"}
    with browser.websocket_connect("/console/live/", headers=headers) as socket:
        assert socket.receive_json()["kinds"] == ["connected"]
        site.workspaces.create(grace.as_person(), {"name": "Hers", "description": ""})
        site.lifecycle.transition(job.pk, JobState.PENDING, JobState.RUNNING, actor="test")
        assert socket.receive_json() == {"subjects": [f"jobs/{job.pk}"], "kinds": ["job.running"]}


@pytest.mark.parametrize("origin", [None, "http://job-1.localhost:8001", "http://localhost:9000", "null"])
def test_the_console_socket_takes_no_other_origin(browser: TestClient, ada: User, origin: str | None) -> None:
    headers = session_cookie(ada) | {"host": "localhost:8000"} | ({"origin": origin} if origin else {})
    with browser.websocket_connect("/console/live/", headers=headers) as socket:
        assert closed_with(socket) == 4401


def test_the_console_socket_needs_a_session(browser: TestClient) -> None:
    headers = {"origin": "http://localhost:8000", "host": "localhost:8000"}
    with browser.websocket_connect("/console/live/", headers=headers) as socket:
        assert closed_with(socket) == 4401


def test_a_token_that_may_not_read_is_turned_away(
    browser: TestClient, site: Site, ada: User, job: Job
) -> None:
    token = site.tokens.create_personal(ada.as_person(), "uploads", ["files"])
    headers = {"UWS-Authorization": f"Token {token}"}
    with (
        browser.websocket_connect(f"/jobs/{job.pk}/", headers=headers) as socket,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        socket.receive_json()
    assert closed.value.code == 4401


def test_a_right_that_ends_closes_a_stream_in_which_much_happens(
    browser: TestClient, site: Site, ada: User, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uws.live.stream.RECHECK_SECONDS", 1.0)  # events come more often than this
    with browser.websocket_connect(f"/jobs/{job.pk}/", headers=header(site, ada)) as socket:
        socket.receive_json()
        AccessToken.objects.update(revoked=timezone.now())
        busy = Busy(site, job)
        busy.start()
        try:
            assert closed_with(socket) == 4401
            assert busy.told < BUSY_EVENTS, "closed only once nothing happened any more"
        finally:
            busy.stopped.set()
            busy.join()


BUSY_EVENTS = 100


class Busy(Thread):
    """Writes an event about a job ten times a second, for ten seconds at most."""

    def __init__(self, site: Site, job: Job) -> None:
        super().__init__()
        self._site, self._job = site, job
        self.stopped = Event()
        self.told = 0

    def run(self) -> None:
        try:
            while self.told < BUSY_EVENTS and not self.stopped.wait(0.1):
                message = {"message": f"still busy {self.told}"}
                self._site.lifecycle.note(self._job.pk, "job.waiting", values=message)
                self.told += 1
        finally:
            _close_connections()


@pytest.mark.parametrize("number", ["9" * 18, "9" * 19, "9" * 5000, "-1", "x"])
def test_a_number_that_no_job_has_is_not_found(
    browser: TestClient, site: Site, ada: User, number: str
) -> None:
    def connect() -> None:
        with browser.websocket_connect(f"/jobs/{number}/", headers=header(site, ada)) as socket:
            socket.receive_json()

    with pytest.raises(WebSocketDisconnect) as closed:
        connect()
    assert closed.value.code == 4404

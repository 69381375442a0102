"""The conformance kit of compute resources: real jobs, started, watched, stopped and found again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from uws.config.deployment import Deployment
from uws.jobs.resources.base import (
    EndReason,
    JobHandle,
    JobPlace,
    JobScript,
    Launch,
    Launched,
    Observation,
    ObservedState,
    Resource,
    ResourceOptions,
)
from uws.testing.deployment import deployment_in
from uws.testing.storage import ADAS_ACCOUNT

Outcome = Observation | None


class ResourceConformance:
    """What every resource must do. Override `resource` and, for slow clusters, `patience_seconds`."""

    patience_seconds = 20.0
    """How long a small job may take to start, to end and to be seen ended."""

    @pytest.fixture
    def deployment(self, tmp_path: Path) -> Deployment:
        return deployment_in(tmp_path / "uws")

    @pytest.fixture
    def resource(self, deployment: Deployment) -> Resource:
        raise NotImplementedError("override this fixture: return the resource under test")

    @pytest.fixture
    def start(self, resource: Resource, deployment: Deployment) -> Iterator[Start]:
        starter = Start(resource, deployment)
        yield starter
        starter.stop_all()

    def _wait(self, look: Callable[[], Outcome], wanted: Callable[[Observation], bool]) -> Observation:
        deadline = time.monotonic() + self.patience_seconds
        while True:
            seen = look()
            if seen is not None and wanted(seen):
                return seen
            assert time.monotonic() < deadline, f"waited {self.patience_seconds} s; last seen: {seen}"
            time.sleep(0.05)

    def _end_of(self, resource: Resource, job: JobHandle) -> Observation:
        return self._wait(
            lambda: resource.observe([job]).get(job.key), lambda seen: seen.state == ObservedState.ENDED
        )

    def _running(self, resource: Resource, job: JobHandle) -> Observation:
        return self._wait(
            lambda: resource.observe([job]).get(job.key), lambda seen: seen.state == ObservedState.RUNNING
        )

    def test_a_job_that_ends_well_is_a_success(self, resource: Resource, start: Start) -> None:
        seen = self._end_of(resource, start(["true"]))
        assert (seen.reason, seen.exit_code) == (EndReason.SUCCESS, 0)

    def test_an_exit_code_is_told(self, resource: Resource, start: Start) -> None:
        seen = self._end_of(resource, start(["sh", "-c", "exit 7"]))
        assert (seen.reason, seen.exit_code) == (EndReason.FAILED, 7)

    def test_times_are_in_order(self, resource: Resource, start: Start) -> None:
        before = time.time()
        seen = self._end_of(resource, start(["true"]))
        assert seen.started_at is not None
        assert seen.ended_at is not None
        assert before - 5 <= seen.started_at <= seen.ended_at <= time.time() + 5

    def test_a_running_job_is_running(self, resource: Resource, start: Start) -> None:
        assert self._running(resource, start(["sleep", "600"])).reason is None

    def test_a_stopped_job_ends_as_cancelled(self, resource: Resource, start: Start) -> None:
        job = start(["sleep", "600"])
        self._running(resource, job)
        resource.stop(job, grace_seconds=1)
        assert self._end_of(resource, job).reason == EndReason.CANCELLED

    def test_a_job_stopped_as_soon_as_it_is_launched_ends_as_cancelled(
        self, resource: Resource, start: Start
    ) -> None:
        job = start(["sleep", "600"])
        resource.stop(job, grace_seconds=1)
        assert self._end_of(resource, job).reason == EndReason.CANCELLED

    def test_stopping_may_be_repeated_and_come_too_late(self, resource: Resource, start: Start) -> None:
        job = start(["true"])
        self._end_of(resource, job)
        resource.stop(job, grace_seconds=1)
        resource.stop(job, grace_seconds=1)
        assert self._end_of(resource, job).reason == EndReason.SUCCESS

    def test_a_job_past_its_time_limit_ends_by_timeout(self, resource: Resource, start: Start) -> None:
        seen = self._end_of(resource, start(["sleep", "600"], time_limit_seconds=1))
        assert seen.reason == EndReason.TIMEOUT

    def test_a_running_job_is_found_by_its_launch_key(self, resource: Resource, start: Start) -> None:
        job = start(["sleep", "600"])
        found = resource.find(job.key, job.place)
        assert found is not None
        assert found.resource_job_id == job.resource_job_id

    def test_an_ended_job_is_found_by_its_launch_key(self, resource: Resource, start: Start) -> None:
        job = start(["true"])
        self._end_of(resource, job)
        found = resource.find(job.key, job.place)
        assert found is not None
        again = JobHandle(job.key, job.job_id, job.place, found.resource_job_id, found.state)
        assert self._end_of(resource, again).reason == EndReason.SUCCESS

    def test_a_key_that_was_never_launched_is_not_found(self, resource: Resource, start: Start) -> None:
        job = start(["true"])
        assert resource.find("uws-0000000000000000", job.place) is None

    def test_many_jobs_are_told_apart(self, resource: Resource, start: Start) -> None:
        jobs = [start(["sh", "-c", f"exit {code}"]) for code in range(4)]
        codes = [self._end_of(resource, job).exit_code for job in jobs]
        assert codes == [0, 1, 2, 3]

    def test_words_reach_the_command_as_they_are(
        self, resource: Resource, start: Start, deployment: Deployment
    ) -> None:
        word = "a b'c\"d$HOME;`id`\n*é"
        job = start(["printf", "%s", word])
        self._end_of(resource, job)
        assert (job.place.job_directory / "output.log").read_text() == word

    def test_nothing_is_asked_for_nothing(self, resource: Resource) -> None:
        assert dict(resource.observe([])) == {}

    def test_the_health_is_one_sentence(self, resource: Resource) -> None:
        health = resource.health()
        assert health.message
        assert "\n" not in health.message


class Start:
    """Starts jobs on a resource, each in a workspace of its own, and stops them all in the end."""

    def __init__(self, resource: Resource, deployment: Deployment) -> None:
        self._resource = resource
        self._deployment = deployment
        self.jobs: list[JobHandle] = []

    def __call__(self, command: Sequence[str], *, time_limit_seconds: int = 120) -> JobHandle:
        number = len(self.jobs) + 1
        storage = self._resource.storage
        place = JobPlace(
            identity=storage.identity(ADAS_ACCOUNT),
            storage_root=storage.root,
            workspace_path=storage.workspace_path(ADAS_ACCOUNT, number),
            job_path=f".{number}",
        )
        launch = Launch(
            key=f"uws-kit-{number}-{time.monotonic_ns():x}",
            job_id=number,
            job_name=f"conformance {number}",
            place=place,
            script=JobScript(command, {"PATH": "/usr/local/bin:/usr/bin:/bin"}, "output.log"),
            files=[],
            options=ResourceOptions(time_limit_seconds=time_limit_seconds),
        )
        launched: Launched = self._resource.launch(launch)
        job = JobHandle(launch.key, number, place, launched.resource_job_id, launched.state)
        self.jobs.append(job)
        return job

    def stop_all(self) -> None:
        for job in self.jobs:
            self._resource.stop(job, grace_seconds=0)

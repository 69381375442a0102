"""A cluster that somebody else's jobs run on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from uws.config.health import Health
from uws.jobs.resources.base import (
    EndReason,
    JobHandle,
    JobPlace,
    Launch,
    Launched,
    LaunchRefused,
    Observation,
    ObservedState,
    Resource,
    ResourceUnreachable,
)


class Cluster(Resource):
    """Knows jobs by their numbers, as Slurm does; the tests say which there are and how they are."""

    jobs: ClassVar[dict[int, ObservedState]] = {}
    stopped: ClassVar[list[int]] = []
    launched: ClassVar[list[int]] = []
    is_away: ClassVar[bool] = False

    def launch(self, launch: Launch) -> Launched:
        self.launched.append(launch.job_id)
        raise LaunchRefused("This cluster starts nothing.")

    def find(self, key: str, place: JobPlace) -> Launched | None:
        return None

    def adopt(self, resource_job_id: int, place: JobPlace) -> Launched | None:
        if type(self).is_away:
            raise ResourceUnreachable("The cluster is away.")
        return (
            Launched(resource_job_id, {"number": resource_job_id}) if resource_job_id in self.jobs else None
        )

    def observe(self, jobs: Sequence[JobHandle]) -> Mapping[str, Observation]:
        return {job.key: self._observation(job.resource_job_id) for job in jobs}

    def _observation(self, number: int) -> Observation:
        state = self.jobs[number]
        reason = EndReason.SUCCESS if state == ObservedState.ENDED else None
        return Observation(state=state, reason=reason)

    def stop(self, job: JobHandle, grace_seconds: float) -> None:
        self.stopped.append(job.resource_job_id)

    def health(self) -> Health:
        return Health(True, "It is a double.")

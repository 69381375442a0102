"""Building the configured environments ahead, so that the first start of a job need not wait for one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from django.db import transaction

from uws.background.queue import TaskRegistry
from uws.jobs.environments.errors import EnvironmentBuildFailed
from uws.jobs.environments.store import EnvironmentStore
from uws.jobs.resources.base import Resource
from uws.jobs.types.base import EnvironmentRequest, JobType, JobTypeProblem, ReadyEnvironment

logger = logging.getLogger(__name__)


class EnvironmentPrebuild:
    """The environments that the configured job types need, and their building in the background."""

    def __init__(
        self,
        store: EnvironmentStore,
        job_types: Mapping[str, JobType],
        resources: Mapping[str, Resource],
        tasks: TaskRegistry,
    ) -> None:
        self.store = store
        self._job_types = job_types
        self._resources = resources
        self._tasks = tasks
        tasks.register("environments.build", self.build_named, queue="long")

    def requests(self) -> dict[str, EnvironmentRequest]:
        """Return the environments that job types need, by job type key; equal ones are named once."""
        found: dict[str, EnvironmentRequest] = {}
        for key, job_type in self._job_types.items():
            for resource_key in self._resources:
                try:
                    request = job_type.environment(resource_key)
                except JobTypeProblem:
                    continue
                if request is not None and request not in found.values():
                    found.setdefault(key, request)
        return found

    def missing(self) -> dict[str, EnvironmentRequest]:
        """Return those that are not built yet and can be."""
        return {key: request for key, request in self.requests().items() if self._find(request) is None}

    def _find(self, request: EnvironmentRequest) -> ReadyEnvironment | None:
        try:
            return self.store.find(request)
        except EnvironmentBuildFailed:
            return None

    def enqueue_missing(self) -> None:
        """Queue the building of whatever is missing."""
        with transaction.atomic():
            for key in self.missing():
                self._tasks.enqueue("environments.build", key)

    def build_named(self, key: str) -> None:
        """Background: build one job type's environment. A failure is told to whoever starts such a job."""
        try:
            self.build(key, lambda line: logger.info("environment of %s: %s", key, line))
        except EnvironmentBuildFailed as problem:
            logger.warning("the environment of %s could not be built ahead: %s", key, problem.message)

    def build(self, key: str, progress: Callable[[str], None]) -> ReadyEnvironment | None:
        """Build one job type's environment now. Raises `EnvironmentBuildFailed`, KeyError for an unknown key."""
        request = self.requests().get(key)
        if request is None:
            if key not in self._job_types:
                raise KeyError(key)
            return None
        return self.store.build(request, progress)

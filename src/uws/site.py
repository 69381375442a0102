"""The composition root: from a loaded configuration to a frozen `Site` of built parts.

Everything is handed in through constructors, in one order: authentication methods, storage methods, resources, job
types, services. Nothing is looked up by name later, and nothing is global.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from types import MappingProxyType
from typing import TypeVar

import uws
from uws.accounts.authentication.base import AuthenticationMethod
from uws.accounts.login_refusals import LoginRefusals
from uws.accounts.service import Accounts
from uws.accounts.sign_in import SignInLinks
from uws.accounts.tokens import Tokens
from uws.background import idempotency
from uws.background.queue import TaskRegistry
from uws.background.wakeup import Wakeup, socket_path
from uws.config.deployment import Deployment
from uws.config.load import LoadedConfig
from uws.events import log
from uws.jobs.environments.prebuild import EnvironmentPrebuild
from uws.jobs.environments.store import EnvironmentStore
from uws.jobs.health import CHECK_SECONDS, PluginHealthBoard
from uws.jobs.launch import Launcher
from uws.jobs.lifecycle import JobLifecycle
from uws.jobs.opening import JobDirectory
from uws.jobs.reconciler import SWEEP_SECONDS, Reconciler
from uws.jobs.resources.base import Resource
from uws.jobs.service import Jobs
from uws.jobs.types.base import JobType
from uws.jobs.wire import JobWire
from uws.sharing.copies import ShareCopies
from uws.sharing.mail import ShareMail
from uws.sharing.service import Sharing
from uws.workspaces.service import Workspaces
from uws.workspaces.storage.base import StorageMethod

Plugin = TypeVar("Plugin")

PRUNE_SECONDS = 6 * 3600.0
IDEMPOTENCY_PRUNE_SECONDS = 600.0


@dataclass(frozen=True)
class Ports:
    """Where this installation listens: the console and API, and the running jobs."""

    web: int = 8000
    jobs: int = 8001


@dataclass(frozen=True)
class Site:
    """All the parts of one installation, built. Handed to the faces; one a process."""

    loaded: LoadedConfig
    deployment: Deployment
    ports: Ports
    authentication: Mapping[str, AuthenticationMethod]
    storages: Mapping[str, StorageMethod]
    resources: Mapping[str, Resource]
    job_types: Mapping[str, JobType]
    tasks: TaskRegistry
    accounts: Accounts
    tokens: Tokens
    sign_in_links: SignInLinks
    workspaces: Workspaces
    environments: EnvironmentPrebuild
    lifecycle: JobLifecycle
    launcher: Launcher
    jobs: Jobs
    job_directory: JobDirectory
    health: PluginHealthBoard
    sharing: Sharing

    @cached_property
    def wire_version(self) -> str:
        """Changes whenever another configuration or release would show the same rows differently."""
        parts = [uws.__version__, self.loaded.config.model_dump_json(), str(self.ports)]
        parts += [spec.settings.model_dump_json() for spec in self.loaded.plugins.job_types.values()]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def reconciler(self, own_ports: Collection[int] | None = None) -> Reconciler:
        """Build the reconciler, in the process that will run it."""
        return Reconciler(
            self.resources,
            self.job_types,
            self.workspaces,
            self.launcher,
            self.lifecycle,
            stop_grace_seconds=self.deployment.server.limits.job_stop_grace_seconds,
            own_ports=(self.ports.web, self.ports.jobs) if own_ports is None else own_ports,
            chores=[
                (CHECK_SECONDS, self.health.check),
                (SWEEP_SECONDS, self.sharing.sweep),
                (PRUNE_SECONDS, lambda: self._prune()),
                (IDEMPOTENCY_PRUNE_SECONDS, _prune_idempotent),
            ],
        )

    def _prune(self) -> None:
        log.prune(timedelta(days=self.deployment.server.limits.event_days))

    def on_start(self) -> None:
        """Queue what should be under way as soon as an installation is up: building its environments."""
        self.environments.enqueue_missing()


def build(loaded: LoadedConfig, deployment: Deployment, ports: Ports | None = None) -> Site:
    """Build every part from a configuration without mistakes. Calls nothing outside; opens no database."""
    config, plugins = loaded.config, loaded.plugins
    ports = ports or Ports()
    authentication: dict[str, AuthenticationMethod] = {
        key: spec.cls(key, spec.settings, deployment) for key, spec in plugins.authentication.items()
    }
    storages: dict[str, StorageMethod] = {
        key: spec.cls(key, spec.settings, authentication[spec.settings.user_authentication], deployment)
        for key, spec in plugins.storage.items()
    }
    resources: dict[str, Resource] = {
        key: spec.cls(
            key,
            spec.settings,
            storages[spec.settings.storage],
            authentication[spec.settings.user_authentication],
            deployment,
        )
        for key, spec in plugins.resources.items()
    }
    job_types: dict[str, JobType] = {
        key: spec.cls(key, spec.settings, deployment) for key, spec in plugins.job_types.items()
    }

    tasks = TaskRegistry()
    accounts = Accounts(deployment.server)
    limits = deployment.server.limits
    refusals = LoginRefusals(
        deployment.secrets, limits.login_refusals_per_account, limits.login_refusals_per_address
    )
    tokens = Tokens(deployment.secrets, accounts, authentication[config.api_user_authentication], refusals)
    workspaces = Workspaces(deployment, accounts, storages, config.main_storage, job_types.keys(), tasks)
    store = EnvironmentStore(deployment.environments_directory)
    lifecycle = JobLifecycle(tasks, Wakeup(socket_path(deployment.data_dir)))
    launcher = Launcher(deployment, workspaces, resources, job_types, store, lifecycle, tasks)
    wire = JobWire(deployment, job_types, ports.jobs)
    jobs = Jobs(config, workspaces, resources, job_types, lifecycle, launcher, wire)
    mail = ShareMail(deployment, tasks, console_url(deployment, ports))
    copies = ShareCopies(workspaces, mail, tasks)
    sharing = Sharing(accounts, workspaces, storages[config.main_storage], copies, mail, tasks)
    return Site(
        loaded=loaded,
        deployment=deployment,
        ports=ports,
        authentication=_frozen(authentication),
        storages=_frozen(storages),
        resources=_frozen(resources),
        job_types=_frozen(job_types),
        tasks=tasks,
        accounts=accounts,
        tokens=tokens,
        sign_in_links=SignInLinks(deployment.server.limits.sign_in_link_minutes),
        workspaces=workspaces,
        environments=EnvironmentPrebuild(store, job_types, resources, tasks),
        lifecycle=lifecycle,
        launcher=launcher,
        jobs=jobs,
        job_directory=JobDirectory(wire),
        health=PluginHealthBoard(
            {"resource": resources, "storage": storages, "authentication": authentication}
        ),
        sharing=sharing,
    )


def _prune_idempotent() -> None:
    idempotency.prune()


def console_url(deployment: Deployment, ports: Ports) -> str:
    """Return how a browser reaches the console, without a slash at its end."""
    return deployment.server.public_url or f"http://{deployment.server.hosts[0]}:{ports.web}"


def _frozen(plugins: dict[str, Plugin]) -> Mapping[str, Plugin]:
    return MappingProxyType(plugins)

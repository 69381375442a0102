"""What the background does to workspaces: scans, removals, and the clearing away of what was cut off."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from uws.accounts.authentication.base import DirectoryUnreachable, PermissionRefused
from uws.accounts.person import ExternalAccount, Person
from uws.accounts.service import Accounts
from uws.agent.client import Scan
from uws.agent.errors import AgentError
from uws.agent.identity import Identity
from uws.background import leases
from uws.background.queue import TaskRegistry
from uws.config.deployment import Deployment
from uws.events import log
from uws.refusals import BadRequest, FieldError, Refusal, Unavailable
from uws.workspaces.faults import is_away
from uws.workspaces.files import WorkspaceFiles, open_workspace
from uws.workspaces.lifecycle import record, transition
from uws.workspaces.models import Workspace
from uws.workspaces.states import WorkspaceState
from uws.workspaces.storage.base import StorageMethod

logger = logging.getLogger(__name__)

CREATION_SECONDS = 600
LISTING_AGE = timedelta(seconds=10)
NO_ACCOUNT = "User could not be found/created on main storage system."


class WorkspaceUpkeep:
    """What is done to workspaces apart from requests. Every method may be repeated, and be cut off anywhere."""

    def __init__(
        self,
        deployment: Deployment,
        accounts: Accounts,
        storages: Mapping[str, StorageMethod],
        tasks: TaskRegistry,
    ) -> None:
        self._deployment = deployment
        self._accounts = accounts
        self._storages = storages
        self._tasks = tasks
        self.removal_waits: list[Callable[[int], bool]] = []
        """Asked before the directory goes: True while something still uses it. Filled by the parts above."""
        self.makers: list[Callable[[int], bool]] = []
        """Asked by the sweep of a half-made workspace: True where a part above finishes or clears it itself."""
        tasks.register("workspaces.scan", self.scan, queue="long")
        tasks.register("workspaces.remove", self.remove, queue="long")

    # --- opening -----------------------------------------------------------------------------------

    def account(self, person: Person, storage: StorageMethod) -> ExternalAccount:
        """Return the person's account on a storage. Raises the contract's 400, or `Unavailable`."""
        try:
            return self._accounts.account_for(person, storage.authentication)
        except PermissionRefused as problem:
            raise BadRequest(NO_ACCOUNT, errors=[FieldError("", problem.message, "an account")]) from problem
        except DirectoryUnreachable as problem:
            raise Unavailable(problem.message) from problem

    def _open(self, row: Workspace, identity: Identity) -> AbstractContextManager[WorkspaceFiles]:
        return open_workspace(self._deployment.agents, identity, self._storage(row).root, row.path)

    def _storage(self, row: Workspace) -> StorageMethod:
        storage = self._storages.get(row.storage)
        if storage is None:
            text = f"The storage {row.storage!r} of workspace {row.pk} is not configured any more."
            raise Refusal(text, status=500, kind="misconfigured")
        return storage

    def open(self, row: Workspace) -> AbstractContextManager[WorkspaceFiles]:
        """Open a workspace's directory as its owner, for the parts above."""
        storage = self._storage(row)
        return self._open(row, storage.identity(self.account(row.owner.as_person(), storage)))

    # --- listing -----------------------------------------------------------------------------------

    def refresh_listing(self, workspace: Workspace) -> None:
        """Queue a scan of a workspace that jobs are writing to, if the last one is some time ago."""
        if workspace.status != WorkspaceState.ACTIVE:
            return
        now = timezone.now()
        stale = Q(scanned__isnull=True) | Q(scanned__lt=now - LISTING_AGE)
        with transaction.atomic():
            # Marked as scanned now, so that many looks at a page queue one scan.
            if Workspace.objects.filter(stale, pk=workspace.pk).update(scanned=now):
                self._tasks.enqueue("workspaces.scan", workspace.pk)

    def scan(self, workspace_id: int) -> None:
        """Background: list the workspace and sum its size. Repeatable."""
        row = (
            Workspace.objects.filter(pk=workspace_id, status__in=(WorkspaceState.IDLE, WorkspaceState.ACTIVE))
            .select_related("owner")
            .first()
        )
        if row is None:
            return
        try:
            with self.open(row) as files:
                values = scanned_columns(files.scan())
        except (AgentError, Refusal):
            logger.exception("workspace %s could not be scanned", workspace_id)
            return
        with transaction.atomic():
            changed = Workspace.objects.filter(pk=workspace_id).exclude(
                files=values["files"], links=values["links"], disk_space_bytes=values["disk_space_bytes"]
            )
            if changed.update(**values):
                record(workspace_id, "workspace.scanned", actor="server")
            else:
                Workspace.objects.filter(pk=workspace_id).update(scanned=values["scanned"])

    # --- removing ----------------------------------------------------------------------------------

    def remove(self, workspace_id: int) -> None:
        """Background: remove the directory, then the row. Repeatable; waits while a job still uses it."""
        deleting = Workspace.objects.filter(status=WorkspaceState.DELETING)
        if any(waits(workspace_id) for waits in self.removal_waits):
            return
        if not leases.claim(deleting, workspace_id, CREATION_SECONDS):
            return
        row = deleting.select_related("owner").get(pk=workspace_id)
        try:
            with self.open(row) as files:
                files.remove()
        except (AgentError, Refusal, ValueError) as error:
            if is_away(error):
                logger.warning("workspace %s cannot be removed yet: %s", workspace_id, error)
                leases.release(deleting, workspace_id)
                return
            logger.exception("workspace %s could not be removed", workspace_id)
            transition(
                workspace_id,
                WorkspaceState.DELETING,
                WorkspaceState.ERROR,
                actor="server",
                message=f"The workspace could not be deleted: {error}",
                lease_holder="",
                lease_until=None,
            )
            return
        self._forget(row.pk, row.owner_id, row.name, actor="server", kind="workspace.deleted")

    @staticmethod
    def _forget(workspace_id: int, owner_id: int, name: str, *, actor: str, kind: str) -> None:
        with transaction.atomic():
            Workspace.objects.filter(pk=workspace_id).delete()
            log.append(
                kind, f"workspaces/{workspace_id}", owner_id=owner_id, actor=actor, payload={"name": name}
            )

    def _give_up(self, workspace_id: int) -> None:
        """Let go of a workspace that somebody wants to be deleted, and have that done."""
        with transaction.atomic():
            leases.release(Workspace.objects.all(), workspace_id)
            if Workspace.objects.filter(pk=workspace_id, status=WorkspaceState.DELETING).exists():
                self._tasks.enqueue("workspaces.remove", workspace_id)

    def _undo_creation(self, row: Workspace, identity: Identity) -> None:
        try:
            with self._open(row, identity) as files:
                files.remove()
        except AgentError:
            logger.exception("the directory of a refused workspace %s stays until the next sweep", row.pk)
            leases.release(Workspace.objects.all(), row.pk)
            return
        self._forget(row.pk, row.owner_id, row.name, actor="server", kind="workspace.refused")

    def _clear_after_deletion(self, row: Workspace) -> None:
        """Remove what a change has written into a workspace that was deleted while it was under way."""
        if Workspace.objects.filter(pk=row.pk).exclude(status=WorkspaceState.DELETING).exists():
            return
        if any(waits(row.pk) for waits in self.removal_waits):
            return  # the directory goes, with all that is in it, once its last job has ended
        try:
            with self.open(row) as files:
                files.remove()
        except (AgentError, Refusal):
            logger.exception("something may be left of the deleted workspace %s, at %s", row.pk, row.path)

    # --- after a crash -----------------------------------------------------------------------------

    def sweep(self) -> None:
        """Finish what a killed process left: half-made workspaces go, accepted deletions are done."""
        for row in Workspace.objects.filter(status=WorkspaceState.INITIALIZING).select_related("owner"):
            initializing = Workspace.objects.filter(status=WorkspaceState.INITIALIZING)
            if leases.is_held(row.lease_holder, row.lease_until) or any(make(row.pk) for make in self.makers):
                continue
            if leases.claim(initializing, row.pk, CREATION_SECONDS):
                self._clear_half_made(row)
        with transaction.atomic():
            for row in Workspace.objects.filter(status=WorkspaceState.DELETING):
                if not leases.is_held(row.lease_holder, row.lease_until):
                    self._tasks.enqueue("workspaces.remove", row.pk)

    def _clear_half_made(self, row: Workspace) -> None:
        try:
            storage = self._storage(row)
            self._undo_creation(row, storage.identity(self.account(row.owner.as_person(), storage)))
        except Refusal:
            logger.exception("the half-made workspace %s stays until the next sweep", row.pk)
            leases.release(Workspace.objects.all(), row.pk)


def scanned_columns(scan: Scan) -> dict[str, Any]:
    """Return the columns of a workspace that a scan fills."""
    return {
        "files": scan.files,
        "links": scan.links,
        "disk_space_bytes": scan.size_bytes,
        "listing_truncated": scan.truncated,
        "scanned": timezone.now(),
    }

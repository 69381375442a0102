"""What can be done with workspaces. Each method looks things up with their owner."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from uws.accounts.authentication.base import DirectoryUnreachable, PermissionRefused
from uws.accounts.person import ExternalAccount, Person
from uws.accounts.service import Accounts
from uws.agent.client import Scan
from uws.agent.errors import AgentDiedError, AgentError
from uws.agent.identity import Identity
from uws.agent.paths import check_relative_path
from uws.background import leases
from uws.background.queue import TaskRegistry
from uws.config.deployment import Deployment
from uws.events import log
from uws.refusals import BadRequest, FieldError, NotFound, Refusal, Unavailable
from uws.workspaces import requests
from uws.workspaces.browsing import CollectionEntry, browse
from uws.workspaces.files import WorkspaceFiles, open_workspace
from uws.workspaces.lifecycle import record, transition
from uws.workspaces.models import Workspace
from uws.workspaces.states import WorkspaceState
from uws.workspaces.storage.base import (
    DataCollection,
    LinkRefused,
    ResolvedLink,
    StorageMethod,
    StorageUnreachable,
)
from uws.workspaces.wire import COLUMNS, as_wire

logger = logging.getLogger(__name__)

CREATION_SECONDS = 600
WireObjects = list[dict[str, object]]
NO_ACCOUNT = "User could not be found/created on main storage system."


@dataclass(frozen=True)
class Upload:
    """One uploaded file: its name as sent, an open descriptor at its beginning, its size in bytes."""

    name: str
    descriptor: int
    size: int


class Workspaces:
    """The workspaces' service. One transaction a method, no file work inside one."""

    def __init__(
        self,
        deployment: Deployment,
        accounts: Accounts,
        storages: Mapping[str, StorageMethod],
        main_storage: str,
        job_types: Collection[str],
        tasks: TaskRegistry,
    ) -> None:
        self._deployment = deployment
        self._accounts = accounts
        self._storages = storages
        self._main_storage = main_storage
        self._job_types = job_types
        self._tasks = tasks
        self.deletion_blockers: list[Callable[[int], str | None]] = []
        """Asked before a deletion: a sentence that says why not, or None. Filled by the parts above."""
        self.removal_waits: list[Callable[[int], bool]] = []
        """Asked before the directory goes: True while something still uses it. Filled by the parts above."""
        tasks.register("workspaces.scan", self.scan, queue="long")
        tasks.register("workspaces.remove", self.remove, queue="long")

    # --- reading -----------------------------------------------------------------------------------

    def list(self, person: Person, filters: Mapping[str, str]) -> WireObjects:
        """Return the person's workspaces, newest first; `name`, `description`, `status` filter exactly."""
        chosen = {key: filters[key] for key in ("name", "description", "status") if key in filters}
        rows = self._visible(person).filter(**chosen).order_by("-id").values(*COLUMNS)
        return [as_wire(row) for row in rows]

    def get(self, person: Person, workspace_id: int) -> WireObjects:
        """Return the workspace in a list, or an empty list where there is none of theirs."""
        rows = self._visible(person).filter(pk=workspace_id).values(*COLUMNS)
        return [as_wire(row) for row in rows]

    @staticmethod
    def _visible(person: Person) -> QuerySet[Workspace]:
        return Workspace.objects.filter(owner_id=person.id, awaits_acceptance=False)

    def find(self, person: Person, workspace_id: int) -> Workspace:
        """Return the person's workspace. Raises `NotFound`."""
        row = Workspace.objects.filter(owner_id=person.id, pk=workspace_id).first()
        if row is None:
            raise NotFound(f"Workspace {workspace_id} not found for user.")
        if row.awaits_acceptance:
            raise BadRequest(f"Workspace {workspace_id} is a shared workspace and has not been accepted.")
        return row

    def require(self, person: Person, workspace_id: int) -> Workspace:
        """Do the first checks of every PUT on a workspace (contract §3.3): permission, then existence."""
        self.account(person, self._storages[self._main_storage])
        return self.find(person, workspace_id)

    def collections(self, person: Person) -> Sequence[DataCollection]:
        """Return the data that the person may link to."""
        return self._storages[self._main_storage].collections(person)

    def browse(self, person: Person, collection_name: str, sub_path: str) -> Sequence[CollectionEntry]:
        """Return what a directory of a collection holds, read as the person.

        Raises `NotFound` for a collection that isn't offered, `BadRequest` for a path that is none in it.
        """
        collection = next((each for each in self.collections(person) if each.name == collection_name), None)
        if collection is None:
            raise NotFound(f"Data collection {collection_name[:200]!r} is not offered here.")
        storage = self._storages[self._main_storage]
        identity = storage.identity(self.account(person, storage))
        try:
            return browse(self._deployment.agents, identity, collection, sub_path)
        except AgentError as error:
            raise _refused(error) from error

    def account(self, person: Person, storage: StorageMethod) -> ExternalAccount:
        """Return the person's account on a storage. Raises the contract's 400, or `Unavailable`."""
        try:
            return self._accounts.account_for(person, storage.authentication)
        except PermissionRefused as problem:
            raise BadRequest(NO_ACCOUNT, errors=[FieldError("", problem.message, "an account")]) from problem
        except DirectoryUnreachable as problem:
            raise Unavailable(problem.message) from problem

    # --- creating and changing ---------------------------------------------------------------------

    def create(self, person: Person, body: object) -> dict[str, object]:
        """Make a workspace with its files and links (contract §3.2); returns it as the wire shows it.

        All or nothing: a refused or interrupted creation leaves no row and no directory.
        """
        if not isinstance(body, dict) or "name" not in body or "description" not in body:
            missing = [
                key for key in ("name", "description") if not isinstance(body, dict) or key not in body
            ]
            raise BadRequest(
                "Missing required fields.",
                errors=[FieldError(f"/{key}", "nothing", "a string") for key in missing],
            )
        name = requests.required_text(body, "name", requests.NAME_LENGTH)
        description = requests.required_text(body, "description", requests.DESCRIPTION_LENGTH)
        default_job_type = requests.check_job_type(body.get("default_job_type"), self._job_types)
        details = requests.check_is_object(body.get("workspace_details", {}))
        storage = self._storages[self._main_storage]
        account = self.account(person, storage)
        wanted = requests.read_details(details)
        targets = self._resolve(storage, person, wanted)
        row = self._insert(person, storage, account, name, description, default_job_type)
        try:
            with self._open(row, storage.identity(account)) as files:
                files.create()
                self._make(files, wanted, targets)
                scan = files.scan()
        except BaseException as error:
            self._undo_creation(row, storage.identity(account))
            if isinstance(error, AgentError):
                raise _refused(error) from error
            raise
        transition(
            row.pk,
            WorkspaceState.INITIALIZING,
            WorkspaceState.IDLE,
            actor=person.username,
            request_details=wanted.kept({link.name: link.target for link in targets}),
            lease_holder="",
            lease_until=None,
            **_scanned(scan),
        )
        return self.get(person, row.pk)[0]

    def _insert(
        self,
        person: Person,
        storage: StorageMethod,
        account: ExternalAccount,
        name: str,
        description: str,
        default_job_type: str | None,
    ) -> Workspace:
        with transaction.atomic():
            row = Workspace.objects.create(
                owner_id=person.id,
                name=name,
                description=description,
                storage=storage.key,
                default_job_type=default_job_type,
                request_details={"files": [], "symlinks": []},
            )
            row.path = storage.workspace_path(account, row.pk)
            Workspace.objects.filter(pk=row.pk).update(path=row.path)
            leases.claim(Workspace.objects.all(), row.pk, CREATION_SECONDS)
            record(row.pk, "workspace.created", actor=person.username)
        return row

    def _undo_creation(self, row: Workspace, identity: Identity) -> None:
        try:
            with self._open(row, identity) as files:
                files.remove()
        except AgentError:
            logger.exception("the directory of a refused workspace %s stays until the next sweep", row.pk)
            return
        self._forget(row.pk, row.owner_id, row.name, actor="server", kind="workspace.refused")

    def update(self, person: Person, workspace_id: int, body: object) -> None:
        """Change a workspace (contract §3.3). A refused change changes nothing."""
        row = self.require(person, workspace_id)
        self._refuse_deleting(row)
        if not isinstance(body, dict):
            raise BadRequest(
                "Invalid JSON: expected an object.", errors=[FieldError("", "no object", "an object")]
            )
        values: dict[str, Any] = {}
        if "name" in body:
            values["name"] = requests.required_text(body, "name", requests.NAME_LENGTH)
        if "description" in body:
            values["description"] = requests.required_text(body, "description", requests.DESCRIPTION_LENGTH)
        if "default_job_type" in body:
            values["default_job_type"] = requests.check_job_type(body["default_job_type"], self._job_types)
        if "workspace_details" in body:
            details = requests.check_is_object(body["workspace_details"])
            wanted = requests.read_details(details)
            storage = self._storages[row.storage]
            targets = self._resolve(storage, person, wanted)
            values |= self._change_files(person, row, lambda files: self._make(files, wanted, targets))
        self._save_change(person, row, values)

    def upload(self, person: Person, workspace_id: int, uploads: Sequence[Upload]) -> None:
        """Write uploaded files into the workspace's top directory (contract §3.5); existing ones are replaced."""
        row = self.require(person, workspace_id)
        self._refuse_deleting(row)
        if not uploads:
            raise BadRequest("No files found in request.")
        named = [(self._upload_name(upload.name), upload) for upload in uploads]

        def write(files: WorkspaceFiles) -> None:
            for name, upload in named:
                files.write_from(name, upload.descriptor, size=upload.size)

        self._save_change(person, row, self._change_files(person, row, write))

    @staticmethod
    def _upload_name(sent: str) -> str:
        name = PurePosixPath(sent.replace("\\", "/")).name
        try:
            return check_relative_path(name)
        except AgentError as error:
            raise BadRequest(f"Invalid file name {sent[:200]!r}: {error}") from error

    def _change_files(
        self, person: Person, row: Workspace, change: Callable[[WorkspaceFiles], None]
    ) -> dict[str, Any]:
        storage = self._storages[row.storage]
        try:
            with self._open(row, storage.identity(self.account(person, storage))) as files:
                change(files)
                return _scanned(files.scan())
        except AgentError as error:
            raise _refused(error) from error

    def _save_change(self, person: Person, row: Workspace, values: dict[str, Any]) -> None:
        with transaction.atomic():
            Workspace.objects.filter(pk=row.pk).update(last_modified=timezone.now(), **values)
            record(row.pk, "workspace.changed", actor=person.username)

    def _resolve(
        self, storage: StorageMethod, person: Person, wanted: requests.DetailsRequest
    ) -> Sequence[ResolvedLink]:
        if not wanted.links:
            return []
        try:
            return storage.resolve_links(person, wanted.links, wanted.details)
        except LinkRefused as problem:
            pointer = "/workspace_details/symlinks"
            raise BadRequest(
                problem.message, errors=[FieldError(pointer, "a link", "an offered source")]
            ) from problem
        except StorageUnreachable as problem:
            raise Unavailable(problem.message) from problem

    @staticmethod
    def _make(
        files: WorkspaceFiles, wanted: requests.DetailsRequest, targets: Sequence[ResolvedLink]
    ) -> None:
        for link in targets:
            files.link(link.name, link.target)
        for file in wanted.files:
            files.write(file.name, file.content)

    @staticmethod
    def _refuse_deleting(row: Workspace) -> None:
        if row.status == WorkspaceState.DELETING:
            raise BadRequest(f"Workspace {row.pk} is being deleted.")

    def _open(self, row: Workspace, identity: Identity) -> AbstractContextManager[WorkspaceFiles]:
        return open_workspace(self._deployment.agents, identity, self._storages[row.storage].root, row.path)

    def open(self, row: Workspace) -> AbstractContextManager[WorkspaceFiles]:
        """Open a workspace's directory as its owner, for the parts above."""
        storage = self._storages[row.storage]
        return self._open(row, storage.identity(self.account(row.owner.as_person(), storage)))

    # --- deleting ----------------------------------------------------------------------------------

    def delete(self, person: Person, workspace_id: int) -> None:
        """Accept a deletion (contract §3.6); the directory and the row go in the background. Repeatable."""
        row = self.find(person, workspace_id)
        if row.status == WorkspaceState.DELETING:
            return
        self._refuse_blocked(workspace_id)
        self.account(person, self._storages[row.storage])
        with transaction.atomic():
            locked = Workspace.objects.select_for_update().filter(pk=workspace_id).first()
            if locked is None or locked.status == WorkspaceState.DELETING:
                return
            self._refuse_blocked(workspace_id)
            transition(
                workspace_id, WorkspaceState(locked.status), WorkspaceState.DELETING, actor=person.username
            )
            self._tasks.enqueue("workspaces.remove", workspace_id)

    def _refuse_blocked(self, workspace_id: int) -> None:
        for blocker in self.deletion_blockers:
            if reason := blocker(workspace_id):
                raise BadRequest(reason)

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

    # --- background --------------------------------------------------------------------------------

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
                values = _scanned(files.scan())
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

    def sweep(self) -> None:
        """Finish what a killed process left: half-made workspaces go, accepted deletions are done."""
        for row in Workspace.objects.filter(status=WorkspaceState.INITIALIZING).select_related("owner"):
            initializing = Workspace.objects.filter(status=WorkspaceState.INITIALIZING)
            if leases.is_held(row.lease_holder, row.lease_until):
                continue
            if leases.claim(initializing, row.pk, CREATION_SECONDS):
                storage = self._storages[row.storage]
                self._undo_creation(row, storage.identity(self.account(row.owner.as_person(), storage)))
        with transaction.atomic():
            for row in Workspace.objects.filter(status=WorkspaceState.DELETING):
                if not leases.is_held(row.lease_holder, row.lease_until):
                    self._tasks.enqueue("workspaces.remove", row.pk)


def _scanned(scan: Scan) -> dict[str, Any]:
    return {
        "files": scan.files,
        "links": scan.links,
        "disk_space_bytes": scan.size_bytes,
        "listing_truncated": scan.truncated,
        "scanned": timezone.now(),
    }


def _refused(error: AgentError) -> Refusal:
    """Turn what the agent says into the answer: the message names the path as the user wrote it."""
    if isinstance(error, AgentDiedError):
        return Unavailable(str(error))
    return BadRequest(str(error))

"""What can be done with workspaces. Each method looks things up with their owner."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from uws.accounts.person import ExternalAccount, Person
from uws.accounts.service import Accounts
from uws.agent.errors import AgentError
from uws.agent.paths import check_relative_path
from uws.background import leases
from uws.background.idempotency import current_reference
from uws.background.queue import TaskRegistry
from uws.config.deployment import Deployment
from uws.paging import Page, in_page
from uws.refusals import BadRequest, FieldError, NotFound, Unavailable
from uws.workspaces import requests
from uws.workspaces.browsing import CollectionEntry, browse
from uws.workspaces.faults import refusal_of
from uws.workspaces.files import WorkspaceFiles
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
from uws.workspaces.upkeep import CREATION_SECONDS, WorkspaceUpkeep, scanned_columns
from uws.workspaces.wire import COLUMNS, as_wire

WireObjects = list[dict[str, object]]


@dataclass(frozen=True)
class Upload:
    """One uploaded file: its name as sent, an open descriptor at its beginning, its size in bytes."""

    name: str
    descriptor: int
    size: int


class Workspaces(WorkspaceUpkeep):
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
        super().__init__(deployment, accounts, storages, tasks)
        self._main_storage = main_storage
        self._job_types = job_types
        self.deletion_blockers: list[Callable[[int], str | None]] = []
        """Asked before a deletion: a sentence that says why not, or None. Filled by the parts above."""

    # --- reading -----------------------------------------------------------------------------------

    def list(self, person: Person, filters: Mapping[str, str], page: Page | None = None) -> WireObjects:
        """Return the person's workspaces, newest first; `name`, `description`, `status` filter exactly.

        Of a page, one more where there is another. Whatever changes here has an event of the person's.
        """
        chosen = {key: filters[key] for key in ("name", "description", "status") if key in filters}
        rows = in_page(self._visible(person).filter(**chosen), page).values(*COLUMNS)
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
            raise refusal_of(error) from error

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
        made = self._made_before(person)
        if made:
            return made[0]
        row = self._insert(person, storage, account, name, description, default_job_type)
        try:
            with self._open(row, storage.identity(account)) as files:
                files.create()
                self._make(files, wanted, targets)
                scan = files.scan()
        except BaseException as error:
            self._undo_creation(row, storage.identity(account))
            if isinstance(error, AgentError):
                raise refusal_of(error) from error
            raise
        is_whole = transition(
            row.pk,
            WorkspaceState.INITIALIZING,
            WorkspaceState.IDLE,
            actor=person.username,
            request_details=wanted.kept({link.name: link.target for link in targets}),
            lease_holder="",
            lease_until=None,
            **scanned_columns(scan),
        )
        if not is_whole:  # its deletion was accepted meanwhile, and waits for us
            self._give_up(row.pk)
            raise BadRequest(f"Workspace {row.pk} was deleted while it was made.")
        return self.get(person, row.pk)[0]

    def _made_before(self, person: Person) -> WireObjects:
        """Return what a repeated request has made whose first process died before it could answer."""
        reference = current_reference()
        if reference is None:
            return []
        whole = (WorkspaceState.IDLE, WorkspaceState.ACTIVE)
        rows = self._visible(person).filter(request_reference=reference, status__in=whole).values(*COLUMNS)
        return [as_wire(row) for row in rows]

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
                request_reference=current_reference() or "",
            )
            row.path = storage.workspace_path(account, row.pk)
            Workspace.objects.filter(pk=row.pk).update(path=row.path)
            leases.claim(Workspace.objects.all(), row.pk, CREATION_SECONDS)
            record(row.pk, "workspace.created", actor=person.username)
        return row

    def update(self, person: Person, workspace_id: int, body: object) -> None:
        """Change a workspace (contract §3.3). A refused change changes nothing."""
        row = self.require(person, workspace_id)
        self._refuse_unsettled(row)
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
            targets = self._resolve(self._storage(row), person, wanted)
            values |= self._change_files(person, row, lambda files: self._make(files, wanted, targets))
        self._save_change(person, row, values)

    def upload(self, person: Person, workspace_id: int, uploads: Sequence[Upload]) -> None:
        """Write uploaded files into the workspace's top directory (contract §3.5); existing ones are replaced."""
        row = self.require(person, workspace_id)
        self._refuse_unsettled(row)
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
        storage = self._storage(row)
        try:
            with self._open(row, storage.identity(self.account(person, storage))) as files:
                change(files)
                return scanned_columns(files.scan())
        except AgentError as error:
            self._clear_after_deletion(row)
            raise refusal_of(error) from error

    def _save_change(self, person: Person, row: Workspace, values: dict[str, Any]) -> None:
        there = Workspace.objects.filter(pk=row.pk).exclude(status=WorkspaceState.DELETING)
        with transaction.atomic():
            is_there = there.update(last_modified=timezone.now(), **values)
            if is_there:
                record(row.pk, "workspace.changed", actor=person.username)
        if not is_there:
            self._clear_after_deletion(row)
            raise BadRequest(f"Workspace {row.pk} is being deleted.")

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
    def _refuse_unsettled(row: Workspace) -> None:
        if row.status == WorkspaceState.DELETING:
            raise BadRequest(f"Workspace {row.pk} is being deleted.")
        if row.status == WorkspaceState.INITIALIZING:
            raise BadRequest(f"Workspace {row.pk} is being made: it can be changed once its files are there.")

    # --- deleting ----------------------------------------------------------------------------------

    def delete(self, person: Person, workspace_id: int) -> None:
        """Accept a deletion (contract §3.6); the directory and the row go in the background. Repeatable."""
        row = self.find(person, workspace_id)
        if row.status == WorkspaceState.DELETING:
            return
        self._refuse_blocked(workspace_id)
        self.account(person, self._storage(row))
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

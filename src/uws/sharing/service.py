"""What can be done with shares. Each method looks things up with the person who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from uws.accounts.models import User
from uws.accounts.person import ExternalAccount, Person
from uws.accounts.service import Accounts
from uws.background.queue import TaskRegistry
from uws.jobs.models import Job
from uws.refusals import BadRequest, FieldError, NotFound
from uws.sharing import requests
from uws.sharing.copies import ShareCopies
from uws.sharing.lifecycle import record
from uws.sharing.mail import ShareMail
from uws.sharing.models import Share
from uws.sharing.wire import RELATED, as_wire
from uws.workspaces.lifecycle import transition
from uws.workspaces.models import Workspace
from uws.workspaces.service import Workspaces
from uws.workspaces.states import WorkspaceState
from uws.workspaces.storage.base import StorageMethod

WireObjects = list[dict[str, object]]
UNACCEPTED_SHARES = (
    "Workspace {} has shared workspaces associated with it, that have not yet been accepted. Please cancel those "
    "shares to delete this workspace."
)
SHAREABLE = (WorkspaceState.IDLE, WorkspaceState.ACTIVE)


class Sharing:
    """The shares' service. One transaction a method; the copies are made in the background."""

    def __init__(
        self,
        accounts: Accounts,
        workspaces: Workspaces,
        main_storage: StorageMethod,
        copies: ShareCopies,
        mail: ShareMail,
        tasks: TaskRegistry,
    ) -> None:
        self._accounts = accounts
        self._workspaces = workspaces
        self._main_storage = main_storage
        self._copies = copies
        self._mail = mail
        self._tasks = tasks
        workspaces.deletion_blockers.insert(
            0, self._blocks_deletion
        )  # the contract asks this before the jobs
        workspaces.removal_waits.append(self._is_being_copied)
        workspaces.makers.append(self._makes)

    # --- reading -----------------------------------------------------------------------------------

    def list(self, person: Person, filters: Mapping[str, str]) -> tuple[WireObjects, WireObjects]:
        """Return the shares that the person has sent and those that they have received, newest first.

        Filter: `is_accepted` (true, false, 1, 0, t, f in any case). Raises `BadRequest` for another value.
        """
        is_accepted = requests.read_is_accepted(filters)
        rows = self._visible() if is_accepted is None else self._visible().filter(is_accepted=is_accepted)
        return self._sides(person, rows)

    def get(self, person: Person, copy_id: int) -> tuple[WireObjects, WireObjects]:
        """Return the share with this copy as `list` does; both lists are empty where there is none of theirs."""
        return self._sides(person, self._visible().filter(_has_copy(copy_id)))

    @staticmethod
    def _visible() -> QuerySet[Share]:
        gone = Share.objects.exclude(copy__status=WorkspaceState.DELETING)
        return gone.select_related(*RELATED).order_by("-copy_id")

    @staticmethod
    def _sides(person: Person, rows: QuerySet[Share]) -> tuple[WireObjects, WireObjects]:
        sent = [as_wire(share) for share in rows.filter(sender_id=person.id)]
        received = [as_wire(share) for share in rows.filter(recipient_id=person.id)]
        return sent, received

    def of_person(self, person: Person) -> QuerySet[Share]:
        """Return the rows of all shares that the person has sent or received, newest first."""
        return self._visible().filter(Q(sender_id=person.id) | Q(recipient_id=person.id))

    # --- sending -----------------------------------------------------------------------------------

    def create(self, person: Person, body: object) -> WireObjects:
        """Share a workspace with people (contract §7), each of whom gets a copy; returns the new shares.

        All or nothing. Sharing with oneself, and sharing a copy that was not accepted yet, are possible.
        """
        wanted = requests.read_share(body)
        original = self._original(person, wanted.original_id)
        users = self._recipients(person, requests.read_user_ids(wanted.user_ids))
        accounts = [self._account(index, user) for index, user in enumerate(users)]
        with transaction.atomic():
            locked = Workspace.objects.select_for_update().filter(pk=original.pk).first()
            if locked is None:
                raise _no_workspace(original.pk)
            if locked.status not in SHAREABLE:
                raise BadRequest(f"Workspace {locked.pk} is {locked.status}: it cannot be shared now.")
            job = Job.objects.filter(workspace=locked).order_by("-id").first()
            copy_ids = [
                self._insert(person, locked, user, account, job)
                for user, account in zip(users, accounts, strict=True)
            ]
        made = Share.objects.filter(copy_id__in=copy_ids).select_related(*RELATED).order_by("copy_id")
        return [as_wire(share) for share in made]

    @staticmethod
    def _original(person: Person, sent: object) -> Workspace:
        workspace_id = requests.read_id(sent)
        row = None
        if workspace_id is not None:
            row = Workspace.objects.filter(pk=workspace_id, owner_id=person.id).first()
        if row is None:
            raise _no_workspace(sent)
        return row

    def _recipients(self, person: Person, ids: Sequence[int]) -> Sequence[User]:
        known = self._accounts.recipients(person, ids)
        for index, user_id in enumerate(ids):
            if user_id not in known:
                raise requests.invalid_user(index, str(user_id), "a person that /users/ offers, or yourself")
        return [known[user_id] for user_id in ids]

    def _account(self, index: int, user: User) -> ExternalAccount:
        try:
            return self._workspaces.account(user.as_person(), self._main_storage)
        except BadRequest as problem:
            name = f"{user.first_name} {user.last_name}"
            raise BadRequest(
                f"User {name} does not have permission on the file system.",
                errors=[FieldError(f"/shared_user_ids/{index}", str(user.pk), "a user with an account")],
            ) from problem

    def _insert(
        self, person: Person, original: Workspace, user: User, account: ExternalAccount, job: Job | None
    ) -> int:
        storage = self._main_storage
        copy = Workspace.objects.create(
            owner=user,
            name=original.name,
            description=original.description,
            storage=storage.key,
            default_job_type=original.default_job_type,
            request_details=original.request_details,
            awaits_acceptance=True,
        )
        copy.path = storage.workspace_path(account, copy.pk)
        Workspace.objects.filter(pk=copy.pk).update(path=copy.path)
        share = Share.objects.create(
            original=original,
            copy=copy,
            sender_id=person.id,
            recipient=user,
            last_job_type=job.job_type if job is not None else "",
            last_resource_options=job.requested_options if job is not None else {},
            expected_bytes=original.disk_space_bytes,
        )
        record(share, "share.created", actor=person.username)
        self._copies.enqueue(share)
        return copy.pk

    # --- answering ---------------------------------------------------------------------------------

    def require(self, person: Person, copy_id: int) -> Share:
        """Return a share that the person may accept. Raises `NotFound`; a sender is no recipient."""
        share = self._find(Q(recipient_id=person.id), copy_id)
        if share.copy.status == WorkspaceState.DELETING:
            raise _no_share(copy_id)
        return share

    def accept(self, person: Person, copy_id: int) -> None:
        """Take a shared copy among one's own workspaces, made now. Repeatable; possible while it is being copied."""
        with transaction.atomic():
            copy = Workspace.objects.select_for_update().filter(pk=copy_id).first()
            share = self.require(person, copy_id)
            assert copy is not None
            if share.is_accepted:
                return
            if copy.status == WorkspaceState.ERROR:
                raise BadRequest(f"Shared workspace {copy_id} cannot be accepted. {copy.status_message}")
            Share.objects.filter(pk=share.pk).update(is_accepted=True, mail_due=None)
            Workspace.objects.filter(pk=copy_id).update(awaits_acceptance=False, created=timezone.now())
            record(share, "share.accepted", actor=person.username)

    def delete(self, person: Person, copy_id: int) -> None:
        """Cancel a share that one has sent, or decline one that one has received; repeatable until it is gone."""
        either = Q(sender_id=person.id) | Q(recipient_id=person.id)
        self._refuse_accepted(self._find(either, copy_id))
        self._workspaces.account(person, self._main_storage)
        with transaction.atomic():
            copy = Workspace.objects.select_for_update().filter(pk=copy_id).first()
            share = self._find(either, copy_id)
            self._refuse_accepted(share)
            assert copy is not None
            if copy.status == WorkspaceState.DELETING:
                return
            kind = "share.cancelled" if share.sender_id == person.id else "share.declined"
            record(share, kind, actor=person.username)
            transition(copy_id, WorkspaceState(copy.status), WorkspaceState.DELETING, actor=person.username)
            self._tasks.enqueue("workspaces.remove", copy_id)

    @staticmethod
    def _find(whose: Q, copy_id: int) -> Share:
        share = Share.objects.filter(whose, _has_copy(copy_id)).select_related("copy", "sender", "recipient")
        row = share.first()
        if row is None:
            raise _no_share(copy_id)
        return row

    @staticmethod
    def _refuse_accepted(share: Share) -> None:
        if share.is_accepted:
            raise BadRequest(
                f"Shared workspace {share.copy_id} has been accepted and cannot be deleted.",
                errors=[FieldError("", "an accepted share", "a share that was not accepted yet")],
            )

    # --- background, and what workspaces ask -------------------------------------------------------

    def sweep(self) -> None:
        """Finish what a killed process left: copies are begun anew, mails are sent."""
        self._copies.sweep()
        self._mail.sweep()

    @staticmethod
    def _blocks_deletion(workspace_id: int) -> str | None:
        waiting = Share.objects.filter(original_id=workspace_id, is_accepted=False)
        is_waited_for = waiting.exclude(copy__status=WorkspaceState.DELETING).exists()
        return UNACCEPTED_SHARES.format(workspace_id) if is_waited_for else None

    @staticmethod
    def _is_being_copied(workspace_id: int) -> bool:
        return Share.objects.filter(
            original_id=workspace_id, copy__status=WorkspaceState.INITIALIZING
        ).exists()

    @staticmethod
    def _makes(workspace_id: int) -> bool:
        return Share.objects.filter(copy_id=workspace_id).exists()


def _has_copy(copy_id: int) -> Q:
    # A number that no database holds is nobody's; SQLite would stumble over it.
    return Q(copy_id=copy_id) if copy_id <= requests.LARGEST_ID else Q(pk__in=())


def _no_workspace(sent: object) -> NotFound:
    return NotFound(f"Workspace {str(sent)[: requests.LONGEST_SHOWN]} not found for user.")


def _no_share(copy_id: int) -> NotFound:
    return NotFound(f"Shared workspace {copy_id} not found.")

"""Making the copies of shared workspaces in the background: whole, or not at all.

A copy is a workspace in the state `initializing` whose path is set and which its owner does not see yet. Whoever makes
it holds its lease and renews it as long as bytes move; a copy whose maker was killed is begun anew by the sweep.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from uws.agent.client import Scan
from uws.agent.errors import AgentDiedError, AgentError
from uws.background import leases
from uws.background.queue import TaskRegistry
from uws.refusals import Refusal, Unavailable
from uws.sharing.copying import copy_tree
from uws.sharing.lifecycle import record
from uws.sharing.mail import ShareMail
from uws.sharing.models import Share
from uws.workspaces.lifecycle import transition
from uws.workspaces.models import Workspace
from uws.workspaces.service import Workspaces
from uws.workspaces.states import WorkspaceState
from uws.workspaces.upkeep import scanned_columns

logger = logging.getLogger(__name__)

TASK = "sharing.copy"
LEASE_SECONDS = 300.0
HEARTBEAT_SECONDS = 1.0
TELL_SECONDS = 3.0
"""How often both sides hear how far a copy is."""
REQUEUE = timedelta(minutes=10)
"""A copy whose task got lost is queued again after this."""
RETRY_AFTER = timedelta(minutes=1)
MOST_ATTEMPTS = 5
ORIGINAL_GONE = "the original was deleted before it was copied"
OUT_OF_ATTEMPTS = f"it was interrupted {MOST_ATTEMPTS} times"


class GivenUp(Exception):
    """The copy is no longer wanted (it was declined or cancelled), or somebody else makes it by now."""


class ShareCopies:
    """Makes copies, one at a time in each process of the queue `long`."""

    def __init__(self, workspaces: Workspaces, mail: ShareMail, tasks: TaskRegistry) -> None:
        self._workspaces = workspaces
        self._mail = mail
        self._tasks = tasks
        tasks.register(TASK, self.make, queue="long")

    def enqueue(self, share: Share) -> None:
        """Queue the making of a copy, in the caller's transaction."""
        Share.objects.filter(pk=share.pk).update(copy_due=timezone.now() + REQUEUE)
        self._tasks.enqueue(TASK, share.copy_id)

    def make(self, copy_id: int) -> None:
        """Background: make one copy. Repeatable; leaves quietly where another process is at it, or it is done."""
        if not leases.claim(_initializing(), copy_id, LEASE_SECONDS):
            return
        share = _loaded().filter(copy_id=copy_id).first()
        if share is None:
            leases.release(_initializing(), copy_id)
            return
        Share.objects.filter(pk=share.pk).update(copy_attempts=F("copy_attempts") + 1)
        if share.original is None:
            self._fail(share, ORIGINAL_GONE)
        elif share.copy_attempts >= MOST_ATTEMPTS:
            self._fail(share, OUT_OF_ATTEMPTS)
        else:
            self._attempt(share, share.original)
        self._let_original_go(share)

    def _attempt(self, share: Share, original: Workspace) -> None:
        try:
            scan = self._copied(share, original)
        except GivenUp:
            self._leave(share)
        except (AgentDiedError, Unavailable) as error:
            self._put_off(share, error)
        except AgentError as error:
            if error.code == "no_root":  # not mounted: away, which is no answer yet
                self._put_off(share, error)
            else:
                self._fail(share, str(error))
        except Refusal as refusal:
            self._fail(share, refusal.message)
        else:
            self._finish(share, scan)

    def _copied(self, share: Share, original: Workspace) -> Scan:
        progress = CopyProgress(share)
        with self._workspaces.open(original) as source, self._workspaces.open(share.copy) as target:
            target.remove()  # what an interrupted attempt has left
            target.create()
            copy_tree(source, target, progress)
            scan = target.scan()
        progress.save()
        return scan

    def _finish(self, share: Share, scan: Scan) -> None:
        with transaction.atomic():
            is_ready = transition(
                share.copy_id,
                WorkspaceState.INITIALIZING,
                WorkspaceState.IDLE,
                actor="server",
                lease_holder="",
                lease_until=None,
                **scanned_columns(scan),
            )
            if is_ready:
                share.refresh_from_db(fields=["is_accepted"])
                record(share, "share.ready", actor="server", bytes=scan.size_bytes)
                if not share.is_accepted:
                    self._mail.enqueue(share)
        if not is_ready:
            self._leave(share)

    def _fail(self, share: Share, reason: str) -> None:
        """Give a copy up for good, with nothing left of it on the disk, and tell both sides why."""
        logger.warning("the copy %s of workspace %s failed: %s", share.copy_id, share.original_id, reason)
        try:
            with self._workspaces.open(share.copy) as target:
                target.remove()
        except (AgentError, Refusal):
            logger.exception("what there is of the copy %s stays until it is declined", share.copy_id)
        message = f"The copy could not be made: {reason}"
        with transaction.atomic():
            has_failed = transition(
                share.copy_id,
                WorkspaceState.INITIALIZING,
                WorkspaceState.ERROR,
                actor="server",
                message=message,
                lease_holder="",
                lease_until=None,
            )
            if has_failed:
                record(share, "share.failed", actor="server", message=message)
        if not has_failed:
            self._leave(share)

    def _put_off(self, share: Share, error: Exception) -> None:
        logger.warning("the copy %s is put off: %s", share.copy_id, error)
        with transaction.atomic():
            leases.release(Workspace.objects.all(), share.copy_id)
            Share.objects.filter(pk=share.pk).update(copy_due=timezone.now() + RETRY_AFTER)

    def _leave(self, share: Share) -> None:
        """Let go of a copy that is not wanted any more; its removal has waited for this."""
        with transaction.atomic():
            leases.release(Workspace.objects.all(), share.copy_id)
            self._remove_if_deleting(share.copy_id)

    def _let_original_go(self, share: Share) -> None:
        """Queue the removal of an original whose deletion was accepted while it was being copied."""
        if share.original_id is not None:
            with transaction.atomic():
                self._remove_if_deleting(share.original_id)

    def _remove_if_deleting(self, workspace_id: int) -> None:
        if Workspace.objects.filter(pk=workspace_id, status=WorkspaceState.DELETING).exists():
            self._tasks.enqueue("workspaces.remove", workspace_id)

    def sweep(self) -> None:
        """Queue the copies that nobody works on: their maker was killed, or their task got lost."""
        now = timezone.now()
        for share in Share.objects.filter(copy__status=WorkspaceState.INITIALIZING).select_related("copy"):
            holder = share.copy.lease_holder
            if leases.is_held(holder, share.copy.lease_until) or (not holder and share.copy_due > now):
                continue
            with transaction.atomic():
                left = _initializing().filter(pk=share.copy_id, lease_holder=holder)
                if left.update(lease_holder="", lease_until=None):
                    self.enqueue(share)


class CopyProgress:
    """Renews the lease while a copy moves on, writes down how far it is, and ends it once it is not wanted."""

    def __init__(self, share: Share) -> None:
        self._share = share
        self._files = 0
        self._bytes = 0
        self._heartbeat = self._told = time.monotonic()

    def bytes_copied(self, count: int) -> None:
        self._bytes += count
        self._beat()

    def entry_copied(self) -> None:
        self._files += 1
        self._beat()

    def _beat(self) -> None:
        now = time.monotonic()
        if now - self._heartbeat < HEARTBEAT_SECONDS:
            return
        self._heartbeat = now
        if not leases.claim(_initializing(), self._share.copy_id, LEASE_SECONDS):
            raise GivenUp
        if now - self._told >= TELL_SECONDS:
            self._told = now
            with transaction.atomic():
                self.save()
                record(self._share, "share.copying", actor="server", files=self._files, bytes=self._bytes)

    def save(self) -> None:
        """Write down how far the copy is."""
        Share.objects.filter(pk=self._share.pk).update(copied_files=self._files, copied_bytes=self._bytes)


def _initializing() -> QuerySet[Workspace]:
    return Workspace.objects.filter(status=WorkspaceState.INITIALIZING)


def _loaded() -> QuerySet[Share]:
    return Share.objects.select_related("original__owner", "copy__owner", "sender", "recipient")

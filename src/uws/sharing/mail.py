"""Telling a recipient by e-mail that a workspace was shared with them. Nothing waits for it."""

from __future__ import annotations

import logging
import smtplib
from datetime import timedelta

from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from uws.accounts.models import User
from uws.accounts.names import is_email
from uws.background import leases
from uws.background.queue import TaskRegistry
from uws.config.deployment import Deployment
from uws.sharing.lifecycle import record
from uws.sharing.models import Share
from uws.workspaces.states import WorkspaceState

logger = logging.getLogger(__name__)

TASK = "sharing.mail"
LEASE_SECONDS = 60.0
REQUEUE = timedelta(minutes=10)
"""A mail whose task got lost is queued again after this."""
RETRY_AFTER = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
)
MOST_ATTEMPTS = len(RETRY_AFTER) + 1
LONGEST_SUBJECT = 180


class ShareMail:
    """The mail about shares. Without `server.mail` in the configuration nothing is mailed."""

    def __init__(self, deployment: Deployment, tasks: TaskRegistry, console_url: str) -> None:
        """`console_url`: how a browser reaches the console, without a slash at its end."""
        self._server = deployment.server
        self._tasks = tasks
        self._console_url = console_url
        self._was_said = False
        tasks.register(TASK, self.send)

    def enqueue(self, share: Share) -> None:
        """Queue the mail about a share whose copy is ready, in the caller's transaction."""
        if self._server.mail is None:
            if not self._was_said:
                logger.info("shares are not mailed: config.json has no server.mail")
                self._was_said = True
            return
        if not is_email(share.recipient.email):
            logger.warning("user %s has no e-mail address to tell of a share", share.recipient.username)
            return
        Share.objects.filter(pk=share.pk).update(mail_due=timezone.now() + REQUEUE, mail_attempts=0)
        self._tasks.enqueue(TASK, share.pk)

    def send(self, share_id: int) -> None:
        """Background: send the mail about a share. Repeatable; a failure is tried again later, by the sweep."""
        due = Share.objects.filter(mail_due__isnull=False)
        if not leases.claim(due, share_id, LEASE_SECONDS):
            return
        share = due.select_related("copy", "sender", "recipient").get(pk=share_id)
        if share.is_accepted or share.copy.status == WorkspaceState.DELETING:
            self._settle(share, mail_due=None)
            return
        attempts = share.mail_attempts + 1
        Share.objects.filter(pk=share_id).update(mail_attempts=attempts)
        if attempts > MOST_ATTEMPTS:
            self._give_up(share)
            return
        try:
            self._message(share).send()
        except (OSError, smtplib.SMTPException) as error:
            logger.warning(
                "the mail about share %s was not sent (attempt %d of %d): %s",
                share_id,
                attempts,
                MOST_ATTEMPTS,
                error,
            )
            if attempts == MOST_ATTEMPTS:
                self._give_up(share)
            else:
                self._settle(share, mail_due=timezone.now() + RETRY_AFTER[attempts - 1])
            return
        with transaction.atomic():
            self._settle(share, mail_due=None, mailed=timezone.now())
            record(share, "share.mailed", actor="server")

    def _give_up(self, share: Share) -> None:
        with transaction.atomic():
            self._settle(share, mail_due=None)
            record(share, "share.mail_failed", actor="server")

    def sweep(self) -> None:
        """Queue what is due: mails whose next attempt has come, or whose task got lost."""
        now = timezone.now()
        with transaction.atomic():
            for share_id in Share.objects.filter(mail_due__lte=now).values_list("pk", flat=True):
                Share.objects.filter(pk=share_id).update(mail_due=now + REQUEUE)
                self._tasks.enqueue(TASK, share_id)

    @staticmethod
    def _settle(share: Share, **values: object) -> None:
        Share.objects.filter(pk=share.pk).update(lease_holder="", lease_until=None, **values)

    def _message(self, share: Share) -> EmailMultiAlternatives:
        sender = display_name(share.sender)
        name = one_line(share.copy.name) or "(no name)"
        context = {
            "recipient": one_line(share.recipient.first_name) or display_name(share.recipient),
            "sender": sender,
            "sender_email": share.sender.email,
            "name": name,
            "description": share.copy.description.strip(),
            "link": f"{self._console_url}/console/shares/{share.copy_id}/",
            "site_name": self._server.name,
        }
        assert self._server.mail is not None
        message = EmailMultiAlternatives(
            subject=f"{sender} has shared “{name}” with you"[:LONGEST_SUBJECT],
            body=render_to_string("sharing/email.txt", context),
            from_email=self._server.mail.from_address,
            to=[share.recipient.email],
            reply_to=[share.sender.email] if is_email(share.sender.email) else None,
        )
        message.attach_alternative(render_to_string("sharing/email.html", context), "text/html")
        return message


def display_name(user: User) -> str:
    """Return how a person is called in a sentence."""
    return one_line(f"{user.first_name} {user.last_name}") or user.username


def one_line(text: str) -> str:
    """Return `text` without line ends and control characters: what a header takes, and nothing else with it."""
    return " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())

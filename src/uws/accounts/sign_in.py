"""Sign-in links: the way in for the first administrator, and for anybody an operator hands one to."""

from __future__ import annotations

import secrets as random_source
from datetime import timedelta

from django.db import models, transaction
from django.utils import timezone

from uws.accounts.models import SignInLink, User
from uws.accounts.tokens import digest
from uws.events import log
from uws.refusals import NotFound

EXPIRED = "This sign-in link has been used already, or its time is up."


class SignInLinks:
    """Links that sign a user in once, within a short time."""

    def __init__(self, valid_minutes: int) -> None:
        self._valid = timedelta(minutes=valid_minutes)

    def create(self, user: User) -> str:
        """Make a link for the user and return its secret part, this once."""
        secret = random_source.token_urlsafe(24)
        SignInLink.objects.filter(expires__lt=timezone.now() - timedelta(days=1)).delete()
        SignInLink.objects.create(user=user, digest=digest(secret), expires=timezone.now() + self._valid)
        return secret

    def peek(self, secret: str) -> User | None:
        """Return whom the link would sign in, or None where it is spent; uses nothing up."""
        link = self._usable(secret).select_related("user").first()
        return link.user if link else None

    def redeem(self, secret: str) -> User:
        """Use the link up and return its user. Raises `NotFound` where it is spent, unknown or out of time."""
        with transaction.atomic():
            link = self._usable(secret).select_related("user").first()
            if link is None or not SignInLink.objects.filter(pk=link.pk, used=None).update(
                used=timezone.now()
            ):
                raise NotFound(EXPIRED)
            log.append(
                "session.started",
                f"users/{link.user_id}",
                owner_id=link.user_id,
                actor=link.user.username,
                payload={"by": "sign-in link"},
            )
        return link.user

    def _usable(self, secret: str) -> models.QuerySet[SignInLink]:
        return SignInLink.objects.filter(
            digest=digest(secret[:200]), used=None, expires__gt=timezone.now(), user__is_active=True
        )

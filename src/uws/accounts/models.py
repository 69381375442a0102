"""Users, their accounts in outside directories, and their tokens."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from uws.accounts.person import ExternalAccount, Person


class User(AbstractUser):
    """Somebody (or a portal's API client) known to this server. Administrators are `is_superuser`."""

    is_api_client = models.BooleanField(default=False)
    token_generation = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("username"), name="user_username_any_case"),
        ]

    def as_person(self) -> Person:
        return Person(
            id=self.pk,
            username=self.username,
            email=self.email,
            first_name=self.first_name,
            last_name=self.last_name,
            is_administrator=self.is_superuser,
        )


class ExternalMapping(models.Model):
    """The account that one authentication method keeps for one user. `method` is its key in `config.json`."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="mappings")
    method = models.CharField(max_length=128)
    external_user_id = models.CharField(max_length=128)
    external_username = models.CharField(max_length=64)
    uid = models.BigIntegerField(null=True)
    gid = models.BigIntegerField(null=True)
    details = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "method"], name="mapping_one_a_method"),
            models.UniqueConstraint(fields=["method", "external_username"], name="mapping_one_a_name"),
        ]

    def __str__(self) -> str:
        return f"{self.external_username} at {self.method}"

    def as_account(self) -> ExternalAccount:
        return ExternalAccount(
            user_id=self.external_user_id,
            username=self.external_username,
            uid=self.uid,
            gid=self.gid,
            details=self.details,
        )


class TokenKind(models.TextChoices):
    PORTAL = "portal", "made by POST /tokens/"
    PERSONAL = "personal", "made by a person or an administrator"
    CLIENT = "client", "a portal's API client"


class AccessToken(models.Model):
    """An access token. Only the SHA-256 of the token is kept; the token itself is shown once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="access_tokens")
    kind = models.CharField(max_length=16, choices=TokenKind.choices)
    label = models.CharField(max_length=128, default="")
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created = models.DateTimeField(default=timezone.now)
    expires = models.DateTimeField(null=True)
    last_used = models.DateTimeField(null=True)
    revoked = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.kind} token {self.pk} of {self.user_id}"


class SignInLink(models.Model):
    """A link that signs its user in once, for a short time. Only the SHA-256 of its secret is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True)
    expires = models.DateTimeField()
    used = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"sign-in link {self.pk} of {self.user_id}"

"""Access tokens: the portals' (`POST /tokens/`), people's own, and the API clients'."""

from __future__ import annotations

import hashlib
import secrets as random_source
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from uws.accounts.authentication.base import (
    AuthenticationMethod,
    Continuation,
    CredentialsRefused,
    DirectoryUnreachable,
    MalformedTokenRequest,
    MembershipRefused,
)
from uws.accounts.errors import AccountProblem, NameRefused
from uws.accounts.models import AccessToken, TokenKind, User
from uws.accounts.person import Person
from uws.accounts.service import Accounts
from uws.config.deployment import Secrets
from uws.events import log
from uws.refusals import BadRequest, Forbidden, Refusal, Unavailable

SCOPES = ("read", "write", "launch", "share", "files", "admin")
LAST_USED_PRECISION = timedelta(minutes=5)
MAXIMUM_TOKEN_LENGTH = 200


@dataclass(frozen=True)
class Principal:
    """Who makes a request, and with what: the result of every authentication by token."""

    person: Person
    token_id: int
    scopes: frozenset[str]


def digest(token: str) -> str:
    """Return what is kept of a token: its SHA-256. Tokens have 128 bits or more, so no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_personal_token() -> str:
    """Return `uws_` + 40 characters + a CRC-32 of them, so that secret scanners can tell a real one."""
    body = random_source.token_hex(20)
    return f"uws_{body}{zlib.crc32(body.encode()):08x}"


class Tokens:
    """Making, reading and revoking tokens. Rights are read when they are used."""

    def __init__(self, secrets: Secrets, accounts: Accounts, method: AuthenticationMethod) -> None:
        self._secrets = secrets
        self._accounts = accounts
        self._method = method

    # --- POST /tokens/ -----------------------------------------------------------------------------

    def issue(self, body: object) -> dict[str, object]:
        """Answer `POST /tokens/` (contract §2). Raises `Refusal` with the contract's statuses and words."""
        if not isinstance(body, dict):
            raise BadRequest("Invalid JSON: expected an object")
        try:
            answer = self._method.identify(body, self)
            if isinstance(answer, Continuation):
                return dict(answer.body)
            user = self._accounts.identified(self._method, answer)
        except MalformedTokenRequest as problem:
            raise BadRequest(problem.message) from problem
        except CredentialsRefused as problem:
            self._log_refusal(problem.reason)
            raise Refusal(problem.message, status=401) from problem
        except MembershipRefused as problem:
            self._log_refusal(problem.message)
            raise Forbidden(problem.message) from problem
        except DirectoryUnreachable as problem:
            raise Unavailable(problem.message) from problem
        except AccountProblem as problem:
            self._log_refusal(str(problem))
            raise Refusal("Incorrect authentication credentials.", status=401) from problem
        if user is None:
            self._log_refusal("the name belongs to another user, an administrator or an API client")
            raise Refusal("Incorrect authentication credentials.", status=401)
        return {
            "success": True,
            "message": "Successful authentication.",
            "token": self.portal_token(user),
        }

    def _log_refusal(self, reason: str) -> None:
        log.append(
            "token.refused", "tokens", owner_id=None, actor=self._method.key, payload={"reason": reason[:200]}
        )

    def portal_token(self, user: User) -> str:
        """Return the user's one portal token, the same each time until it is revoked: 40 hex digits."""
        token = self._secrets.derive("portal token", str(user.pk), str(user.token_generation)).hex()[:40]
        _, created = AccessToken.objects.get_or_create(
            digest=digest(token),
            defaults={"user": user, "kind": TokenKind.PORTAL, "label": "portal", "scopes": list(SCOPES[:-1])},
        )
        if created:
            log.append(
                "token.created",
                f"users/{user.pk}",
                owner_id=user.pk,
                actor=self._method.key,
                payload={"kind": "portal"},
            )
        return token

    # --- people's own tokens, and API clients ------------------------------------------------------

    def create_personal(
        self, person: Person, label: str, scopes: Sequence[str] = (), expires: datetime | None = None
    ) -> str:
        """Make a named token and return it, this once. No scopes means all but `admin`.

        Raises `NameRefused` for a scope that does not exist.
        """
        wrong = [scope for scope in scopes if scope not in SCOPES]
        if wrong:
            raise NameRefused(f"scope {wrong[0]!r} does not exist; expected one of {', '.join(SCOPES)}")
        token = new_personal_token()
        with transaction.atomic():
            AccessToken.objects.create(
                user_id=person.id,
                kind=TokenKind.PERSONAL,
                label=label[:128],
                digest=digest(token),
                scopes=list(scopes) or list(SCOPES[:-1]),
                expires=expires,
            )
            log.append(
                "token.created",
                f"users/{person.id}",
                owner_id=person.id,
                actor=person.username,
                payload={"kind": "personal", "label": label[:128]},
            )
        return token

    def create_client(self, name: str) -> str:
        """Make an API client, or a further token for it, and return the token (40 hex digits), this once.

        Raises `NameRefused`, `AlreadyExists` where the name is a person's.
        """
        user = User.objects.filter(username=name, is_api_client=True).first()
        if user is None:
            user = self._accounts.create(name, f"{name}@localhost", api_client=True)
        token = random_source.token_hex(20)
        with transaction.atomic():
            AccessToken.objects.create(user=user, kind=TokenKind.CLIENT, label=name, digest=digest(token))
            log.append(
                "token.created",
                f"users/{user.pk}",
                owner_id=user.pk,
                actor="operator",
                payload={"kind": "client"},
            )
        return token

    def client_name(self, token: str) -> str | None:
        """Return the API client whose token this is, or None (see `ClientTokens`)."""
        row = self._valid(token)
        if row is None or row.kind != TokenKind.CLIENT or not row.user.is_api_client:
            return None
        return row.user.username

    def revoke(self, person: Person, token_id: int) -> bool:
        """Revoke one of the person's own tokens. False where there is no such token."""
        with transaction.atomic():
            changed = AccessToken.objects.filter(pk=token_id, user_id=person.id, revoked=None).update(
                revoked=timezone.now()
            )
            if changed:
                log.append(
                    "token.revoked",
                    f"users/{person.id}",
                    owner_id=person.id,
                    actor=person.username,
                    payload={"token": token_id},
                )
        return bool(changed)

    # --- authentication ----------------------------------------------------------------------------

    def authenticate(self, header: str | None) -> Principal:
        """Read `UWS-Authorization` (contract §1): two words, of which the second is the token.

        Raises `Refusal` with status 401 and the contract's three texts.
        """
        if header is None:
            raise Refusal("Authentication credentials were not provided.", status=401)
        parts = header.split(" ")
        if len(parts) != 2:
            raise Refusal("Invalid auth header format.", status=401)
        return self.authenticate_token(parts[1])

    def authenticate_token(self, token: str) -> Principal:
        """The one authorisation of every token, for requests and sockets. Raises `Refusal` (401)."""
        row = self._valid(token)
        if row is None or row.kind == TokenKind.CLIENT:
            raise Refusal("Invalid token provided.", status=401)
        now = timezone.now()
        if row.last_used is None or now - row.last_used > LAST_USED_PRECISION:
            AccessToken.objects.filter(pk=row.pk).update(last_used=now)
        return Principal(row.user.as_person(), row.pk, frozenset(row.scopes))

    def is_valid(self, token_id: int) -> bool:
        """True while the token may still be used: asked again and again for open sockets."""
        return self._usable().filter(pk=token_id).exists()

    def _usable(self) -> models.QuerySet[AccessToken]:
        return AccessToken.objects.filter(
            Q(expires__isnull=True) | Q(expires__gt=timezone.now()),
            revoked__isnull=True,
            user__is_active=True,
        )

    def _valid(self, token: str) -> AccessToken | None:
        if not token or len(token) > MAXIMUM_TOKEN_LENGTH:
            return None
        return self._usable().select_related("user").filter(digest=digest(token)).first()

"""Access tokens: the portals' (`POST /tokens/`), people's own, and the API clients'."""

from __future__ import annotations

import hashlib
import secrets as random_source
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import F, Q
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
from uws.accounts.login_refusals import Attempt, LoginRefusals, LoginRefused
from uws.accounts.models import AccessToken, TokenKind, User
from uws.accounts.names import is_text
from uws.accounts.person import Person
from uws.accounts.service import Accounts
from uws.config.deployment import Secrets
from uws.events import log
from uws.refusals import BadRequest, Refusal, Unavailable

SCOPES = ("read", "write", "launch", "share", "files", "admin")
PERSONAL_PREFIX = "uws_"
LAST_USED_PRECISION = timedelta(minutes=5)
MAXIMUM_TOKEN_LENGTH = 200
WRONG_CREDENTIALS = "Incorrect authentication credentials."


@dataclass(frozen=True)
class Principal:
    """Who makes a request, and with what: the result of every authentication by token."""

    person: Person
    token_id: int
    scopes: frozenset[str]


_FOUND_COLUMNS = ("pk", "kind", "scopes", "last_used")
_PERSON_COLUMNS = (
    "user__pk",
    "user__username",
    "user__email",
    "user__first_name",
    "user__last_name",
    "user__is_superuser",
)
"""In the order of `Person`'s fields."""


@dataclass(frozen=True)
class _Found:
    """A token that may be used now, and whose it is."""

    token_id: int
    kind: str
    scopes: frozenset[str]
    last_used: datetime | None
    is_api_client: bool
    person: Person


def digest(token: str) -> str:
    """Return what is kept of a token: its SHA-256. Tokens have 128 bits or more, so no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_personal_token() -> str:
    """Return `uws_` + 40 characters + a CRC-32 of them, so that secret scanners can tell a real one."""
    body = random_source.token_hex(20)
    return f"{PERSONAL_PREFIX}{body}{zlib.crc32(body.encode()):08x}"


def own_bearer(authorization: str | None) -> str | None:
    """Return an `Authorization: Bearer uws_…` header, or None for any other.

    Only our own prefix counts: gateways put others' tokens there, and the contract has that header ignored.
    """
    scheme, _, token = (authorization or "").partition(" ")
    return authorization if scheme.lower() == "bearer" and token.startswith(PERSONAL_PREFIX) else None


class Tokens:
    """Making, reading and revoking tokens. Rights are read when they are used."""

    def __init__(
        self,
        secrets: Secrets,
        accounts: Accounts,
        method: AuthenticationMethod,
        refusals: LoginRefusals,
    ) -> None:
        self._secrets = secrets
        self._accounts = accounts
        self._method = method
        self._refusals = refusals

    # --- POST /tokens/ -----------------------------------------------------------------------------

    def issue(self, body: object, address: str = "") -> dict[str, object]:
        """Answer `POST /tokens/` (contract §2), asked for from `address`.

        Raises `Refusal` with the contract's statuses and words, `TooManyRequests` after too many of them.
        """
        if not isinstance(body, dict):
            raise BadRequest("Invalid JSON: expected an object", kind="invalid-json")
        attempt = self._refusals.attempt(body, address)
        try:
            self._refusals.check(attempt)
            answer = self._identified(body)
        except LoginRefused as refusal:
            self._count(attempt, refusal)
            raise
        self._refusals.succeeded(attempt)
        return answer

    def _identified(self, body: dict[str, object]) -> dict[str, object]:
        try:
            answer = self._method.identify(body, self)
            if isinstance(answer, Continuation):
                return dict(answer.body)
            user = self._accounts.identified(self._method, answer)
        except MalformedTokenRequest as problem:
            raise BadRequest(problem.message) from problem
        except CredentialsRefused as problem:
            raise LoginRefused(problem.message, status=401, reason=problem.reason) from problem
        except MembershipRefused as problem:
            raise LoginRefused(problem.message, status=403, reason=problem.message) from problem
        except DirectoryUnreachable as problem:
            raise Unavailable(problem.message) from problem
        except AccountProblem as problem:
            raise LoginRefused(WRONG_CREDENTIALS, status=401, reason=str(problem)) from problem
        if user is None:
            reason = "the name belongs to another user, an administrator or an API client"
            raise LoginRefused(WRONG_CREDENTIALS, status=401, reason=reason)
        return {
            "success": True,
            "message": "Successful authentication.",
            "token": self.portal_token(user),
        }

    def _count(self, attempt: Attempt, refusal: LoginRefused) -> None:
        """Count a refusal; the log hears of one a minute for an account and for an address, with their number."""
        count = self._refusals.refused(attempt, refusal)
        if count:
            payload = {
                "reason": refusal.reason[:200],
                "account": attempt.account,
                "address": attempt.address,
                "count": count,
            }
            log.append("token.refused", "tokens", owner_id=None, actor=self._method.key, payload=payload)

    def portal_token(self, user: User) -> str:
        """Return the user's one portal token, the same each time until it is revoked: 40 hex digits."""
        token = self._secrets.derive("portal token", str(user.pk), str(user.token_generation)).hex()[:40]
        columns = {"user": user, "kind": TokenKind.PORTAL, "label": "portal", "scopes": list(SCOPES[:-1])}
        if AccessToken.objects.filter(digest=digest(token)).exists():
            return token
        with transaction.atomic():
            _, created = AccessToken.objects.get_or_create(digest=digest(token), defaults=columns)
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

        Raises `NameRefused` for a scope that does not exist, and for a label that no database takes.
        """
        if not is_text(label):
            raise NameRefused(f"label {label[:80]!r} is not allowed; expected text without NUL")
        label = label[:128]
        wrong = [scope for scope in scopes if scope not in SCOPES]
        if wrong:
            raise NameRefused(f"scope {wrong[0]!r} does not exist; expected one of {', '.join(SCOPES)}")
        token = new_personal_token()
        with transaction.atomic():
            AccessToken.objects.create(
                user_id=person.id,
                kind=TokenKind.PERSONAL,
                label=label,
                digest=digest(token),
                scopes=list(scopes) or list(SCOPES[:-1]),
                expires=expires,
            )
            log.append(
                "token.created",
                f"users/{person.id}",
                owner_id=person.id,
                actor=person.username,
                payload={"kind": "personal", "label": label},
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
        if row is None or row.kind != TokenKind.CLIENT or not row.is_api_client:
            return None
        return row.person.username

    def revoke(self, person: Person, token_id: int) -> bool:
        """Revoke one of the person's own tokens. False where there is no such token."""
        with transaction.atomic():
            changed = AccessToken.objects.filter(pk=token_id, user_id=person.id, revoked=None).update(
                revoked=timezone.now()
            )
            if changed:
                # The portal's is derived: only another generation lets its owner ever get one that works.
                portal = User.objects.filter(
                    pk=person.id, access_tokens__pk=token_id, access_tokens__kind=TokenKind.PORTAL
                )
                portal.update(token_generation=F("token_generation") + 1)
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
            AccessToken.objects.filter(pk=row.token_id).update(last_used=now)
        return Principal(row.person, row.token_id, row.scopes)

    def is_valid(self, token_id: int) -> bool:
        """True while the token may still be used: asked again and again for open sockets."""
        return self._usable().filter(pk=token_id).exists()

    def _usable(self) -> models.QuerySet[AccessToken]:
        return AccessToken.objects.filter(
            Q(expires__isnull=True) | Q(expires__gt=timezone.now()),
            revoked__isnull=True,
            user__is_active=True,
        )

    @staticmethod
    def _valid(token: str) -> _Found | None:
        if not token or len(token) > MAXIMUM_TOKEN_LENGTH:
            return None
        # Of every request the first query: columns instead of two objects, and few conditions, halve its cost.
        usable = AccessToken.objects.filter(digest=digest(token), revoked=None, user__is_active=True)
        row = (
            usable.values_list(*_FOUND_COLUMNS, "expires", "user__is_api_client", *_PERSON_COLUMNS)
            .order_by()
            .first()
        )
        if row is None:
            return None
        token_id, kind, scopes, last_used, expires, is_api_client, *person = row
        if expires is not None and expires <= timezone.now():
            return None
        return _Found(token_id, kind, frozenset(scopes), last_used, is_api_client, Person(*person))

"""Requests that carry an `Idempotency-Key`: done once, and answered again with the same answer.

After draft-ietf-httpapi-idempotency-key-header-07. The row is the claim: whoever inserts it, or takes it over from a
process that is gone, does the work; everybody else is told to wait, or given the answer that was kept.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from uws.background import leases
from uws.background.models import IdempotentRequest

KEPT = timedelta(hours=24)
LEASE = timedelta(minutes=15)
"""How long a request of another host counts as under way. On this host a process that is gone is noticed at once."""


@dataclass(frozen=True)
class KeptAnswer:
    """An answer as it was given: status, headers that belong to its body, body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Claim:
    """The right to do one request's work, until `keep` or `release`."""

    row_id: int
    secret: str
    reference: str
    """16 hex digits, the same for whoever does this request's work: also for those who take it over after a crash."""

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """While the work is done, `current_reference()` names the request."""
        token = _reference.set(self.reference)
        try:
            yield
        finally:
            _reference.reset(token)

    def keep(self, answer: KeptAnswer) -> None:
        """Keep the answer for those who ask again. Nothing, where the claim was lost in the meantime."""
        IdempotentRequest.objects.filter(pk=self.row_id, claim=self.secret).update(
            status=answer.status, headers=dict(answer.headers), body=answer.body, lease_until=None
        )

    def release(self) -> None:
        """Forget the request, which has changed nothing: it may be sent again."""
        IdempotentRequest.objects.filter(pk=self.row_id, claim=self.secret).delete()


_reference: ContextVar[str | None] = ContextVar("idempotent request", default=None)


class InProgress(Exception):
    """A request with this key is being answered right now."""


class KeyReused(Exception):
    """The key was sent with another request before."""


def begin(owner_id: int, key: str, fingerprint: str) -> Claim | KeptAnswer:
    """Claim the request, or return the answer that it has had. `fingerprint` stands for all that is in it.

    Raises `InProgress` and `KeyReused`.
    """
    while True:
        claim = _insert(owner_id, key, fingerprint)
        if claim is not None:
            return claim
        row = IdempotentRequest.objects.filter(owner_id=owner_id, key=key).first()
        if row is None:
            continue  # released or pruned between the two statements
        if row.created < timezone.now() - KEPT:
            IdempotentRequest.objects.filter(pk=row.pk, claim=row.claim).delete()
            continue
        if row.fingerprint != fingerprint:
            raise KeyReused
        if row.status is not None:
            return KeptAnswer(row.status, row.headers, bytes(row.body))
        if leases.is_held(row.lease_holder, row.lease_until):
            raise InProgress
        claim = _take_over(row)
        if claim is None:
            raise InProgress
        return claim


def _insert(owner_id: int, key: str, fingerprint: str) -> Claim | None:
    secret = secrets.token_hex(16)
    try:
        with transaction.atomic():
            row = IdempotentRequest.objects.create(
                owner_id=owner_id,
                key=key,
                fingerprint=fingerprint,
                claim=secret,
                lease_holder=leases.holder_name(),
                lease_until=timezone.now() + LEASE,
            )
    except IntegrityError:
        return None
    return Claim(row.pk, secret, _reference_of(row))


def _take_over(row: IdempotentRequest) -> Claim | None:
    """Take the claim of a process that is gone, unless somebody else does so first."""
    secret = secrets.token_hex(16)
    taken = IdempotentRequest.objects.filter(pk=row.pk, claim=row.claim, status=None).update(
        claim=secret, lease_holder=leases.holder_name(), lease_until=timezone.now() + LEASE
    )
    return Claim(row.pk, secret, _reference_of(row)) if taken else None


def _reference_of(row: IdempotentRequest) -> str:
    text = f"{row.pk} {row.created.timestamp()} {row.owner_id} {row.key} {row.fingerprint}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def current_reference() -> str | None:
    """Return what names the repeatable request that is being answered, or None for an ordinary one.

    What is made under this name is found again by the one who takes over from a process that died half-way.
    """
    return _reference.get()


def prune() -> int:
    """Delete what is older than a day; the reconciler's chore. Returns how many."""
    deleted, _ = IdempotentRequest.objects.filter(created__lt=timezone.now() - KEPT).delete()
    return deleted

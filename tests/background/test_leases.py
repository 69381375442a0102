"""Leases keep two processes from one row, and never wait for the dead."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from uws.background import leases
from uws.background.models import NamedLease

pytestmark = pytest.mark.django_db


def row() -> NamedLease:
    return NamedLease.objects.create(name="anything")


def hold(lease: NamedLease, holder: str, seconds: float) -> None:
    until = timezone.now() + timedelta(seconds=seconds)
    NamedLease.objects.filter(pk=lease.pk).update(lease_holder=holder, lease_until=until)


def test_a_free_row_is_claimed_by_one_and_renewed_by_the_same() -> None:
    lease = row()
    assert leases.claim(NamedLease.objects.all(), lease.pk, 10)
    assert leases.claim(NamedLease.objects.all(), lease.pk, 10)
    lease.refresh_from_db()
    assert lease.lease_holder == leases.holder_name()


def test_a_row_held_elsewhere_is_not_claimed_until_its_time_is_up() -> None:
    lease = row()
    hold(lease, "another-host/aaaa/1/1", 60)
    assert not leases.claim(NamedLease.objects.all(), lease.pk, 10)
    hold(lease, "another-host/aaaa/1/1", -1)
    assert leases.claim(NamedLease.objects.all(), lease.pk, 10)


def test_a_row_held_by_a_dead_process_of_this_host_is_claimed_at_once() -> None:
    lease = row()
    me = leases.holder_name()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    hold(lease, me.replace(f"/{os.getpid()}/", f"/{child}/"), 60)
    assert leases.claim(NamedLease.objects.all(), lease.pk, 10)


def test_a_row_held_by_a_live_process_of_this_host_is_left_alone() -> None:
    lease = row()
    parent = os.getppid()
    started = Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[19]
    host, boot, _, _ = leases.holder_name().split("/")
    hold(lease, f"{host}/{boot}/{parent}/{started}", 60)
    assert not leases.claim(NamedLease.objects.all(), lease.pk, 10)


def test_a_filter_that_no_longer_holds_refuses_the_claim() -> None:
    lease = row()
    assert not leases.claim(NamedLease.objects.filter(name="something else"), lease.pk, 10)


def test_a_released_row_is_free() -> None:
    lease = row()
    leases.claim(NamedLease.objects.all(), lease.pk, 10)
    leases.release(NamedLease.objects.all(), lease.pk)
    lease.refresh_from_db()
    assert not leases.is_held(lease.lease_holder, lease.lease_until)

"""What is remembered of an import: which rows came from the original, and its quotas."""

from __future__ import annotations

from django.db import models

from uws.accounts.models import User


class ImportedRow(models.Model):
    """One row of the original that was imported: where it went, and what was written then.

    With it a second import tells its own rows from others' with the same number, writes only what has changed in
    the original since, and so never puts an old state over what has happened here in the meantime.
    """

    table = models.CharField(max_length=64)
    original_id = models.BigIntegerField()
    target_id = models.BigIntegerField()
    fingerprint = models.CharField(max_length=64)
    """SHA-256 of the columns as they were written; never the columns, some are secrets."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["table", "original_id"], name="imported_row_once")]

    def __str__(self) -> str:
        return f"{self.table} {self.original_id}"


class ImportedQuota(models.Model):
    """A user's quota in the original server, which never enforced it: kept to be reported, not to refuse anything."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    maximum_disk_space_bytes = models.BigIntegerField()
    maximum_core_hours = models.DecimalField(max_digits=15, decimal_places=5)
    used_disk_space_bytes = models.BigIntegerField()
    used_core_hours = models.DecimalField(max_digits=15, decimal_places=5)

    def __str__(self) -> str:
        return f"imported quota {self.pk}"

"""Whether the database fits this version of the code.

DatabaseTooNew         the database was changed by a newer version
"""

from __future__ import annotations

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


class DatabaseTooNew(Exception):
    """The database holds migrations that this code does not know. The text is one sentence for the operator."""


def unapplied_migrations() -> list[str]:
    """Return the names (`jobs.0002_more`) that this code has and the database has not.

    Raises `DatabaseTooNew` where the database has some that this code has not.
    """
    executor = MigrationExecutor(connection)
    known, applied = set(executor.loader.disk_migrations), set(executor.loader.applied_migrations)
    unknown = sorted(f"{app}.{name}" for app, name in applied - known if app in executor.loader.migrated_apps)
    if unknown:
        raise DatabaseTooNew(
            f"The database was used by a newer version of this server (it has {', '.join(unknown[:3])}); "
            f"install that version or a newer one."
        )
    return [
        f"{migration.app_label}.{migration.name}"
        for migration, _ in executor.migration_plan(_targets(executor))
    ]


def _targets(executor: MigrationExecutor) -> list[tuple[str, str]]:
    return list(executor.loader.graph.leaf_nodes())


def migrate() -> list[str]:
    """Bring the database to this version and return the names that were applied. Raises `DatabaseTooNew`."""
    names = unapplied_migrations()
    if names:
        call_command("migrate", interactive=False, verbosity=0)
    return names

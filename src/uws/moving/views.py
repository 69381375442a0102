"""Read-only SQL views under the original's table names, so that operators' dashboards go on reading.

They show what the original's tables showed (columns of release 1.10) and never a password or a token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.apps import apps
from django.db import DatabaseError, connection, transaction

from uws.moving.errors import ViewsProblem
from uws.moving.source import JOBS, QUOTAS, SHARES, USERS, WORKSPACES

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")

_USERS = """
SELECT id, '' AS password, last_login, is_superuser, username, first_name, last_name, email, is_staff, is_active,
       date_joined
FROM accounts_user
"""

_WORKSPACES = """
SELECT id, owner_id AS user_id_id, name, description, path AS file_path, disk_space_bytes AS disk_space,
       created AS datetime_created, last_modified AS datetime_last_modified,
       last_job_launch AS datetime_last_job_launch,
       {object}('request_workspace_details', {request_details}, 'current_workspace_details',
                {object}('files', {files}, 'symlinks', {links})) AS workspace_details,
       status, default_job_type
FROM workspaces_workspace
"""

_JOBS = """
SELECT id, owner_id AS user_id_id, workspace_id AS workspace_id_id, resource_job_id, job_type,
       resource AS resource_name, status, created AS datetime_created, started AS datetime_start,
       ended AS datetime_end, core_hours,
       {object}('metrics', {metrics}, 'request_job_details', {request_details},
                'current_job_details', {object}()) AS job_details,
       requested_options AS resource_options
FROM jobs_job
"""

_QUOTAS = """
SELECT id, user_id AS user_id_id, maximum_disk_space_bytes AS max_disk_space,
       maximum_core_hours AS max_core_hours, used_disk_space_bytes AS used_disk_space, used_core_hours
FROM moving_importedquota
"""

_SHARES = """
SELECT id, original_id AS original_workspace_id_id, copy_id AS shared_workspace_id_id, last_resource_options,
       last_job_type, is_accepted, created AS datetime_share_created
FROM sharing_share
"""

_POSTGRESQL = {
    "object": "jsonb_build_object",
    "request_details": "request_details",
    "files": "files",
    "links": "links",
    "metrics": (
        "jsonb_strip_nulls(jsonb_build_object("
        "'time_pending', EXTRACT(EPOCH FROM (seen_running - created))::float8, "
        "'time_init', EXTRACT(EPOCH FROM (ready - started))::float8))"
    ),
}
_SQLITE = {
    "object": "json_object",
    "request_details": "json(request_details)",
    "files": "json(files)",
    "links": "json(links)",
    "metrics": (
        "json_patch('{}', json_object("
        "'time_pending', ROUND((julianday(seen_running) - julianday(created)) * 86400.0, 3), "
        "'time_init', ROUND((julianday(ready) - julianday(started)) * 86400.0, 3)))"
    ),
}


def definitions() -> Mapping[str, str]:
    """Return the views by name, as the SELECT of this database's dialect."""
    dialect = _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE
    selects = {
        USERS.name: _USERS,
        WORKSPACES.name: _WORKSPACES.format(**dialect),
        JOBS.name: _JOBS.format(**dialect),
        QUOTAS.name: _QUOTAS,
    }
    if apps.is_installed("uws.sharing"):
        selects[SHARES.name] = _SHARES
    return selects


def create_views(schema: str | None = None) -> list[str]:
    """Make the views, or make them anew, and return their names. Raises `ViewsProblem`.

    `schema` (PostgreSQL only) is made where it is missing; default: the schema of this server's tables.
    """
    _check_schema(schema)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if schema is not None:
                cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            for name, select in definitions().items():
                cursor.execute(f"DROP VIEW IF EXISTS {_qualified(schema, name)}")
                cursor.execute(f"CREATE VIEW {_qualified(schema, name)} AS {select}")
    except DatabaseError as error:
        raise ViewsProblem(f"The views can't be made: {' '.join(str(error).split())}.") from error
    return [_qualified(schema, name) for name in definitions()]


def drop_views(schema: str | None = None) -> list[str]:
    """Take the views away where they are, and return their names; the schema stays. Raises `ViewsProblem`."""
    _check_schema(schema)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            for name in definitions():
                cursor.execute(f"DROP VIEW IF EXISTS {_qualified(schema, name)}")
    except DatabaseError as error:
        raise ViewsProblem(f"The views can't be dropped: {' '.join(str(error).split())}.") from error
    return [_qualified(schema, name) for name in definitions()]


def _check_schema(schema: str | None) -> None:
    if schema is None:
        return
    if connection.vendor != "postgresql":
        raise ViewsProblem("SQLite has no schemas; leave --schema out.")
    if _SCHEMA.fullmatch(schema) is None or schema.startswith("pg_"):
        raise ViewsProblem(
            f"The schema's name is {schema[:80]!r}; expected lower-case letters, digits and _, not beginning with pg_."
        )


def _qualified(schema: str | None, name: str) -> str:
    return f'"{schema}"."{name}"' if schema is not None else f'"{name}"'

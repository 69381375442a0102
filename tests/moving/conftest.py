from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.moving.original import ORIGINAL_CONFIG, Original, fill, make_directories, sqlite_original
from tests.services.servers.required import required
from uws.jobs.models import Job
from uws.moving.importer import import_original
from uws.moving.original_config import OriginalConfig
from uws.moving.report import Report
from uws.moving.source import open_original
from uws.site import Site


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def original(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Original]:
    """The original's database, filled; on both systems that it ran on."""
    if request.param == "sqlite":
        made = sqlite_original(tmp_path / "original.sqlite3")
        fill(made)
        yield made
        return
    import psycopg
    from psycopg.conninfo import make_conninfo

    url = required("UWS_TEST_POSTGRESQL_URL")
    name = f"original_{secrets.token_hex(4)}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        head, _, _ = url.rpartition("/")
        with psycopg.connect(make_conninfo(url, dbname=name), autocommit=True) as connection:

            def execute(sql: str, values: Any) -> object:
                return connection.execute(sql, values)

            made = Original(execute, is_sqlite=False, address=f"{head}/{name}")
            fill(made)
            yield made
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def storage_root(site: Site) -> Iterator[Path]:
    """The storage's directory, with the workspaces' in it."""
    root = site.storages["local"].root
    make_directories(root)
    yield root
    # `site` waits at its end for live jobs; those on a cluster that isn't there would never end.
    Job.objects.filter(resource="slurm").delete()


def bring(original: Original, site: Site, *, dry_run: bool = False) -> Report:
    with open_original(original.address) as source:
        return import_original(source, site, OriginalConfig.of(ORIGINAL_CONFIG), dry_run=dry_run)

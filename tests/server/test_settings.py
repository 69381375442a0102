from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connection
from tests.settings import DEPLOYMENT

from uws.config.server import DatabaseSettings
from uws.server.settings import DatabaseUrlError, django_settings, postgresql_settings


def test_the_database_is_sqlite_in_the_data_directory_unless_configured() -> None:
    server = DEPLOYMENT.server.model_copy(update={"database": DatabaseSettings()})
    database = django_settings(replace(DEPLOYMENT, server=server))["DATABASES"]["default"]
    assert database["NAME"] == str(DEPLOYMENT.data_dir / "uws.sqlite3")
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


@pytest.mark.django_db
def test_sqlite_connections_are_in_wal_mode() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the tests run on PostgreSQL")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous")
        assert cursor.fetchone() == (1,)  # NORMAL


def test_a_postgresql_url_is_taken_apart() -> None:
    settings = postgresql_settings("postgresql://uws:p%40ss@db.example:5433/records?sslmode=require")
    assert (settings["HOST"], settings["PORT"], settings["NAME"]) == ("db.example", "5433", "records")
    assert (settings["USER"], settings["PASSWORD"]) == ("uws", "p@ss")
    assert settings["OPTIONS"] == {"connect_timeout": 3, "sslmode": "require"}
    assert settings["CONN_HEALTH_CHECKS"] is True


@pytest.mark.parametrize("url", ["mysql://x/y", "records", "postgresql://[bad"])
def test_another_kind_of_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(DatabaseUrlError) as refused:
        postgresql_settings(url.replace("://", "://user:s3cret@", 1) if "://" in url else url)
    assert "s3cret" not in str(refused.value)


def test_cookies_are_host_only_and_secure() -> None:
    settings = django_settings(DEPLOYMENT)
    for name in ("SESSION", "CSRF"):
        assert settings[f"{name}_COOKIE_NAME"].startswith("__Host-uws-")
        assert settings[f"{name}_COOKIE_SECURE"] is True
        assert settings[f"{name}_COOKIE_HTTPONLY"] is True
        assert settings[f"{name}_COOKIE_SAMESITE"] == "Lax"


def test_the_secret_key_is_derived_and_not_the_master() -> None:
    assert DEPLOYMENT.secrets.master.hex() not in django_settings(DEPLOYMENT)["SECRET_KEY"]

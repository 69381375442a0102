"""Django's settings for the tests: the production ones, over a data directory that ends with the run."""

from __future__ import annotations

import atexit
import os
import tempfile
from pathlib import Path

from pydantic import SecretStr

from uws.agent.client import Agents
from uws.config.deployment import Deployment, Secrets, prepare_data_directory
from uws.config.server import DatabaseSettings, ServerSettings
from uws.server.settings import django_settings

_directory = tempfile.TemporaryDirectory(prefix="uws-tests-")
atexit.register(_directory.cleanup)

DEPLOYMENT = Deployment(
    data_dir=prepare_data_directory(Path(_directory.name) / "data"),
    server=ServerSettings(
        database=DatabaseSettings(url=SecretStr(os.environ.get("UWS_TEST_DATABASE_URL", ""))),
        shared_account=True,
    ),
    secrets=Secrets(bytes(range(32))),
    agents=Agents(),
)

globals().update(django_settings(DEPLOYMENT))

# A file, not memory: an in-memory SQLite has none of the locking that the server lives with.
if not os.environ.get("UWS_TEST_DATABASE_URL"):
    globals()["DATABASES"]["default"]["TEST"] = {"NAME": str(DEPLOYMENT.data_dir / "tests.sqlite3")}

"""Django, configured as a server with default settings would have it: some parts cannot be imported without."""

from __future__ import annotations

from pathlib import Path

import django
from django.conf import settings

from uws.agent.client import Agents
from uws.config.deployment import Deployment, Secrets
from uws.config.server import ServerSettings
from uws.server.settings import django_settings


def configure() -> None:
    """Configure Django where nobody has yet. No file is made and no database is opened."""
    if not settings.configured:
        # The directory is never made: nothing here asks the database.
        nowhere = Path("/nonexistent/uws")
        settings.configure(
            **django_settings(Deployment(nowhere, ServerSettings(), Secrets(bytes(32)), Agents()))
        )
        django.setup()

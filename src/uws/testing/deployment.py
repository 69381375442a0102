"""A small installation for plugins under test: an empty data directory, default settings, fixed secrets."""

from __future__ import annotations

from pathlib import Path

from uws.agent.client import Agents
from uws.config.deployment import Deployment, Secrets, prepare_data_directory
from uws.config.server import ServerSettings


def deployment_in(directory: Path) -> Deployment:
    """Return a deployment whose data directory is `directory` (made where it is missing)."""
    return Deployment(
        prepare_data_directory(directory), ServerSettings(), Secrets(bytes(range(32))), Agents()
    )

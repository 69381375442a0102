"""People who share, and a workspace with one of everything in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from uws.accounts.models import User
from uws.site import Site
from uws.workspaces.models import Workspace


@pytest.fixture
def alan(site: Site) -> User:
    """A third person."""
    return site.accounts.create("alan", "alan@example.org", first_name="Alan", last_name="Turing")


@pytest.fixture
def original(site: Site, ada: User) -> Workspace:
    """Ada's workspace, with two files in it."""
    details = {
        "files": [
            {"name": "notes/one.txt", "content": "héllo"},
            {"name": "two.txt", "content": "2"},
        ]
    }
    body = {"name": "Cells", "description": "First look.", "workspace_details": details}
    made: Any = site.workspaces.create(ada.as_person(), body)
    return Workspace.objects.get(pk=made["id"])


@pytest.fixture
def directory(site: Site, original: Workspace) -> Path:
    """The directory of Ada's workspace."""
    return Path(os.path.join(site.storages["local"].root, original.path))

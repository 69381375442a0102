"""What the tests of sharing do again and again."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from uws.accounts.models import User
from uws.background.leases import holder_name
from uws.sharing.models import Share
from uws.site import Site
from uws.workspaces.models import Workspace


def share(site: Site, original: Workspace, *people: User, sender: User | None = None) -> list[int]:
    """Share a workspace and return the ids of the copies, which are not made yet."""
    body = {
        "original_workspace_id": original.pk,
        "shared_user_ids": [person.pk for person in people],
    }
    made: list[Any] = site.sharing.create((sender or original.owner).as_person(), body)
    return [one["shared_workspace_id"]["id"] for one in made]


def copy_directory(site: Site, copy_id: int) -> Path:
    return site.storages["local"].root / Workspace.objects.get(pk=copy_id).path


def tree(directory: Path) -> dict[str, str]:
    """What lies in a directory: paths, with the text of files and what links say."""
    found = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_dir():
            found[name] = "directory"
        else:
            found[name] = path.read_text()
    return found


def of_copy(copy_id: int) -> Share:
    return Share.objects.select_related("copy").get(copy_id=copy_id)


def leave_as_a_killed_maker_does(copy_id: int) -> None:
    """Make the copy's lease one of a process of this host that is gone: no process has the number 2**22 + 1."""
    host, boot, _, start = holder_name().split("/")
    assert host == socket.gethostname()[:24]
    Workspace.objects.filter(pk=copy_id).update(lease_holder=f"{host}/{boot}/{2**22 + 1}/{start}")

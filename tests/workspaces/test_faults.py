"""What goes wrong below a workspace, or at the same time: nothing stays stuck, and nothing stays behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from uws.accounts.models import User
from uws.refusals import BadRequest, NotFound, Refusal, Unavailable
from uws.site import Site
from uws.workspaces.files import WorkspaceFiles
from uws.workspaces.models import Workspace
from uws.workspaces.service import Upload


def create(site: Site, user: User, **body: Any) -> Any:
    return site.workspaces.create(user.as_person(), {"name": "Cells", "description": "", **body})


def directories(site: Site) -> list[str]:
    root = site.storages["local"].root
    return sorted(str(path.relative_to(root)) for path in root.glob("*/*"))


@pytest.fixture
def away(site: Site) -> Iterator[Callable[[], None]]:
    """Takes the storage away, and back when it is called again."""
    root = site.storages["local"].root
    aside = root.with_name("unmounted")

    def move() -> None:
        shutil.move(*((root, aside) if root.exists() else (aside, root)))

    yield move
    if aside.exists():
        shutil.move(aside, root)


def test_a_storage_that_is_away_is_no_mistake_of_the_request(
    site: Site, ada: User, away: Callable[[], None]
) -> None:
    made = create(site, ada)
    away()
    with pytest.raises(Unavailable):
        create(site, ada)
    with pytest.raises(Unavailable):
        site.workspaces.update(
            ada.as_person(), made["id"], {"workspace_details": {"files": [{"name": "a.txt"}]}}
        )


def test_what_a_creation_left_while_the_storage_was_away_is_cleared_by_the_next_sweep(
    site: Site, ada: User, away: Callable[[], None]
) -> None:
    away()
    with pytest.raises(Unavailable):
        create(site, ada)
    away()
    row = Workspace.objects.get()
    assert row.lease_holder == "", "the lease of a process that lives on would keep every other away"
    site.workspaces.sweep()
    assert not Workspace.objects.exists()
    assert directories(site) == []


def test_a_deletion_is_done_once_its_storage_is_back(
    site: Site, ada: User, away: Callable[[], None], run_tasks: Callable[[], list[str]]
) -> None:
    made = create(site, ada)
    site.workspaces.delete(ada.as_person(), made["id"])
    away()
    run_tasks()
    row = Workspace.objects.get()
    assert (row.status, row.lease_holder) == ("deleting", "")
    away()
    site.workspaces.sweep()
    run_tasks()
    assert not Workspace.objects.exists()
    assert directories(site) == []


def test_a_workspace_on_a_storage_that_is_gone_holds_up_no_sweep(
    site: Site, ada: User, run_tasks: Callable[[], list[str]]
) -> None:
    lost, half_made, deleted = (create(site, ada)["id"] for _ in range(3))
    Workspace.objects.filter(pk__in=(lost, half_made)).update(status="initializing")
    Workspace.objects.filter(pk=lost).update(storage="unplugged")
    Workspace.objects.filter(pk=deleted).update(status="deleting")
    site.workspaces.sweep()
    run_tasks()
    assert list(Workspace.objects.values_list("pk", flat=True)) == [lost]


def test_a_workspace_on_a_storage_that_is_gone_says_so(site: Site, ada: User) -> None:
    made = create(site, ada)
    Workspace.objects.filter(pk=made["id"]).update(storage="unplugged")
    with pytest.raises(Refusal, match=r"'unplugged' of workspace \d+ is not configured any more") as refusal:
        site.workspaces.delete(ada.as_person(), made["id"])
    assert refusal.value.status == 500


def test_a_workspace_that_is_deleted_while_it_is_made_goes_at_once(
    site: Site, ada: User, run_tasks: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = WorkspaceFiles.scan

    def slow(files: WorkspaceFiles) -> Any:
        site.workspaces.delete(ada.as_person(), Workspace.objects.get().pk)
        return scan(files)

    monkeypatch.setattr(WorkspaceFiles, "scan", slow)
    with pytest.raises(BadRequest, match="was deleted while it was made"):
        create(site, ada)
    assert Workspace.objects.get().lease_holder == ""
    run_tasks()
    assert not Workspace.objects.exists()
    assert directories(site) == []


def test_an_upload_into_a_workspace_that_goes_meanwhile_leaves_no_directory(
    site: Site, ada: User, run_tasks: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = create(site, ada)
    write_from = WorkspaceFiles.write_from

    def slow(files: WorkspaceFiles, *arguments: Any, **named: Any) -> int:
        if Workspace.objects.exists():
            site.workspaces.delete(ada.as_person(), made["id"])
            run_tasks()
        return write_from(files, *arguments, **named)

    monkeypatch.setattr(WorkspaceFiles, "write_from", slow)
    with tempfile.TemporaryFile() as file:
        file.write(b"cells")
        file.flush()
        file.seek(0)
        with pytest.raises((BadRequest, NotFound)):
            site.workspaces.upload(ada.as_person(), made["id"], [Upload("a.txt", file.fileno(), 5)])
    assert directories(site) == []


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
@pytest.mark.parametrize("field", ["name", "description"])
def test_text_that_no_database_keeps_is_refused(site: Site, ada: User, field: str, text: str) -> None:
    with pytest.raises(BadRequest, match=f"Invalid {field}: found .*; expected text without NUL"):
        create(site, ada, **{field: text})
    assert not Workspace.objects.exists()


def test_nothing_of_the_servers_own_paths_is_told(site: Site, ada: User, away: Callable[[], None]) -> None:
    away()
    with pytest.raises(Unavailable) as refusal:
        create(site, ada)
    assert str(Path(site.deployment.data_dir)) not in refusal.value.message

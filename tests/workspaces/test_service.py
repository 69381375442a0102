"""Workspaces: made whole or not at all, changed safely, deleted in the background."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from uws.accounts.models import User
from uws.refusals import BadRequest, NotFound, Refusal
from uws.site import Site
from uws.workspaces.models import Workspace
from uws.workspaces.service import Upload


def create(site: Site, user: User, **body: Any) -> Any:
    return site.workspaces.create(user.as_person(), {"name": "Cells", "description": "", **body})


def directories(site: Site) -> list[str]:
    root = site.storages["local"].root
    return sorted(str(path.relative_to(root)) for path in root.glob("*/*"))


def data_file(site: Site) -> Path:
    path = site.deployment.data_dir / "data" / "cells.csv"
    path.write_text("a,b\n1,2\n")
    return path


def test_a_new_workspace_has_its_files_and_links_before_the_answer(site: Site, ada: User) -> None:
    source = data_file(site)
    details = {
        "files": [{"name": "notes/one.txt", "content": "héllo"}, {"name": "empty.txt"}],
        "symlinks": [{"name": "datasets/cells.csv", "source_path": str(source)}],
    }
    made = create(site, ada, workspace_details=details)
    directory = site.storages["local"].root / "ada" / str(made["id"])
    assert (directory / "notes/one.txt").read_text() == "héllo"
    assert (directory / "empty.txt").read_bytes() == b""
    assert (directory / "datasets/cells.csv").read_text() == source.read_text()
    current = made["workspace_details"]["current_workspace_details"]
    assert [file["name"] for file in current["files"]] == ["/empty.txt", "/notes/one.txt"]
    assert [link["name"] for link in current["symlinks"]] == ["/datasets/cells.csv"]
    assert made["status"] == "idle"


def test_contents_are_not_kept_of_the_request(site: Site, ada: User) -> None:
    made = create(site, ada, workspace_details={"files": [{"name": "a.txt", "content": "secret"}]})
    assert "secret" not in str(Workspace.objects.filter(pk=made["id"]).values().get())


@pytest.mark.parametrize(
    "details",
    [
        {"symlinks": [{"name": "x", "source_path": "/etc/passwd"}]},
        {"symlinks": [{"name": "x", "source_path": "/does/not/exist"}]},
        {"symlinks": [{"name": "/abs", "source_path": "/etc"}]},
        {"files": [{"name": "../out.txt"}]},
        {"files": [{"name": "/etc/out.txt"}]},
        {"files": [{"name": "a"}, {"name": "a/b"}]},
        {"files": [{"name": "n\0ul"}]},
        {"files": [{"name": "x" * 300}]},
    ],
)
def test_a_refused_creation_leaves_no_row_and_no_directory(site: Site, ada: User, details: Any) -> None:
    with pytest.raises(BadRequest):
        create(site, ada, workspace_details=details)
    assert not Workspace.objects.exists()
    assert directories(site) == []


def test_a_creation_that_was_killed_half_way_is_cleaned_away(site: Site, ada: User) -> None:
    made = create(site, ada)
    Workspace.objects.filter(pk=made["id"]).update(
        status="initializing", lease_holder="", lease_until=timezone.now()
    )
    site.workspaces.sweep()
    assert not Workspace.objects.exists()
    assert directories(site) == []


def test_only_owners_find_their_workspace(site: Site, ada: User, grace: User) -> None:
    made = create(site, ada)
    assert site.workspaces.get(grace.as_person(), made["id"]) == []
    for act in (
        lambda: site.workspaces.update(grace.as_person(), made["id"], {}),
        lambda: site.workspaces.delete(grace.as_person(), made["id"]),
        lambda: site.workspaces.upload(grace.as_person(), made["id"], []),
    ):
        with pytest.raises(NotFound, match=f"Workspace {made['id']} not found for user."):
            act()


def test_an_update_adds_files_and_sets_the_time(site: Site, ada: User) -> None:
    made = create(site, ada)
    body = {"name": "New", "workspace_details": {"files": [{"name": "b.txt", "content": "b"}]}}
    site.workspaces.update(ada.as_person(), made["id"], body)
    found: Any = site.workspaces.get(ada.as_person(), made["id"])[0]
    assert found["name"] == "New"
    assert found["datetime_last_modified"] is not None
    assert found["disk_space"] > 0


def test_a_refused_update_changes_nothing(site: Site, ada: User) -> None:
    made = create(site, ada)
    body = {
        "name": "New",
        "workspace_details": {
            "files": [{"name": "b.txt", "content": "b"}],
            "symlinks": [{"name": "x", "source_path": "/etc/passwd"}],
        },
    }
    with pytest.raises(BadRequest):
        site.workspaces.update(ada.as_person(), made["id"], body)
    assert site.workspaces.get(ada.as_person(), made["id"]) == [made]
    assert not (site.storages["local"].root / "ada" / str(made["id"]) / "b.txt").exists()


@pytest.mark.parametrize(("sent", "kept"), [("six.txt", "six.txt"), ("../../six.txt", "six.txt")])
def test_an_uploaded_file_is_named_by_the_last_part_of_its_path(
    site: Site, ada: User, sent: str, kept: str
) -> None:
    made = create(site, ada)
    with tempfile.TemporaryFile() as file:
        file.write(b"cells")
        file.seek(0)
        site.workspaces.upload(ada.as_person(), made["id"], [Upload(sent, file.fileno(), 5)])
    assert (site.storages["local"].root / "ada" / str(made["id"]) / kept).read_bytes() == b"cells"


@pytest.mark.parametrize("name", ["..", "a\0b", "", "/"])
def test_an_upload_without_a_usable_name_is_refused(site: Site, ada: User, name: str) -> None:
    made = create(site, ada)
    with open(os.devnull, "rb") as file, pytest.raises(BadRequest):
        site.workspaces.upload(ada.as_person(), made["id"], [Upload(name, file.fileno(), 0)])


def test_a_deleted_workspace_goes_with_its_directory_in_the_background(
    site: Site, ada: User, run_tasks: Callable[[], list[str]]
) -> None:
    made = create(site, ada)
    site.workspaces.delete(ada.as_person(), made["id"])
    assert Workspace.objects.get().status == "deleting"
    site.workspaces.delete(ada.as_person(), made["id"])
    assert run_tasks() == ["workspaces.remove"]
    assert not Workspace.objects.exists()
    assert directories(site) == []


def test_a_workspace_replaced_by_a_link_is_deleted_without_its_target(
    site: Site, ada: User, run_tasks: Callable[[], list[str]], tmp_path: Path
) -> None:
    made = create(site, ada)
    target = tmp_path / "precious"
    target.mkdir()
    (target / "file").write_text("keep me")
    directory = site.storages["local"].root / "ada" / str(made["id"])
    directory.rmdir()
    directory.symlink_to(target)
    site.workspaces.delete(ada.as_person(), made["id"])
    run_tasks()
    assert (target / "file").read_text() == "keep me"


def test_a_workspace_with_a_running_job_is_not_deleted(site: Site, ada: User) -> None:
    made = create(site, ada)
    site.jobs.start(ada.as_person(), made["id"], {"job_type": "sleeper"})
    with pytest.raises(BadRequest, match="jobs are running for this workspace"):
        site.workspaces.delete(ada.as_person(), made["id"])


def test_a_deletion_accepted_while_a_job_stops_waits_for_its_end(
    site: Site, ada: User, run_tasks: Callable[[], list[str]]
) -> None:
    made = create(site, ada)
    job: Any = site.jobs.start(ada.as_person(), made["id"], {"job_type": "sleeper"})
    site.jobs.stop(ada.as_person(), job["id"])
    site.workspaces.delete(ada.as_person(), made["id"])
    run_tasks()
    assert Workspace.objects.filter(pk=made["id"]).exists()


def test_a_workspace_that_is_being_deleted_takes_no_changes(site: Site, ada: User) -> None:
    made = create(site, ada)
    site.workspaces.delete(ada.as_person(), made["id"])
    with pytest.raises(Refusal, match="being deleted"):
        site.workspaces.update(ada.as_person(), made["id"], {})
    with pytest.raises(Refusal, match="deleting"):
        site.jobs.start(ada.as_person(), made["id"], {"job_type": "sleeper"})


def test_a_scan_tells_what_a_job_has_written(site: Site, ada: User) -> None:
    made = create(site, ada)
    directory = site.storages["local"].root / "ada" / str(made["id"])
    (directory / "result.txt").write_text("42")
    (directory / ".hidden").write_text("hidden")
    site.workspaces.scan(made["id"])
    found: Any = site.workspaces.get(ada.as_person(), made["id"])[0]
    current = found["workspace_details"]["current_workspace_details"]
    assert current["files"] == [{"name": "/result.txt"}]
    assert found["disk_space"] >= len("42") + len("hidden")


def test_a_collection_can_be_browsed_but_not_left(site: Site, ada: User) -> None:
    data_file(site)
    (site.deployment.data_dir / "data" / "atlas").mkdir()
    found = site.workspaces.browse(ada.as_person(), "Data", "")
    assert [(entry.name, entry.is_directory) for entry in found] == [("atlas", True), ("cells.csv", False)]
    for path in ("..", "../workspaces", "/etc", "nowhere"):
        with pytest.raises(BadRequest):
            site.workspaces.browse(ada.as_person(), "Data", path)
    with pytest.raises(NotFound):
        site.workspaces.browse(ada.as_person(), "Secrets", "")


def test_a_workspace_that_a_job_writes_to_is_scanned_again_when_looked_at(
    site: Site, ada: User, run_tasks: Callable[[], list[str]]
) -> None:
    made = create(site, ada)
    row = Workspace.objects.get(pk=made["id"])
    site.workspaces.refresh_listing(row)
    assert run_tasks() == []
    site.jobs.start(ada.as_person(), made["id"], {"job_type": "sleeper"})
    Workspace.objects.update(scanned=timezone.now() - timedelta(minutes=1))
    row.refresh_from_db()
    site.workspaces.refresh_listing(row)
    site.workspaces.refresh_listing(row)
    assert run_tasks() == ["workspaces.scan"]

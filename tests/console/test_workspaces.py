from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.console.conftest import BrowserFor
from tests.console.pages import text_of
from uws.accounts.models import User
from uws.jobs.models import Job
from uws.site import Site
from uws.workspaces.models import Workspace

HOSTILE = '<script>alert("x")</script>'


@pytest.fixture
def collection(data_directory: Path) -> Path:
    """The offered data, with a directory and a way out of it."""
    directory = data_directory / "data"
    (directory / "cells").mkdir(parents=True)
    (directory / "cells" / "counts.csv").write_text("a,b\n")
    (directory / ".hidden").write_text("")
    (directory / "way-out").symlink_to("/etc")
    return directory


def files_on_disk(site: Site, workspace: Workspace) -> dict[str, bytes]:
    with site.workspaces.open(workspace) as files:
        return {
            str(path.relative_to(files.directory)): path.read_bytes()
            for path in files.directory.rglob("*")
            if path.is_file()
        }


def test_the_first_page_says_what_to_do(browser: Client) -> None:
    text = text_of(browser.get("/console/"))
    assert "Make your first workspace" in text
    assert "Data sets for tests." in text


def test_the_list_shows_ones_own_workspaces_only(
    browser: Client, browser_for: BrowserFor, grace: User, workspace: Workspace
) -> None:
    assert "Blood cells" in text_of(browser.get("/console/"))
    assert "Blood cells" not in text_of(browser_for(grace).get("/console/"))


def test_a_workspace_is_made_with_files_and_links(
    browser: Client, site: Site, ada: User, collection: Path
) -> None:
    form = {
        "name": " Kidney atlas ",
        "description": "Cell types",
        "collections": ["Data"],
        "files": [SimpleUploadedFile("a.csv", b"1,2"), SimpleUploadedFile("b.csv", b"3,4")],
    }
    response = browser.post("/console/workspaces/new/", form)
    workspace = Workspace.objects.get(owner=ada)
    assert response["Location"] == f"/console/workspaces/{workspace.pk}/"
    assert (workspace.name, workspace.description) == ("Kidney atlas", "Cell types")
    assert files_on_disk(site, workspace) == {"a.csv": b"1,2", "b.csv": b"3,4"}
    page = text_of(browser.get(response["Location"]))
    assert "2 files uploaded." in page
    assert str(collection) in page


@pytest.mark.parametrize(
    ("name", "message"),
    [("", "Give the workspace a name."), ("  ", "Give the workspace a name."), ("x" * 65, "at most 64")],
)
def test_a_bad_name_is_said_beside_the_field_and_the_rest_is_kept(
    name: str, message: str, browser: Client
) -> None:
    response = browser.post("/console/workspaces/new/", {"name": name, "description": "Cell types"})
    assert response.status_code == 400
    text = text_of(response)
    assert message in text
    assert "Cell types</textarea>" in text
    assert not Workspace.objects.exists()


def test_a_link_to_what_is_gone_is_refused_and_leaves_no_workspace(
    browser: Client, data_directory: Path
) -> None:
    (data_directory / "data").rmdir()
    response = browser.post("/console/workspaces/new/", {"name": "Kidney atlas", "collections": ["Data"]})
    assert response.status_code == 400
    assert "Symlink path not found" in text_of(response)
    assert 'value="Kidney atlas"' in text_of(response)
    assert not Workspace.objects.exists()


def test_the_scripts_upload_is_told_where_to_go(browser: Client) -> None:
    response = browser.post(
        "/console/workspaces/new/", {"name": "Kidney atlas"}, HTTP_X_REQUESTED_WITH="XMLHttpRequest"
    )
    workspace = Workspace.objects.get()
    assert response.json() == {"location": f"/console/workspaces/{workspace.pk}/"}


def test_hostile_names_are_shown_as_text(browser: Client, site: Site, ada: User) -> None:
    body = {
        "name": HOSTILE,
        "description": HOSTILE,
        "workspace_details": {"files": [{"name": f"{HOSTILE.replace('/', '')}.txt"}]},
    }
    created = site.workspaces.create(ada.as_person(), body)
    address = f"/console/workspaces/{created['id']}/"
    for page in (
        address,
        "/console/",
        f"{address}delete/",
        f"{address}edit/",
        f"{address}start/",
        f"{address}link/",
    ):
        text = text_of(browser.get(page))
        assert "&lt;script&gt;" in text
        assert "<script>" not in text


def test_files_are_listed_with_their_sizes(browser: Client, workspace: Workspace) -> None:
    text = text_of(browser.get(f"/console/workspaces/{workspace.pk}/"))
    assert "plan.md" in text
    assert "12 bytes" in text


def test_a_workspace_whose_directory_is_gone_is_still_shown(
    browser: Client, site: Site, workspace: Workspace
) -> None:
    with site.workspaces.open(workspace) as files:
        files.remove()
    response = browser.get(f"/console/workspaces/{workspace.pk}/")
    assert response.status_code == 200
    assert "plan.md" in text_of(response)


@pytest.mark.parametrize("part", ["summary", "files", "jobs"])
def test_parts_are_served_alone(part: str, browser: Client, workspace: Workspace) -> None:
    response = browser.get(f"/console/workspaces/{workspace.pk}/?fragment={part}")
    assert response["X-Console-Fragment"] == "1"
    assert "<html" not in text_of(response)


def test_files_are_uploaded(browser: Client, site: Site, workspace: Workspace) -> None:
    files = [SimpleUploadedFile("one.txt", b"1"), SimpleUploadedFile("../../two.txt", b"22")]
    response = browser.post(f"/console/workspaces/{workspace.pk}/upload/", {"files": files})
    assert response.status_code == 302
    found = files_on_disk(site, workspace)
    assert found["one.txt"] == b"1"
    assert found["two.txt"] == b"22"


def test_no_file_is_no_upload(browser: Client, workspace: Workspace) -> None:
    browser.post(f"/console/workspaces/{workspace.pk}/upload/")
    text = text_of(browser.get(f"/console/workspaces/{workspace.pk}/"))
    assert "No file was chosen" in text


def test_a_notice_is_shown_once(browser: Client, workspace: Workspace) -> None:
    browser.post(f"/console/workspaces/{workspace.pk}/upload/")
    address = f"/console/workspaces/{workspace.pk}/"
    browser.get(f"{address}?fragment=files")
    assert "No file was chosen" in text_of(browser.get(address))
    assert "No file was chosen" not in text_of(browser.get(address))


def test_an_upload_that_is_refused_says_why(browser: Client, workspace: Workspace) -> None:
    file = SimpleUploadedFile("x" * 250 + ".txt", b"1")
    file.name = "notes"  # a directory of the workspace
    browser.post(f"/console/workspaces/{workspace.pk}/upload/", {"files": file})
    assert "The files were not uploaded" in text_of(browser.get(f"/console/workspaces/{workspace.pk}/"))


def test_name_and_description_are_changed(browser: Client, workspace: Workspace) -> None:
    browser.post(f"/console/workspaces/{workspace.pk}/edit/", {"name": "Blood", "description": ""})
    workspace.refresh_from_db()
    assert (workspace.name, workspace.description) == ("Blood", "")


def test_a_collection_can_be_walked_down(browser: Client, workspace: Workspace, collection: Path) -> None:
    address = f"/console/workspaces/{workspace.pk}/link/?collection=Data"
    top = text_of(browser.get(address))
    assert "path=cells" in top
    assert ".hidden" not in top
    assert "counts.csv" in text_of(browser.get(f"{address}&path=cells"))


@pytest.mark.parametrize("path", ["../..", "cells/../..", "way-out/ssh", "no-such", "a\0b"])
def test_nobody_walks_out_of_a_collection(
    path: str, browser: Client, workspace: Workspace, collection: Path
) -> None:
    response = browser.get(f"/console/workspaces/{workspace.pk}/link/", {"collection": "Data", "path": path})
    assert response.status_code in (400, 404)
    assert "passwd" not in text_of(response)


def test_a_link_in_a_collection_is_not_looked_into(
    browser: Client, workspace: Workspace, collection: Path
) -> None:
    response = browser.get(f"/console/workspaces/{workspace.pk}/link/?collection=Data&path=way-out")
    assert "passwd" not in text_of(response)


def test_a_part_of_a_collection_is_linked(
    browser: Client, site: Site, workspace: Workspace, collection: Path
) -> None:
    form = {"collection": "Data", "path": "cells/counts.csv", "name": "counts.csv"}
    assert browser.post(f"/console/workspaces/{workspace.pk}/link/", form).status_code == 302
    with site.workspaces.open(workspace) as files:
        assert (files.directory / "counts.csv").readlink() == collection / "cells" / "counts.csv"


def test_a_bad_name_of_a_link_is_said_and_kept(
    browser: Client, workspace: Workspace, collection: Path
) -> None:
    form = {"collection": "Data", "path": "cells", "name": "../cells"}
    response = browser.post(f"/console/workspaces/{workspace.pk}/link/", form)
    assert response.status_code == 400
    assert "double dots" in text_of(response)
    assert 'value="../cells"' in text_of(response)


def test_a_deletion_needs_the_name(browser: Client, workspace: Workspace) -> None:
    address = f"/console/workspaces/{workspace.pk}/delete/"
    response = browser.post(address, {"typed": "Blood"})
    assert response.status_code == 400
    assert "nothing was deleted" in text_of(response)
    workspace.refresh_from_db()
    assert workspace.status == "idle"
    assert browser.post(address, {"typed": "Blood cells"})["Location"] == "/console/"
    workspace.refresh_from_db()
    assert workspace.status == "deleting"


def test_a_workspace_with_a_running_job_asks_to_stop_it_first(
    browser: Client, workspace: Workspace, job: Job
) -> None:
    Job.objects.filter(pk=job.pk).update(status="running", step="process")
    address = f"/console/workspaces/{workspace.pk}/delete/"
    assert "Stop it first" in text_of(browser.get(address))
    response = browser.post(address, {"typed": "Blood cells"})
    assert response.status_code == 400
    Job.objects.filter(pk=job.pk).update(status="complete", step="ended")

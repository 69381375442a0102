"""The client against a real server."""

from __future__ import annotations

import io
import urllib.request
from pathlib import Path

import pytest
from tests.client.serving import Running

from uws.client import Client, InvalidRequest, JobEnded, NotAllowed, NotFound


def test_a_workspace_is_made_with_text_files_and_links(ada: Client, server: Running) -> None:
    source = str(server.data_dir / "data" / "cells.txt")
    made = ada.workspaces.create(
        "Kidney atlas",
        "Of the cells",
        files={"notes/plan.md": "é"},
        links={"cells.txt": source},
        default_job_type="brief",
    )
    assert (made.name, made.description, made.default_job_type) == ("Kidney atlas", "Of the cells", "brief")
    assert (made.files, made.links, made.disk_space_bytes) == (("/notes/plan.md",), ("/cells.txt",), 2)
    assert ada.workspaces.get(made.id) == made
    assert made in ada.workspaces.list(name="Kidney atlas")


def test_a_refused_workspace_says_which_field_is_wrong(ada: Client) -> None:
    with pytest.raises(InvalidRequest) as raised:
        ada.workspaces.create("x" * 65)
    assert raised.value.errors[0].pointer == "/name"


def test_a_workspace_is_changed_in_what_is_given_only(ada: Client) -> None:
    made = ada.workspaces.create("Before", "kept", default_job_type="brief")
    ada.workspaces.update(made.id, name="After", files={"a.txt": ""}, default_job_type="")
    found = ada.workspaces.get(made.id)
    assert (found.name, found.description, found.default_job_type) == ("After", "kept", None)
    assert found.files == ("/a.txt",)


def test_uploads_arrive_byte_for_byte(ada: Client, server: Running, tmp_path: Path) -> None:
    content = bytes(range(256)) * 20_000
    file = tmp_path / "Zellen é.bin"
    file.write_bytes(content)
    workspace = ada.workspaces.create("Uploads")
    with (tmp_path / "open.txt").open("w+b") as opened:
        opened.write(b"open")
        opened.seek(0)
        ada.workspaces.upload(workspace.id, [str(file), opened, ("named.txt", io.BytesIO(b"named"))])
    assert set(ada.workspaces.get(workspace.id).files) == {"/Zellen é.bin", "/open.txt", "/named.txt"}
    (directory,) = (server.data_dir / "workspaces").glob(f"*/{workspace.id}")
    assert (directory / file.name).read_bytes() == content
    assert (directory / "open.txt").read_bytes() == b"open"
    assert (directory / "named.txt").read_bytes() == b"named"


def test_nothing_is_sent_where_a_file_cannot_be_read(ada: Client, tmp_path: Path) -> None:
    workspace = ada.workspaces.create("No upload")
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(FileNotFoundError):
        ada.workspaces.upload(workspace.id, [tmp_path / "a.txt", tmp_path / "missing.txt"])
    with pytest.raises(ValueError, match=r"'a\.txt'"):
        ada.workspaces.upload(workspace.id, [tmp_path / "a.txt", ("a.txt", io.BytesIO(b""))])
    assert ada.workspaces.get(workspace.id).files == ()


def test_a_job_runs_to_its_end_and_its_log_is_read(ada: Client) -> None:
    workspace = ada.workspaces.create("Batch")
    job = ada.workspaces.start(workspace.id, "brief", resource_options={"num_cpus": 2, "colour": "red"})
    assert job.ignored_options == ("colour",)
    ended = ada.jobs.wait(job.id, "ended", timeout_seconds=20)
    assert (ended.state, ended.exit_code, ended.url) == ("complete", 0, None)
    assert ended.started is not None
    assert ended.duration_seconds is not None
    assert "".join(ada.jobs.read_log(job.id)) == "hello from a brief job\n"
    assert ada.jobs.log(job.id, offset=-4).text == "job\n"
    assert ended in ada.jobs.list(workspace_id=workspace.id, job_type="brief", state="complete")


def test_a_log_is_followed_while_it_is_written(ada: Client) -> None:
    workspace = ada.workspaces.create("Following")
    job = ada.workspaces.start(workspace.id, "patient")
    pieces = ada.jobs.read_log(job.id, follow=True)
    assert next(pieces) == "first\n"
    assert not ada.jobs.get(job.id).has_ended
    ada.workspaces.update(workspace.id, files={"go": ""})
    assert list(pieces) == ["last\n"]
    assert ada.jobs.get(job.id).has_ended


def test_a_long_log_is_read_whole(ada: Client) -> None:
    workspace = ada.workspaces.create("Long log")
    job = ada.jobs.wait(ada.workspaces.start(workspace.id, "long").id, "ended", timeout_seconds=20)
    pieces = list(ada.jobs.read_log(job.id))
    assert len(pieces) > 1
    assert "".join(pieces) == "".join(f"{line:06d}\n" for line in range(1, 100_001))


def test_a_web_application_is_waited_for_opened_and_stopped(ada: Client) -> None:
    workspace = ada.workspaces.create("Web", files={"seen.txt": "seen"}, default_job_type="web")
    job = ada.jobs.wait(ada.workspaces.start(workspace.id).id, timeout_seconds=20)
    assert job.is_ready
    assert job.url is not None
    assert "ticket=" in job.url
    assert "ticket=" not in repr(job)
    port = job.raw["job_details"]["current_job_details"]["proxy_details"]["port"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/seen.txt", timeout=10) as answer:
        assert answer.read() == b"seen"
    assert ada.jobs.stop(job.id) == "Job queued to stop."
    ended = ada.jobs.wait(job.id, "ended", timeout_seconds=20)
    assert ended.state == "complete"
    assert ended.url is None


def test_a_job_that_fails_while_it_is_waited_for_says_why(ada: Client) -> None:
    workspace = ada.workspaces.create("Failing")
    job = ada.workspaces.start(workspace.id, "missing")
    with pytest.raises(JobEnded, match="no-such-command-anywhere") as raised:
        ada.jobs.wait(job.id, timeout_seconds=20)
    assert raised.value.job.state == "failed"


def test_a_workspace_is_deleted_once_its_jobs_have_ended(ada: Client) -> None:
    workspace = ada.workspaces.create("Short lived")
    job = ada.workspaces.start(workspace.id, "sleeper")
    with pytest.raises(InvalidRequest, match="jobs are running"):
        ada.workspaces.delete(workspace.id)
    ada.jobs.wait(job.id, "running", timeout_seconds=20)
    ada.jobs.stop(job.id)
    ada.jobs.wait(job.id, "ended", timeout_seconds=20)
    ada.workspaces.delete(workspace.id)


def test_other_peoples_things_are_not_found(ada: Client, grace: Client) -> None:
    workspace = ada.workspaces.create("Ada's own")
    job = ada.jobs.wait(ada.workspaces.start(workspace.id, "brief").id, "ended", timeout_seconds=20)
    for call in (grace.workspaces.get, grace.workspaces.start, grace.workspaces.delete):
        with pytest.raises(NotFound):
            call(workspace.id)
    for look in (grace.jobs.get, grace.jobs.stop, grace.jobs.log):
        with pytest.raises(NotFound):
            look(job.id)


def test_what_the_server_offers_is_told(ada: Client) -> None:
    assert ("sleeper", "Sleeper") in [(kind.id, kind.name) for kind in ada.job_types()]
    first = ada.parameters()[0]
    assert (first.variable_name, first.default_value, first.validation["max"]) == ("num_cpus", 1, 4)
    assert [user.username for user in ada.users("grace@")] == ["grace"]
    status = ada.status()
    assert status.version
    assert ("resources", "local") in [(each.kind, each.name) for each in status.dependencies]


def test_a_wrong_token_is_not_allowed(server: Running) -> None:
    with Client(server.url, "0" * 40) as client, pytest.raises(NotAllowed, match="Invalid token provided"):
        client.workspaces.list()

"""Copies: what is in them, and what becomes of those that are interrupted."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from tests.conftest import drain_queue, make_site
from tests.sharing.steps import copy_directory, leave_as_a_killed_maker_does, of_copy, share, tree

from uws.accounts.models import User
from uws.agent.errors import AgentDiedError, NoSpaceError
from uws.events.models import Event
from uws.sharing import copies, copying
from uws.site import Site
from uws.workspaces.files import WorkspaceFiles
from uws.workspaces.models import Workspace

RunTasks = Callable[[], list[str]]
During = Callable[[Callable[[], None]], None]


@pytest.fixture
def during_the_copy(monkeypatch: pytest.MonkeyPatch) -> During:
    """Does something once, right before the second file of a copy is made; its lease is renewed at every step."""
    monkeypatch.setattr(copies, "HEARTBEAT_SECONDS", 0)
    copy_file = copying._copy_file

    def arrange(act: Callable[[], None]) -> None:
        copied: list[str] = []

        def interrupted(source: Any, target: Any, path: str, progress: Any) -> None:
            copied.append(path)
            if len(copied) == 2:
                act()
            copy_file(source, target, path, progress)

        monkeypatch.setattr(copying, "_copy_file", interrupted)

    return arrange


def drop_queue() -> None:
    from django_q.models import OrmQ  # reads Django's settings at import

    OrmQ.objects.all().delete()


class Killed(BaseException):
    """Ends a task where a killed process would have ended."""


def killed() -> None:
    raise Killed


# What is in a copy


def test_a_copy_has_all_that_is_visible(
    site: Site, original: Workspace, directory: Path, grace: User, run_tasks: RunTasks
) -> None:
    (directory / "empty/below").mkdir(parents=True)
    (directory / "link.txt").symlink_to("two.txt")
    (directory / "dangling").symlink_to("/does/not/exist")
    (copy_id,) = share(site, original, grace)
    assert of_copy(copy_id).copy.status == "initializing"
    assert of_copy(copy_id).copy.path == f"grace/{copy_id}"
    run_tasks()
    assert tree(copy_directory(site, copy_id)) == {
        "dangling": "-> /does/not/exist",
        "empty": "directory",
        "empty/below": "directory",
        "link.txt": "-> two.txt",
        "notes": "directory",
        "notes/one.txt": "héllo",
        "two.txt": "2",
    }
    copy = of_copy(copy_id).copy
    assert (copy.status, copy.files, copy.links) == (
        "idle",
        ["/notes/one.txt", "/two.txt"],
        ["/dangling", "/link.txt"],
    )
    assert copy.disk_space_bytes == len("héllo".encode()) + 1
    assert copy.lease_holder == ""


def test_a_link_to_the_outside_stays_a_link_and_carries_nothing(
    site: Site, original: Workspace, directory: Path, grace: User, run_tasks: RunTasks, tmp_path: Path
) -> None:
    (tmp_path / "outside/deep").mkdir(parents=True)
    (tmp_path / "outside/secret.txt").write_text("alan's")
    (directory / "file").symlink_to(tmp_path / "outside/secret.txt")
    (directory / "folder").symlink_to(tmp_path / "outside")
    (copy_id,) = share(site, original, grace)
    run_tasks()
    made = copy_directory(site, copy_id)
    assert (made / "file").readlink() == tmp_path / "outside/secret.txt"
    assert (made / "folder").readlink() == tmp_path / "outside"
    assert of_copy(copy_id).copy.disk_space_bytes == original.disk_space_bytes


def test_hidden_entries_devices_and_set_id_bits_stay_behind(
    site: Site, original: Workspace, directory: Path, grace: User, run_tasks: RunTasks
) -> None:
    (directory / ".hidden").mkdir()
    (directory / ".hidden/file").write_text("hidden")
    (directory / ".env").write_text("TOKEN=secret")
    (directory / "notes/.two").symlink_to("one.txt")
    os.mkfifo(directory / "fifo")
    os.mknod(directory / "socket", stat.S_IFSOCK | 0o600)
    (directory / "program").write_text("#!/bin/sh\n")
    (directory / "program").chmod(0o6755)
    (copy_id,) = share(site, original, grace)
    run_tasks()
    made = copy_directory(site, copy_id)
    assert sorted(tree(made)) == ["notes", "notes/one.txt", "program", "two.txt"]
    assert stat.S_IMODE((made / "program").stat().st_mode) == 0o755


def test_a_file_keeps_its_time_and_is_never_shared_by_a_hard_link(
    site: Site, original: Workspace, directory: Path, grace: User, run_tasks: RunTasks
) -> None:
    os.utime(directory / "two.txt", ns=(10**18, 1_234_567_890_123_456_789))
    (copy_id,) = share(site, original, grace)
    run_tasks()
    about = (copy_directory(site, copy_id) / "two.txt").stat()
    assert about.st_mtime_ns == 1_234_567_890_123_456_789
    assert about.st_nlink == 1
    assert about.st_ino != (directory / "two.txt").stat().st_ino


def test_names_that_are_not_utf_8_are_copied_as_they_are(
    site: Site, original: Workspace, directory: Path, grace: User, run_tasks: RunTasks
) -> None:
    odd = os.fsencode(directory) + b"/caf\xe9"
    os.mkdir(odd)
    with open(odd + b"/\xff\xfe", "wb") as file:
        file.write(b"odd")
    os.symlink(b"\xf0 there", odd + b"/link")
    (copy_id,) = share(site, original, grace)
    run_tasks()
    made = os.fsencode(copy_directory(site, copy_id)) + b"/caf\xe9"
    assert sorted(os.listdir(made)) == [b"link", b"\xff\xfe"]
    assert os.readlink(made + b"/link") == b"\xf0 there"


def test_a_thousand_small_files_are_copied(
    site: Site, original: Workspace, directory: Path, grace: User, run_tasks: RunTasks
) -> None:
    for number in range(1000):
        folder = directory / f"d{number % 10}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.txt").write_text(str(number))
    (copy_id,) = share(site, original, grace)
    run_tasks()
    made = tree(copy_directory(site, copy_id))
    assert made == tree(directory)
    share_row = of_copy(copy_id)
    assert (share_row.copied_files, share_row.copied_bytes) == (1000 + 2 + 11, 2890 + 7)


def test_a_deep_tree_is_copied(
    site: Site, original: Workspace, directory: Path, grace: User, run_tasks: RunTasks
) -> None:
    deep = directory / "/".join(["d"] * 300)
    deep.mkdir(parents=True)
    (deep / "file").write_text("deep")
    (copy_id,) = share(site, original, grace)
    run_tasks()
    assert (copy_directory(site, copy_id) / deep.relative_to(directory) / "file").read_text() == "deep"


# While it is copied


def test_a_recipient_who_declines_ends_the_copying(
    site: Site, original: Workspace, grace: User, run_tasks: RunTasks, during_the_copy: During
) -> None:
    (copy_id,) = share(site, original, grace)
    made = copy_directory(site, copy_id)
    seen = []

    def decline() -> None:
        seen.append(sorted(path.name for path in made.iterdir()))
        site.sharing.delete(grace.as_person(), copy_id)

    during_the_copy(decline)
    tasks = run_tasks()
    assert seen == [["notes", "two.txt"]]
    assert tasks[0] == "sharing.copy"
    assert set(tasks[1:]) == {"workspaces.remove"}
    assert not made.exists()
    assert list(Workspace.objects.all()) == [original]


def test_a_copy_that_somebody_else_has_taken_over_is_let_alone(
    site: Site, original: Workspace, grace: User, run_tasks: RunTasks, during_the_copy: During
) -> None:
    (copy_id,) = share(site, original, grace)

    def take_over() -> None:
        Workspace.objects.filter(pk=copy_id).update(lease_holder="elsewhere/0/1/1")

    during_the_copy(take_over)
    run_tasks()
    copy = of_copy(copy_id).copy
    assert (copy.status, copy.lease_holder) == ("initializing", "elsewhere/0/1/1")


@pytest.mark.parametrize("instead", ["nothing", "link", "directory", "fifo"])
def test_what_goes_while_it_is_copied_is_left_out(
    site: Site,
    original: Workspace,
    directory: Path,
    grace: User,
    run_tasks: RunTasks,
    during_the_copy: During,
    instead: str,
) -> None:
    def change() -> None:
        path = directory / "notes/one.txt"
        path.unlink()
        if instead == "link":
            path.symlink_to("/etc/passwd")
        elif instead == "directory":
            path.mkdir()
        elif instead == "fifo":
            os.mkfifo(path)

    during_the_copy(change)
    (copy_id,) = share(site, original, grace)
    run_tasks()
    assert of_copy(copy_id).copy.status == "idle"
    assert tree(copy_directory(site, copy_id)) == {"notes": "directory", "two.txt": "2"}


def test_a_directory_exchanged_for_a_link_is_not_followed(
    site: Site,
    original: Workspace,
    directory: Path,
    grace: User,
    run_tasks: RunTasks,
    during_the_copy: During,
    tmp_path: Path,
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/one.txt").write_text("alan's")

    def exchange() -> None:
        (directory / "notes").rename(directory / ".away")
        (directory / "notes").symlink_to(tmp_path / "outside")

    during_the_copy(exchange)
    (copy_id,) = share(site, original, grace)
    run_tasks()
    assert "alan's" not in tree(copy_directory(site, copy_id)).values()
    assert of_copy(copy_id).copy.status == "idle"


def test_an_original_deleted_while_it_is_copied_goes_after_the_copy(
    site: Site, ada: User, original: Workspace, grace: User, run_tasks: RunTasks, during_the_copy: During
) -> None:
    (copy_id,) = share(site, original, grace)

    def delete() -> None:
        site.sharing.accept(grace.as_person(), copy_id)
        site.workspaces.delete(ada.as_person(), original.pk)
        site.workspaces.remove(original.pk)

    during_the_copy(delete)
    run_tasks()
    assert len(tree(copy_directory(site, copy_id))) == 3
    found: Any = site.workspaces.get(grace.as_person(), copy_id)[0]
    assert found["status"] == "idle"
    assert not Workspace.objects.filter(pk=original.pk).exists()


def test_a_copy_that_is_accepted_early_takes_no_changes_until_it_is_whole(
    site: Site, original: Workspace, grace: User
) -> None:
    (copy_id,) = share(site, original, grace)
    site.sharing.accept(grace.as_person(), copy_id)
    found: Any = site.workspaces.get(grace.as_person(), copy_id)[0]
    assert found["status"] == "initializing"
    with pytest.raises(Exception, match="is being made"):
        site.workspaces.update(grace.as_person(), copy_id, {"name": "Mine"})


def test_progress_is_told_to_both_sides_while_bytes_move(
    site: Site, original: Workspace, grace: User, run_tasks: RunTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "HEARTBEAT_SECONDS", 0)
    monkeypatch.setattr(copies, "TELL_SECONDS", 0)
    share(site, original, grace)
    run_tasks()
    told = list(Event.objects.filter(kind="share.copying", owner_id=grace.pk).order_by("id"))
    assert [event.payload["files"] for event in told] == sorted(event.payload["files"] for event in told)
    assert told[-1].payload["bytes"] == 7
    assert Event.objects.filter(kind="share.copying", owner_id=original.owner_id).count() == len(told)


def test_progress_of_a_quick_copy_floods_no_log(
    site: Site, original: Workspace, grace: User, run_tasks: RunTasks
) -> None:
    share(site, original, grace)
    run_tasks()
    assert not Event.objects.filter(kind="share.copying").exists()


# Interrupted and failed copies


def test_a_copy_whose_maker_was_killed_is_made_anew_by_the_sweep(
    site: Site,
    original: Workspace,
    directory: Path,
    grace: User,
    run_tasks: RunTasks,
    during_the_copy: During,
) -> None:
    (copy_id,) = share(site, original, grace)
    during_the_copy(killed)
    with pytest.raises(Killed):
        run_tasks()
    site.sharing.sweep()
    assert run_tasks() == [], "its maker may still be alive"
    leave_as_a_killed_maker_does(copy_id)
    (directory / "two.txt").unlink()
    site.workspaces.sweep()
    site.sharing.sweep()
    site.sharing.sweep()
    assert run_tasks() == ["sharing.copy"]
    assert of_copy(copy_id).copy.status == "idle"
    assert sorted(tree(copy_directory(site, copy_id))) == ["notes", "notes/one.txt"]


def test_a_copy_is_finished_after_its_maker_was_really_killed(
    transactional_db: None, config: dict[str, Any], data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(config, data_directory)
    ada = site.accounts.create("ada", "ada@example.org")
    grace = site.accounts.create("grace", "grace@example.org")
    files = [{"name": f"{number}.txt", "content": "x"} for number in range(20)]
    body = {"name": "", "description": "", "workspace_details": {"files": files}}
    made: Any = site.workspaces.create(ada.as_person(), body)
    (copy_id,) = share(site, Workspace.objects.get(pk=made["id"]), grace)
    drop_queue()
    connections.close_all()
    child = os.fork()
    if child == 0:
        write = WorkspaceFiles.write_from

        def die_at_the_tenth(self: Any, name: str, *arguments: Any, **more: Any) -> int:
            if name == "10.txt":
                os.kill(os.getpid(), signal.SIGKILL)
            return write(self, name, *arguments, **more)

        monkeypatch.setattr(WorkspaceFiles, "write_from", die_at_the_tenth)
        try:
            site.tasks.run("sharing.copy", copy_id)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert of_copy(copy_id).copy.status == "initializing"
    assert 0 < len(tree(copy_directory(site, copy_id))) < 20
    site.sharing.sweep()
    assert drain_queue(site) == ["sharing.copy"]
    assert of_copy(copy_id).copy.status == "idle"
    assert len(tree(copy_directory(site, copy_id))) == 20


def test_a_copy_whose_task_got_lost_is_queued_again_but_not_each_minute(
    site: Site, original: Workspace, grace: User, run_tasks: RunTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copy_id,) = share(site, original, grace)
    drop_queue()
    site.sharing.sweep()
    assert run_tasks() == []
    later = timezone.now() + copies.REQUEUE
    monkeypatch.setattr(timezone, "now", lambda: later)
    site.sharing.sweep()
    site.sharing.sweep()
    assert run_tasks() == ["sharing.copy"]
    assert of_copy(copy_id).copy.status == "idle"


def test_the_sweep_of_workspaces_leaves_copies_alone(
    site: Site, original: Workspace, grace: User, run_tasks: RunTasks
) -> None:
    (copy_id,) = share(site, original, grace)
    site.sharing.accept(grace.as_person(), copy_id)
    site.workspaces.sweep()
    run_tasks()
    assert of_copy(copy_id).copy.status == "idle"


def test_a_copy_that_ends_its_maker_each_time_is_given_up(
    site: Site, original: Workspace, grace: User, run_tasks: RunTasks, during_the_copy: During
) -> None:
    (copy_id,) = share(site, original, grace)
    for _ in range(copies.MOST_ATTEMPTS):
        during_the_copy(killed)
        with pytest.raises(Killed):
            run_tasks()
        leave_as_a_killed_maker_does(copy_id)
        site.sharing.sweep()
    run_tasks()
    copy = of_copy(copy_id).copy
    assert copy.status == "error"
    assert "interrupted 5 times" in copy.status_message
    assert not copy_directory(site, copy_id).exists()


def test_a_full_disk_is_told_to_both_sides_and_leaves_nothing(
    site: Site,
    ada: User,
    original: Workspace,
    grace: User,
    run_tasks: RunTasks,
    during_the_copy: During,
) -> None:
    def full() -> None:
        raise NoSpaceError("'notes/one.txt' could not be written: the disk is full.")

    (copy_id,) = share(site, original, grace)
    during_the_copy(full)
    run_tasks()
    copy = of_copy(copy_id).copy
    assert copy.status == "error"
    assert copy.status_message == (
        "The copy could not be made: 'notes/one.txt' could not be written: the disk is full."
    )
    assert not copy_directory(site, copy_id).exists()
    for person in (ada, grace):
        event = Event.objects.get(kind="share.failed", owner_id=person.pk)
        assert "the disk is full" in event.payload["message"]
    site.sharing.delete(ada.as_person(), copy_id)
    run_tasks()
    assert list(Workspace.objects.all()) == [original]


def test_a_file_that_its_owner_may_not_read_ends_the_copy_with_its_name(
    site: Site, original: Workspace, grace: User, run_tasks: RunTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    from uws.agent.errors import PermissionRefusedError

    def refused(self: Any, name: str) -> int:
        raise PermissionRefusedError(f"{name!r} may not be used: permission denied.")

    monkeypatch.setattr(WorkspaceFiles, "open_file", refused)
    (copy_id,) = share(site, original, grace)
    run_tasks()
    assert "'two.txt' may not be used" in of_copy(copy_id).copy.status_message


def test_a_directory_with_too_many_entries_is_never_copied_in_part(
    site: Site, original: Workspace, grace: User, run_tasks: RunTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "DIRECTORY_LIMIT", 1)
    (copy_id,) = share(site, original, grace)
    run_tasks()
    assert "more than 1 entries" in of_copy(copy_id).copy.status_message


def test_a_storage_that_is_away_puts_the_copy_off(
    site: Site, original: Workspace, grace: User, run_tasks: RunTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = site.storages["local"].root
    away = root.with_name("unmounted")
    root.rename(away)
    (copy_id,) = share(site, original, grace)
    run_tasks()
    assert of_copy(copy_id).copy.status == "initializing"
    away.rename(root)
    later = timezone.now() + copies.RETRY_AFTER
    monkeypatch.setattr(timezone, "now", lambda: later)
    site.sharing.sweep()
    run_tasks()
    assert of_copy(copy_id).copy.status == "idle"


def test_an_agent_that_dies_puts_the_copy_off(
    site: Site, original: Workspace, grace: User, run_tasks: RunTasks, during_the_copy: During
) -> None:
    def died() -> None:
        raise AgentDiedError("The program that works on the files ended unexpectedly.")

    (copy_id,) = share(site, original, grace)
    during_the_copy(died)
    run_tasks()
    copy = of_copy(copy_id).copy
    assert (copy.status, copy.lease_holder) == ("initializing", "")

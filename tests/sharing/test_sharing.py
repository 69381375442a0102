"""A share from sending to accepting, declining, cancelling, and what is left of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.sharing.steps import copy_directory, of_copy, share, tree

from uws.accounts.models import User
from uws.events.models import Event
from uws.sharing.models import Share
from uws.site import Site
from uws.workspaces.models import Workspace

RunTasks = Callable[[], list[str]]


def test_a_share_is_shown_to_both_sides_as_the_contract_has_it(
    site: Site, ada: User, original: Workspace, grace: User, run_tasks: RunTasks
) -> None:
    (copy_id,) = share(site, original, grace)
    run_tasks()
    sent, received = site.sharing.list(grace.as_person(), {})
    shown: Any = received[0]
    assert sent == []
    assert site.sharing.list(ada.as_person(), {}) == ([shown], [])
    assert site.sharing.get(grace.as_person(), copy_id) == ([], [shown])
    assert list(shown) == [
        "original_workspace_id",
        "shared_workspace_id",
        "last_resource_options",
        "last_job_type",
        "is_accepted",
        "datetime_share_created",
    ]
    assert (shown["last_resource_options"], shown["last_job_type"], shown["is_accepted"]) == ({}, "", False)
    assert len(shown["datetime_share_created"]) == len("2026-11-23T23:36:45.604123Z")
    copy = shown["shared_workspace_id"]
    assert list(copy) == ["id", "name", "description", "workspace_details", "user_id"]
    assert (copy["id"], copy["name"], copy["description"]) == (copy_id, "Cells", "First look.")
    assert copy["user_id"] == {
        "username": "grace",
        "first_name": "Grace",
        "last_name": "Hopper",
        "email": "grace@example.org",
    }
    assert shown["original_workspace_id"]["user_id"]["username"] == "ada"
    assert copy["workspace_details"] == {
        "request_workspace_details": original.request_details,
        "current_workspace_details": {
            "files": [{"name": "/notes/one.txt"}, {"name": "/two.txt"}],
            "symlinks": [],
        },
    }


def test_what_is_another_pairs_share_is_not_found(
    site: Site, original: Workspace, grace: User, alan: User
) -> None:
    (copy_id,) = share(site, original, grace)
    assert site.sharing.get(alan.as_person(), copy_id) == ([], [])
    assert site.sharing.get(alan.as_person(), 10**30) == ([], [])
    assert site.sharing.list(alan.as_person(), {}) == ([], [])


def test_the_newest_job_is_told_with_the_options_as_they_were_asked_for(
    site: Site, ada: User, original: Workspace, grace: User
) -> None:
    options = {"num_cpus": 2, "time_limit_minutes": 5}
    site.jobs.start(ada.as_person(), original.pk, {"job_type": "brief"})
    site.jobs.start(ada.as_person(), original.pk, {"job_type": "sleeper", "resource_options": options})
    (copy_id,) = share(site, original, grace)
    shown: Any = site.sharing.get(grace.as_person(), copy_id)[1][0]
    assert (shown["last_job_type"], shown["last_resource_options"]) == ("sleeper", options)


def test_an_accepted_copy_is_an_ordinary_workspace(
    site: Site, ada: User, original: Workspace, grace: User, run_tasks: RunTasks
) -> None:
    (copy_id,) = share(site, original, grace)
    run_tasks()
    shared = of_copy(copy_id).copy.created
    site.sharing.accept(grace.as_person(), copy_id)
    found: Any = site.workspaces.get(grace.as_person(), copy_id)[0]
    assert found["status"] == "idle"
    assert of_copy(copy_id).copy.created > shared
    site.workspaces.update(grace.as_person(), copy_id, {"name": "Mine"})
    assert site.workspaces.get(ada.as_person(), original.pk)[0]["name"] == "Cells"
    site.workspaces.delete(grace.as_person(), copy_id)
    run_tasks()
    assert not Share.objects.exists()
    assert list(Workspace.objects.all()) == [original]


def test_accepting_again_changes_nothing(
    site: Site, original: Workspace, grace: User, run_tasks: RunTasks
) -> None:
    (copy_id,) = share(site, original, grace)
    run_tasks()
    site.sharing.accept(grace.as_person(), copy_id)
    once = site.workspaces.get(grace.as_person(), copy_id)
    site.sharing.accept(grace.as_person(), copy_id)
    assert site.workspaces.get(grace.as_person(), copy_id) == once


@pytest.mark.parametrize(("who", "kind"), [("ada", "share.cancelled"), ("grace", "share.declined")])
def test_a_share_that_either_side_ends_goes_with_its_copy(
    site: Site, original: Workspace, grace: User, run_tasks: RunTasks, who: str, kind: str
) -> None:
    (copy_id,) = share(site, original, grace)
    run_tasks()
    directory = copy_directory(site, copy_id)
    assert tree(directory)
    person = User.objects.get(username=who).as_person()
    site.sharing.delete(person, copy_id)
    assert site.sharing.list(grace.as_person(), {}) == ([], [])
    site.sharing.delete(person, copy_id)
    assert run_tasks() == ["workspaces.remove"]
    assert not directory.exists()
    assert list(Workspace.objects.all()) == [original]
    assert Event.objects.filter(kind=kind, actor=who).count() == 2


def test_a_share_can_be_ended_before_its_copy_is_begun(
    site: Site, ada: User, original: Workspace, grace: User, run_tasks: RunTasks
) -> None:
    (copy_id,) = share(site, original, grace)
    site.sharing.delete(ada.as_person(), copy_id)
    run_tasks()
    assert not Share.objects.exists()
    assert list(Workspace.objects.all()) == [original]


def test_a_share_outlives_its_original(
    site: Site, ada: User, original: Workspace, grace: User, run_tasks: RunTasks
) -> None:
    (copy_id,) = share(site, original, grace)
    run_tasks()
    site.sharing.accept(grace.as_person(), copy_id)
    site.workspaces.delete(ada.as_person(), original.pk)
    run_tasks()
    for person, side in ((ada, 0), (grace, 1)):
        shown: Any = site.sharing.get(person.as_person(), copy_id)[side][0]
        assert shown["original_workspace_id"] is None
    assert tree(copy_directory(site, copy_id))


def test_one_can_share_with_oneself(site: Site, ada: User, original: Workspace, run_tasks: RunTasks) -> None:
    (copy_id,) = share(site, original, ada)
    run_tasks()
    sent, received = site.sharing.get(ada.as_person(), copy_id)
    assert sent == received != []
    site.sharing.accept(ada.as_person(), copy_id)
    assert len(site.workspaces.list(ada.as_person(), {})) == 2


def test_a_copy_that_was_not_accepted_yet_can_be_shared_on(
    site: Site, original: Workspace, grace: User, alan: User, run_tasks: RunTasks
) -> None:
    (first,) = share(site, original, grace)
    run_tasks()
    (second,) = share(site, Workspace.objects.get(pk=first), alan)
    run_tasks()
    assert tree(copy_directory(site, second)) == tree(copy_directory(site, first))


def test_each_recipient_gets_a_copy_of_their_own(
    site: Site, original: Workspace, grace: User, alan: User, run_tasks: RunTasks
) -> None:
    first, second = share(site, original, grace, alan)
    run_tasks()
    (copy_directory(site, first) / "two.txt").write_text("changed")
    assert (copy_directory(site, second) / "two.txt").read_text() == "2"


def test_both_sides_hear_what_happens_with_names_that_outlive_it(
    site: Site, ada: User, original: Workspace, grace: User, run_tasks: RunTasks
) -> None:
    (copy_id,) = share(site, original, grace)
    run_tasks()
    site.sharing.accept(grace.as_person(), copy_id)
    site.workspaces.delete(grace.as_person(), copy_id)
    run_tasks()
    for person in (ada, grace):
        events = Event.objects.filter(subject=f"shares/{copy_id}", owner_id=person.pk).order_by("id")
        assert [event.kind for event in events] == ["share.created", "share.ready", "share.accepted"]
        assert events[0].payload == {
            "workspace": "Cells",
            "original_id": original.pk,
            "sender": "ada",
            "recipient": "grace",
        }

"""What is refused about shares, in the contract's order and words (§7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.sharing.steps import of_copy, share

from uws.accounts.authentication.base import DirectoryUnreachable, PermissionRefused
from uws.accounts.models import User
from uws.refusals import BadRequest, NotFound, Refusal, Unavailable
from uws.sharing.models import Share
from uws.site import Site
from uws.workspaces.models import Workspace

MISSING = "Missing required fields."
NO_LIST = "shared_user_ids is not a list."
NO_USER = "Invalid user id provided."


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ([], 400, MISSING),
        (None, 400, MISSING),
        ("text", 400, MISSING),
        ({}, 400, MISSING),
        ({"original_workspace_id": "{id}"}, 400, MISSING),
        ({"shared_user_ids": []}, 400, MISSING),
        ({"original_workspace_id": "abc", "shared_user_ids": 1}, 404, "Workspace abc not found for user."),
        ({"original_workspace_id": 0, "shared_user_ids": []}, 404, "Workspace 0 not found for user."),
        ({"original_workspace_id": -1, "shared_user_ids": []}, 404, "Workspace -1 not found for user."),
        ({"original_workspace_id": True, "shared_user_ids": []}, 404, "Workspace True not found for user."),
        ({"original_workspace_id": 1.5, "shared_user_ids": []}, 404, "Workspace 1.5 not found for user."),
        ({"original_workspace_id": None, "shared_user_ids": []}, 404, "Workspace None not found for user."),
        (
            {"original_workspace_id": 10**30, "shared_user_ids": []},
            404,
            f"Workspace {10**30} not found for user.",
        ),
        ({"original_workspace_id": "{id}", "shared_user_ids": "{grace}"}, 400, NO_LIST),
        ({"original_workspace_id": "{id}", "shared_user_ids": None}, 400, NO_LIST),
        ({"original_workspace_id": "{id}", "shared_user_ids": [987654321]}, 400, NO_USER),
        ({"original_workspace_id": "{id}", "shared_user_ids": ["{grace}", "{grace}"]}, 400, NO_USER),
        ({"original_workspace_id": "{id}", "shared_user_ids": ["grace"]}, 400, NO_USER),
        ({"original_workspace_id": "{id}", "shared_user_ids": [True]}, 400, NO_USER),
        ({"original_workspace_id": "{id}", "shared_user_ids": [1.0]}, 400, NO_USER),
        ({"original_workspace_id": "{id}", "shared_user_ids": [None, {}]}, 400, NO_USER),
        ({"original_workspace_id": "{id}", "shared_user_ids": [10**30]}, 400, NO_USER),
        ({"original_workspace_id": "{id}", "shared_user_ids": ["{client}"]}, 400, NO_USER),
        ({"original_workspace_id": "{id}", "shared_user_ids": ["{locked}"]}, 400, NO_USER),
        ({"original_workspace_id": "{id}", "shared_user_ids": ["{admin}"]}, 400, NO_USER),
    ],
)
def test_a_share_that_cannot_be_is_refused_and_leaves_nothing(
    site: Site, ada: User, grace: User, original: Workspace, body: Any, status: int, message: str
) -> None:
    ids = {
        "id": original.pk,
        "grace": grace.pk,
        "client": site.accounts.create("portal", "portal@example.org", api_client=True).pk,
        "locked": site.accounts.create("locked", "locked@example.org").pk,
        "admin": site.accounts.create("admin", "admin@example.org", administrator=True).pk,
    }
    User.objects.filter(username="locked").update(is_active=False)
    with pytest.raises(Refusal) as refused:
        site.sharing.create(ada.as_person(), filled(body, ids))
    assert (refused.value.status, refused.value.message) == (status, message)
    assert not Share.objects.exists()
    assert Workspace.objects.count() == 1


def filled(value: Any, ids: dict[str, int]) -> Any:
    """Put ids where their names stand in braces."""
    if isinstance(value, dict):
        return {key: filled(member, ids) for key, member in value.items()}
    if isinstance(value, list):
        return [filled(member, ids) for member in value]
    if isinstance(value, str) and value.startswith("{"):
        return ids[value.strip("{}")]
    return value


def test_anothers_workspace_is_refused_like_one_that_does_not_exist(
    site: Site, original: Workspace, grace: User, ada: User
) -> None:
    with pytest.raises(NotFound, match=f"Workspace {original.pk} not found for user."):
        share(site, original, ada, sender=grace)


def test_ids_may_be_sent_as_their_digits(site: Site, ada: User, grace: User, original: Workspace) -> None:
    body = {"original_workspace_id": str(original.pk), "shared_user_ids": [str(grace.pk)]}
    assert len(site.sharing.create(ada.as_person(), body)) == 1


def test_sharing_with_nobody_shares_nothing(site: Site, original: Workspace) -> None:
    assert share(site, original) == []


def test_who_has_no_account_on_the_storage_is_refused_by_name(
    site: Site, original: Workspace, grace: User, alan: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = site.storages["local"].authentication
    known = method.account_for

    def account_for(person: Any, account: Any) -> Any:
        if person.username == "alan":
            raise PermissionRefused("no such account")
        return known(person, account)

    monkeypatch.setattr(method, "account_for", account_for)
    with pytest.raises(
        BadRequest, match=r"^User Alan Turing does not have permission on the file system\.$"
    ) as refused:
        share(site, original, grace, alan)
    assert refused.value.errors[0].pointer == "/shared_user_ids/1"
    assert not Share.objects.exists()


def test_an_unreachable_directory_is_no_refusal(
    site: Site, original: Workspace, grace: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(person: Any, account: Any) -> Any:
        raise DirectoryUnreachable("the directory is away")

    monkeypatch.setattr(site.storages["local"].authentication, "account_for", away)
    with pytest.raises(Unavailable, match="the directory is away"):
        share(site, original, grace)


@pytest.mark.parametrize("status", ["initializing", "deleting", "error"])
def test_a_workspace_that_is_not_whole_is_not_shared(
    site: Site, original: Workspace, grace: User, status: str
) -> None:
    Workspace.objects.filter(pk=original.pk).update(status=status)
    with pytest.raises(BadRequest, match=f"Workspace {original.pk} is {status}: it cannot be shared now."):
        share(site, original, grace)


@pytest.mark.parametrize("act", ["accept", "delete"])
def test_a_share_that_is_not_ones_own_does_not_exist(
    site: Site, original: Workspace, grace: User, alan: User, act: str
) -> None:
    (copy_id,) = share(site, original, grace)
    for person, number in ((alan, copy_id), (alan, 987654321), (grace, original.pk), (grace, 10**30)):
        with pytest.raises(NotFound, match=f"^Shared workspace {number} not found.$"):
            getattr(site.sharing, act)(person.as_person(), number)


def test_a_sender_accepts_nothing(site: Site, ada: User, original: Workspace, grace: User) -> None:
    (copy_id,) = share(site, original, grace)
    with pytest.raises(NotFound, match=f"Shared workspace {copy_id} not found."):
        site.sharing.accept(ada.as_person(), copy_id)


def test_an_accepted_share_is_neither_cancelled_nor_declined(
    site: Site, ada: User, original: Workspace, grace: User, run_tasks: Callable[[], list[str]]
) -> None:
    (copy_id,) = share(site, original, grace)
    run_tasks()
    site.sharing.accept(grace.as_person(), copy_id)
    for person in (ada, grace):
        with pytest.raises(
            BadRequest, match=f"Shared workspace {copy_id} has been accepted and cannot be deleted."
        ):
            site.sharing.delete(person.as_person(), copy_id)
    assert of_copy(copy_id).copy.status == "idle"


def test_an_accepted_share_without_its_original_is_refused_alike(
    site: Site, ada: User, original: Workspace, grace: User, run_tasks: Callable[[], list[str]]
) -> None:
    (copy_id,) = share(site, original, grace)
    run_tasks()
    site.sharing.accept(grace.as_person(), copy_id)
    site.workspaces.delete(ada.as_person(), original.pk)
    run_tasks()
    with pytest.raises(BadRequest, match="has been accepted and cannot be deleted"):
        site.sharing.delete(ada.as_person(), copy_id)


def test_a_copy_that_could_not_be_made_is_not_accepted(site: Site, original: Workspace, grace: User) -> None:
    (copy_id,) = share(site, original, grace)
    Workspace.objects.filter(pk=copy_id).update(status="error", status_message="The disk is full.")
    with pytest.raises(BadRequest, match=f"Shared workspace {copy_id} cannot be accepted. The disk is full."):
        site.sharing.accept(grace.as_person(), copy_id)


@pytest.mark.parametrize(
    ("sent", "count"),
    [
        *[(text, 1) for text in ("True", "true", "TRUE", "1", "t", "T")],
        *[(text, 2) for text in ("False", "false", "0", "f", "F")],
    ],
)
def test_shares_are_filtered_by_acceptance_in_any_case(
    site: Site, ada: User, original: Workspace, grace: User, alan: User, sent: str, count: int
) -> None:
    first, *_ = share(site, original, grace, alan, ada)
    site.sharing.accept(grace.as_person(), first)
    assert len(site.sharing.list(ada.as_person(), {"is_accepted": sent})[0]) == count


@pytest.mark.parametrize("sent", ["", "yes", "2", "Truee", "None"])
def test_another_filter_value_is_refused(site: Site, ada: User, sent: str) -> None:
    with pytest.raises(BadRequest, match="expected true or false"):
        site.sharing.list(ada.as_person(), {"is_accepted": sent})


def test_a_pending_copy_is_no_workspace_of_its_recipient(
    site: Site, original: Workspace, grace: User, run_tasks: Callable[[], list[str]]
) -> None:
    (copy_id,) = share(site, original, grace)
    run_tasks()
    person = grace.as_person()
    assert site.workspaces.list(person, {}) == []
    assert site.workspaces.get(person, copy_id) == []
    for act in (
        lambda: site.workspaces.update(person, copy_id, {}),
        lambda: site.workspaces.upload(person, copy_id, []),
        lambda: site.workspaces.delete(person, copy_id),
        lambda: site.jobs.start(person, copy_id, {"job_type": "brief"}),
    ):
        with pytest.raises(
            BadRequest, match=f"Workspace {copy_id} is a shared workspace and has not been accepted."
        ):
            act()


def test_an_original_is_not_deleted_while_a_share_waits(
    site: Site, ada: User, original: Workspace, grace: User, run_tasks: Callable[[], list[str]]
) -> None:
    (copy_id,) = share(site, original, grace)
    site.jobs.start(ada.as_person(), original.pk, {"job_type": "sleeper"})
    # Said before the running job is: the contract's order.
    message = (
        f"Workspace {original.pk} has shared workspaces associated with it, that have not yet been accepted."
    )
    with pytest.raises(BadRequest, match=message):
        site.workspaces.delete(ada.as_person(), original.pk)
    site.sharing.delete(ada.as_person(), copy_id)
    with pytest.raises(BadRequest, match="jobs are running"):
        site.workspaces.delete(ada.as_person(), original.pk)

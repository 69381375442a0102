"""Shares in the console: sending, looking into, accepting, declining, taking back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from tests.console.conftest import BrowserFor
from tests.console.pages import text_of
from uws.accounts.models import User
from uws.sharing.models import Share
from uws.site import Site
from uws.workspaces.models import Workspace

RunTasks = Callable[[], list[str]]


@pytest.fixture
def shared(site: Site, ada: User, grace: User, workspace: Workspace, run_tasks: RunTasks) -> Share:
    """Ada's workspace, shared with Grace; the copy is ready."""
    body = {"original_workspace_id": workspace.pk, "shared_user_ids": [grace.pk]}
    site.sharing.create(ada.as_person(), body)
    run_tasks()
    return Share.objects.get()


def test_a_workspace_is_sent_to_people_who_are_searched_one_after_the_other(
    site: Site, browser: Client, workspace: Workspace, grace: User
) -> None:
    alan = site.accounts.create("alan", "alan@example.org", first_name="Alan", last_name="Turing")
    address = f"/console/workspaces/{workspace.pk}/share/"
    assert "Grace Hopper" in text_of(browser.get(address))
    page = text_of(browser.post(address, {"action": "search", "search": "hopper"}))
    assert "grace@example.org" in page
    assert "Turing" not in page
    form = {"action": "search", "search": "turing", "people": [str(grace.pk)]}
    page = text_of(browser.post(address, form))
    assert f'value="{grace.pk}" checked' in page
    assert f'value="{alan.pk}">' in page
    assert not Share.objects.exists()
    response = browser.post(address, {"action": "send", "people": [str(grace.pk), str(alan.pk)]})
    assert response["Location"] == "/console/shares/"
    assert set(Share.objects.values_list("recipient__username", flat=True)) == {"grace", "alan"}
    page = text_of(browser.get("/console/shares/"))
    assert "is being copied for Grace Hopper, Alan Turing" in page
    assert "The copy is being made." in page
    assert "has a copy of it waiting already" in text_of(browser.get(address))


@pytest.mark.parametrize("people", [[], ["x"], ["987654321"], ["9" * 40], ["-1"]])
def test_nobody_in_particular_gets_nothing(browser: Client, workspace: Workspace, people: list[str]) -> None:
    response = browser.post(
        f"/console/workspaces/{workspace.pk}/share/", {"action": "send", "people": people}
    )
    assert response.status_code == 400
    assert "Choose at least one person." in text_of(response)
    assert not Share.objects.exists()


def test_a_refusal_keeps_who_was_chosen(browser: Client, workspace: Workspace, grace: User) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(status="error")
    form = {"action": "send", "people": [str(grace.pk)]}
    response = browser.post(f"/console/workspaces/{workspace.pk}/share/", form)
    assert response.status_code == 400
    assert "cannot be shared now" in text_of(response)
    assert f'value="{grace.pk}" checked' in text_of(response)


def test_a_search_that_finds_nobody_says_so(browser: Client, workspace: Workspace, grace: User) -> None:
    form = {"action": "search", "search": "<nobody>"}
    page = text_of(browser.post(f"/console/workspaces/{workspace.pk}/share/", form))
    assert "Nobody here matches “&lt;nobody&gt;”." in page


def test_a_recipient_sees_an_invitation_and_looks_into_it(
    browser_for: BrowserFor, grace: User, shared: Share
) -> None:
    client = browser_for(grace)
    home = text_of(client.get("/console/"))
    assert "Shared with you" in home
    assert f"/console/shares/{shared.copy_id}/" in home
    assert f"/console/workspaces/{shared.copy_id}/" not in home
    page = text_of(client.get(f"/console/shares/{shared.copy_id}/"))
    for expected in ("Ada Lovelace", "First look.", "plan.md", "Accept", "Decline"):
        assert expected in page


def test_a_pending_copy_has_no_page_among_the_workspaces(
    browser_for: BrowserFor, grace: User, shared: Share
) -> None:
    client = browser_for(grace)
    for part in ("", "edit/", "share/", "start/", "delete/"):
        assert client.get(f"/console/workspaces/{shared.copy_id}/{part}").status_code == 404


def test_a_recipient_accepts_and_works_in_it(
    browser_for: BrowserFor, browser: Client, grace: User, shared: Share
) -> None:
    client = browser_for(grace)
    response = client.post(f"/console/shares/{shared.copy_id}/accept/")
    assert response["Location"] == f"/console/workspaces/{shared.copy_id}/"
    assert "The workspace is yours now." in text_of(client.get(response["Location"]))
    assert "Shared with you" not in text_of(client.get("/console/"))
    sent = text_of(browser.get(f"/console/shares/{shared.copy_id}/"))
    assert "Accepted" in sent
    assert "Take back" not in sent


def test_a_recipient_declines(
    browser_for: BrowserFor, grace: User, shared: Share, run_tasks: RunTasks
) -> None:
    client = browser_for(grace)
    response = client.post(f"/console/shares/{shared.copy_id}/end/")
    assert response["Location"] == "/console/shares/"
    page = text_of(client.get("/console/shares/"))
    assert "“Blood cells” was declined." in page
    assert "Nothing is shared yet." in page
    run_tasks()
    assert client.get(f"/console/shares/{shared.copy_id}/").status_code == 404


def test_a_sender_takes_it_back_and_cannot_accept_it(browser: Client, shared: Share) -> None:
    page = text_of(browser.get(f"/console/shares/{shared.copy_id}/"))
    assert "Take back" in page
    assert "accept-share" not in page
    assert "plan.md" not in page, "the copy is its recipient's"
    browser.post(f"/console/shares/{shared.copy_id}/accept/")
    shared.refresh_from_db()
    assert not shared.is_accepted
    browser.post(f"/console/shares/{shared.copy_id}/end/")
    assert "was taken back" in text_of(browser.get("/console/shares/"))


def test_a_copy_that_failed_says_why_to_both_sides(
    browser_for: BrowserFor, browser: Client, grace: User, shared: Share
) -> None:
    message = "The copy could not be made: the disk is full."
    Workspace.objects.filter(pk=shared.copy_id).update(status="error", status_message=message)
    for client in (browser, browser_for(grace)):
        for address in ("/console/shares/", f"/console/shares/{shared.copy_id}/"):
            page = text_of(client.get(address))
            assert message in page
            assert "accept-share" not in page


def test_progress_is_shown_while_it_is_copied(browser: Client, shared: Share) -> None:
    Workspace.objects.filter(pk=shared.copy_id).update(status="initializing")
    Share.objects.update(copied_files=1200, copied_bytes=3_000_000, expected_bytes=9_000_000)
    response = browser.get(f"/console/shares/{shared.copy_id}/?fragment=state")
    assert response["X-Console-Fragment"] == "1"
    assert "1200 entries, 3 MB of at most 9 MB so far." in text_of(response)


def test_a_workspace_with_a_waiting_share_says_so_instead_of_going(
    browser: Client, workspace: Workspace, shared: Share
) -> None:
    response = browser.post(f"/console/workspaces/{workspace.pk}/delete/", {"typed": workspace.name})
    assert response.status_code == 400
    assert "Please cancel those shares" in text_of(response)


def test_what_people_wrote_is_escaped(browser_for: BrowserFor, ada: User, grace: User, shared: Share) -> None:
    User.objects.filter(pk=ada.pk).update(first_name="<b>Ada")
    Workspace.objects.filter(pk=shared.copy_id).update(name="<script>", description="<img src=x>")
    client = browser_for(grace)
    for address in ("/console/", "/console/shares/", f"/console/shares/{shared.copy_id}/"):
        page = text_of(client.get(address))
        assert "<b>Ada" not in page
        assert "<img" not in page
        assert "&lt;script&gt;" in page

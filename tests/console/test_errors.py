from __future__ import annotations

import pytest
from django.test import Client

from tests.console.pages import text_of
from uws.console.middleware import CONTENT_SECURITY_POLICY
from uws.site import Site
from uws.workspaces.models import Workspace
from uws.workspaces.service import Workspaces


def test_a_mistake_of_ours_shows_no_stack_trace(
    browser: Client, site: Site, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> object:
        raise RuntimeError("the secret is 12345")

    monkeypatch.setattr(Workspaces, "collections", fail)
    response = browser.get(f"/console/workspaces/{workspace.pk}/link/")
    assert response.status_code == 500
    text = text_of(response)
    assert "Something went wrong on the server" in text
    assert "12345" not in text
    assert "Traceback" not in text
    assert response["Content-Security-Policy"] == CONTENT_SECURITY_POLICY


def test_a_form_that_is_cut_short_is_said_to_be_one(browser: Client) -> None:
    response = browser.post(
        "/console/workspaces/new/",
        b"--x\r\nContent-Disposition",
        content_type="multipart/form-data; boundary=",
    )
    assert response.status_code == 400
    assert "Traceback" not in text_of(response)


def test_no_page_has_inline_script_or_style(browser: Client, workspace: Workspace) -> None:
    for address in (
        "/console/",
        f"/console/workspaces/{workspace.pk}/",
        "/console/account/",
        "/console/none/",
    ):
        text = text_of(browser.get(address))
        assert "style=" not in text
        assert "<style" not in text
        assert "onclick" not in text
        assert all("src=" in tag for tag in text.split("<script")[1:])


def test_everything_a_page_loads_is_our_own(browser: Client) -> None:
    text = text_of(browser.get("/console/"))
    assert "//" not in text.replace("http://www.w3.org", "").split("<body>")[0]

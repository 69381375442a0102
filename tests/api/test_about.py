"""`/openapi.json`, `/docs` and `/problems/`: readable by everybody, from anywhere, with nothing from elsewhere."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from django.test import Client

from uws.api.openapi import document
from uws.api.problems import PROBLEMS, kind_of
from uws.api.urls import api
from uws.site import Site

PAGES = ["/openapi.json", "/docs", "/docs/", "/docs/style.css", "/problems/", "/problems/not-found"]


@pytest.fixture
def browser(site: Site) -> Client:
    """Nobody in particular."""
    return Client(**{"uws.site": site})  # type: ignore[arg-type]


class Seen(HTMLParser):
    """What a page loads, and the ids and links in it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href":
                (self.links if tag == "a" else self.loads).append(value or "")
            elif name in ("src", "style") or name.startswith("on"):
                self.loads.append(f"{tag} {name}={value}")


def seen(browser: Client, path: str) -> Seen:
    parser = Seen()
    parser.feed(browser.get(path, headers={"Accept": "text/html"}).content.decode())
    return parser


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_open_to_everybody_and_every_origin(browser: Client, path: str) -> None:
    response = browser.get(path)
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "script" not in response.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in response.headers
    again = browser.get(path, headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_only_read(browser: Client, path: str) -> None:
    response = browser.post(path)
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"
    assert json.loads(response.content)["success"] is False


def test_the_document_is_served_as_it_is(browser: Client) -> None:
    assert json.loads(browser.get("/openapi.json").content) == json.loads(json.dumps(document(api)))


def test_the_reference_loads_its_own_style_and_nothing_else(browser: Client) -> None:
    page = seen(browser, "/docs")
    assert page.loads == ["/docs/style.css"]
    assert "script" not in page.tags


def test_the_reference_has_every_operation_and_every_model_and_no_dead_link(browser: Client) -> None:
    page = seen(browser, "/docs")
    whole = document(api)
    operations = [each for methods in whole["paths"].values() for each in methods.values()]
    assert {each["operationId"] for each in operations} <= set(page.ids)
    assert {f"model-{name}" for name in whole["components"]["schemas"]} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    inside = {link.removeprefix("#") for link in page.links if link.startswith("#")}
    assert inside <= set(page.ids)


@pytest.mark.parametrize("kind", list(PROBLEMS))
def test_every_kind_of_refusal_has_its_page(browser: Client, kind: str) -> None:
    response = browser.get(f"/problems/{kind}")
    told = json.loads(response.content)
    assert told["type"] == f"/problems/{kind}"
    assert told["status"] == PROBLEMS[kind].status
    page = browser.get(f"/problems/{kind}", headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.headers["Content-Type"].startswith("text/html")
    assert PROBLEMS[kind].title in page.content.decode()


@pytest.mark.parametrize("kind", ["no-such-kind", "%C2%84", "a/b", "a%0Ab", "x" * 5000, "<script>"])
def test_an_unknown_kind_of_refusal_is_not_found(browser: Client, kind: str) -> None:
    response = browser.get(f"/problems/{kind}")
    assert response.status_code == 404
    assert json.loads(response.content)["type"] == "/problems/not-found"


def test_a_kind_that_is_not_in_the_table_cannot_be_told() -> None:
    with pytest.raises(ValueError, match="no-such-kind"):
        kind_of(400, "no-such-kind")
    with pytest.raises(ValueError, match="scope-missing"):
        kind_of(400, "scope-missing")


def test_names_of_kinds_are_plain_words() -> None:
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in PROBLEMS)

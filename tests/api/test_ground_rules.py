"""The contract's ground rules, asserted over every route: a new route without a row here fails."""

from __future__ import annotations

import pytest
from django.test import Client
from tests.api.calling import Caller

from uws.accounts.models import User
from uws.api import urls
from uws.server.api_paths import API_PREFIXES
from uws.site import Site

OPEN = None
ROUTES: dict[str, dict[str, str | None]] = {
    "/tokens/": {"POST": OPEN},
    "/workspaces/": {"GET": "read", "POST": "write"},
    "/workspaces/<int:workspace_id>/": {"GET": "read", "PUT": "write", "DELETE": "write"},
    "/workspaces/<int:workspace_id>/start/": {"PUT": "launch"},
    "/workspaces/<int:workspace_id>/upload/": {"PUT": "files"},
    "/workspaces/<int:workspace_id>/<str:put_type>/": {"PUT": "write"},
    "/jobs/": {"GET": "read"},
    "/jobs/<int:job_id>/": {"GET": "read"},
    "/jobs/<int:job_id>/log/": {"GET": "read"},
    "/jobs/<int:job_id>/stop/": {"PUT": "launch"},
    "/jobs/<int:job_id>/<str:put_type>/": {"PUT": "launch"},
    "/job_types/": {"GET": OPEN},
    "/parameters/": {"GET": OPEN},
    "/users/": {"GET": "read"},
    "/shared_workspaces/": {"GET": "read", "POST": "share"},
    "/shared_workspaces/<int:shared_workspace_id>/": {"GET": "read", "DELETE": "share"},
    "/shared_workspaces/<int:shared_workspace_id>/accept/": {"PUT": "share"},
    "/shared_workspaces/<int:shared_workspace_id>/<str:put_type>/": {"PUT": "share"},
    "/status/": {"GET": OPEN},
}
"""Each route's methods, and the scope that each needs."""

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "BREW")


def path_of(route: str) -> str:
    for converter in ("<int:workspace_id>", "<int:job_id>", "<int:shared_workspace_id>"):
        route = route.replace(converter, "77")
    return route.replace("<str:put_type>", "other")


OPERATIONS = [(method, path_of(route)) for route, methods in ROUTES.items() for method in methods]
PROTECTED = [
    (method, path_of(route), scope)
    for route, methods in ROUTES.items()
    for method, scope in methods.items()
    if scope is not OPEN
]
PATHS = [(path_of(route), methods) for route, methods in ROUTES.items()]
READS = [path_of(route) for route, methods in ROUTES.items() if "GET" in methods]


def test_every_route_has_a_row_here() -> None:
    served = {f"/{pattern.pattern}" for pattern in urls.urlpatterns[:-1]}
    assert served == set(ROUTES)


def test_the_front_knows_the_same_prefixes() -> None:
    assert set(urls.PREFIXES) == API_PREFIXES


@pytest.mark.parametrize(("path", "methods"), PATHS)
def test_a_method_that_a_path_does_not_have_is_refused_with_those_it_has(
    as_ada: Caller, path: str, methods: dict[str, str | None]
) -> None:
    allow = {*methods, "OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    for method in METHODS:
        if method in methods:
            continue
        answer = as_ada(method, path, {})
        assert answer.refusal == (405, f'Method "{method}" not allowed.')
        assert set(answer.headers["Allow"].split(", ")) == allow


@pytest.mark.parametrize(("path", "methods"), PATHS)
def test_options_tells_the_methods(as_ada: Caller, path: str, methods: dict[str, str | None]) -> None:
    answer = as_ada("OPTIONS", path)
    assert answer.status == 200
    assert set(methods) <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize("path", READS)
def test_head_is_get_without_its_body(as_ada: Caller, path: str) -> None:
    head, get = as_ada("HEAD", path), as_ada("GET", path)
    assert head.content == b""
    assert get.status == (404 if path.endswith("/log/") else 200)
    assert (head.status, head.headers["Content-Length"]) == (get.status, get.headers["Content-Length"])


def test_head_where_there_is_no_get_is_refused_by_its_own_name(as_ada: Caller) -> None:
    answer = as_ada("HEAD", "/tokens/")
    assert (answer.status, answer.content) == (405, b"")
    assert answer.headers["Allow"] == "OPTIONS, POST"


def test_a_protected_path_needs_a_token(as_nobody: Caller) -> None:
    for method, path, _ in PROTECTED:
        answer = as_nobody(method, path, {})
        assert answer.refusal == (401, "Authentication credentials were not provided.")
        assert answer.headers["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "Invalid auth header format."),
        ("0" * 40, "Invalid auth header format."),
        (f"Token  {'0' * 40}", "Invalid auth header format."),
        (f"Token {'0' * 40} x", "Invalid auth header format."),
        (f"Token {'0' * 40}", "Invalid token provided."),
        ("Token ", "Invalid token provided."),
        ("Token é", "Invalid token provided."),
    ],
)
def test_a_wrong_token_is_refused_everywhere(as_nobody: Caller, header: str, message: str) -> None:
    for method, path in OPERATIONS:
        answer = as_nobody(method, path, {}, headers={"UWS-Authorization": header})
        assert answer.refusal == (401, message)
        assert answer.headers["WWW-Authenticate"] == "Token"


def test_the_first_word_of_the_header_is_compared_with_nothing(as_ada: Caller) -> None:
    header = {"UWS-Authorization": f"Bearer {as_ada.token}"}
    assert as_ada("GET", "/workspaces/", headers=header).status == 200


def test_the_authorization_header_is_ignored(as_nobody: Caller, as_ada: Caller) -> None:
    header = {"Authorization": f"Token {as_ada.token}"}
    assert as_nobody("GET", "/workspaces/", headers=header).status == 401


def test_a_signed_in_browser_is_nobody_to_the_api(site: Site, ada: User) -> None:
    browser = Client(**{"uws.site": site})  # type: ignore[arg-type]
    browser.force_login(ada)
    assert browser.get("/workspaces/").status_code == 401


def test_a_client_token_is_no_users_token(site: Site, as_nobody: Caller) -> None:
    header = {"UWS-Authorization": f"Token {site.tokens.create_client('portal')}"}
    assert as_nobody("GET", "/workspaces/", headers=header).refusal == (401, "Invalid token provided.")


@pytest.mark.parametrize("scope", ["read", "write", "launch", "share", "files"])
def test_a_token_without_the_scope_may_not(site: Site, ada: User, scope: str) -> None:
    others = [other for other in ("read", "write", "launch", "share", "files") if other != scope]
    limited = Caller(site, site.tokens.create_personal(ada.as_person(), "limited", others))
    needing = [(method, path) for method, path, needed in PROTECTED if needed == scope]
    assert needing
    for method, path in needing:
        assert limited(method, path, {}).refusal == (
            403,
            f"This token may not do that: it lacks the scope {scope!r}.",
        )


def test_an_accept_that_cannot_be_served_is_refused_everywhere(as_ada: Caller) -> None:
    for method, path in OPERATIONS:
        answer = as_ada(method, path, {}, headers={"Accept": "image/png, application/json;q=0"})
        assert answer.refusal == (406, "Could not satisfy the request Accept header.")


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/json",
        "application/*",
        "text/html",
        "image/png, */*;q=0.1",
        "application/problem+json",
    ],
)
def test_what_accepts_json_or_pages_gets_json(as_nobody: Caller, accept: str) -> None:
    answer = as_nobody("GET", "/job_types/", headers={"Accept": accept})
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.data["job_types"]


def test_a_refusal_is_problem_json_where_asked_for(as_nobody: Caller) -> None:
    asked = {"Accept": "application/json, application/problem+json"}
    answer = as_nobody("GET", "/workspaces/", headers=asked)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body == {
        "success": False,
        "message": "Authentication credentials were not provided.",
        "type": "/problems/unauthenticated",
        "title": "Not authenticated",
        "status": 401,
        "detail": "Authentication credentials were not provided.",
        "instance": "/workspaces/",
    }


@pytest.mark.parametrize(
    "path",
    [
        "/workspaces/abc/",
        "/workspaces/-1/",
        "/workspaces/1.0/",
        "/workspaces/%D9%A1/",
        "/workspaces//",
        "/workspaces/1/start/now/",
        f"/workspaces/{'9' * 5000}/",
        "/jobs/abc/",
        "/jobs/1/stop/now/",
        "/tokens/1/",
        "/job_types/local_test_job/",
        "/parameters/x/",
        "/users/1/",
        "/status/x/",
        "/shared_workspaces/x/y/z/",
    ],
)
def test_an_unknown_path_of_the_api_is_refused_in_json(as_ada: Caller, path: str) -> None:
    for method in ("GET", "PUT", "POST", "DELETE"):
        assert as_ada(method, path, {}).refusal == (404, "Not found.")


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("GET", "/workspaces/{id}/", None),
        ("PUT", "/workspaces/{id}/", "Workspace {id} not found for user."),
        ("DELETE", "/workspaces/{id}/", "Workspace {id} not found for user."),
        ("PUT", "/workspaces/{id}/start/", "Workspace {id} not found for user."),
        ("PUT", "/workspaces/{id}/upload/", "Workspace {id} not found for user."),
        ("PUT", "/workspaces/{id}/other/", "Workspace {id} not found for user."),
        ("GET", "/jobs/{id}/", None),
        ("PUT", "/jobs/{id}/stop/", "Job {id} not found for user."),
        ("PUT", "/jobs/{id}/other/", "Job {id} not found for user."),
        ("PUT", "/shared_workspaces/{id}/accept/", "Shared workspace {id} not found."),
        ("PUT", "/shared_workspaces/{id}/other/", "Shared workspace {id} not found."),
        ("DELETE", "/shared_workspaces/{id}/", "Shared workspace {id} not found."),
    ],
)
def test_a_number_that_nothing_has_is_not_found(
    as_ada: Caller, method: str, path: str, message: str | None
) -> None:
    for number in ("0", "77", "9" * 18, "9" * 19, "9" * 60):
        # The body is not looked at before: what isn't there can't be asked about.
        answer = as_ada(method, path.format(id=number), b"{")
        if message is None:
            assert answer.body["message"].endswith("matching given parameters could not be found.")
            assert list(answer.data.values()) == [[]]
        else:
            assert answer.refusal == (404, message.format(id=number))


def test_answers_are_for_their_caller_alone(as_ada: Caller, as_nobody: Caller) -> None:
    for answer in (as_ada("GET", "/workspaces/"), as_nobody("GET", "/workspaces/")):
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert "UWS-Authorization" in answer.headers["Vary"]
        assert "Cookie" not in answer.headers["Vary"]


@pytest.mark.parametrize("charset", ["base64", "utf-16", "no-such-charset"])
def test_the_charset_of_the_content_type_decodes_nothing(as_ada: Caller, charset: str) -> None:
    body = {"name": "Zellkerne é", "description": ""}
    content_type = f"application/json; charset={charset}"
    made = as_ada("POST", "/workspaces/", body, content_type=content_type).data["workspace"]
    found = as_ada("GET", "/workspaces/?name=Zellkerne%20%C3%A9", content_type=content_type)
    assert found.data["workspaces"] == [made]


def test_too_many_query_parameters_are_refused(as_ada: Caller) -> None:
    assert as_ada("GET", "/workspaces/?" + "a=1&" * 1001).status == 400


def test_an_unplanned_error_is_logged_and_tells_no_details(
    as_ada: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*arguments: object) -> object:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(type(as_ada.site.workspaces), "list", broken)
    answer = as_ada("GET", "/workspaces/", headers={"X-Request-ID": "r-1"})
    assert answer.refusal == (500, "The server failed to answer. Tell its operator this number: r-1")
    assert b"secret" not in answer.content
    assert "secret detail" in caplog.text


def test_a_named_token_may_come_as_bearer(site: Site, ada: User, as_nobody: Caller) -> None:
    token = site.tokens.create_personal(ada.as_person(), "laptop")
    for scheme in ("Bearer", "bearer"):
        header = {"Authorization": f"{scheme} {token}"}
        assert as_nobody("GET", "/workspaces/", headers=header).status == 200


def test_a_bearer_that_is_not_ours_is_ignored(as_nobody: Caller, as_ada: Caller) -> None:
    for token in (as_ada.token, "AgGlobusTokenOfAGateway", "uws"):
        header = {"Authorization": f"Bearer {token}"}
        assert as_ada("GET", "/workspaces/", headers=header).status == 200
        assert as_nobody("GET", "/job_types/", headers=header).status == 200
        assert as_nobody("GET", "/workspaces/", headers=header).status == 401


def test_a_wrong_bearer_of_ours_is_refused_everywhere(as_nobody: Caller) -> None:
    for method, path in OPERATIONS:
        header = {"Authorization": f"Bearer uws_{'0' * 48}"}
        assert as_nobody(method, path, {}, headers=header).refusal == (401, "Invalid token provided.")

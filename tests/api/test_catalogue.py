"""`/job_types/`, `/parameters/` (contract §5), `/users/` (§6) and `/status/` (§8)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.calling import Caller

from uws import __version__
from uws.background.models import PluginHealth
from uws.site import Site


def test_job_types_are_an_object_by_key(as_nobody: Caller, config: dict[str, Any]) -> None:
    assert as_nobody("GET", "/job_types/").body == {
        "message": "Successful.",
        "success": True,
        "data": {
            "job_types": {
                key: {"id": key, "name": entry["name"]}
                for key, entry in config["available_job_types"].items()
            }
        },
    }


def test_parameters_stand_as_they_are_configured(as_nobody: Caller, config: dict[str, Any]) -> None:
    assert as_nobody("GET", "/parameters/").data["parameters"] == config["parameters"]


def test_users_are_everybody_else_but_services(
    site: Site, as_ada: Caller, as_grace: Caller, as_nobody: Caller
) -> None:
    site.accounts.create("admin", "admin@example.org", administrator=True)
    site.tokens.create_client("portal")
    answer = as_ada("GET", "/users/")
    assert answer.body["message"] == "Successful."
    (grace,) = answer.data["users"]
    assert sorted(grace) == ["email", "first_name", "id", "last_name", "username"]
    assert (grace["username"], grace["email"]) == ("grace", "grace@example.org")
    assert isinstance(grace["id"], int)


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ("", ["grace"]),
        ("GRACE HOP", ["grace"]),
        ("hopper", ["grace"]),
        ("@example", ["grace"]),
        ("Grace%20Hopper", ["grace"]),
        ("Hopper%20Grace", []),
        ("%25", []),
        ("_", []),
        ("lovelace", []),
    ],
)
def test_people_are_searched_by_name_or_e_mail(
    as_ada: Caller, as_grace: Caller, search: str, names: list[str]
) -> None:
    answer = as_ada("GET", f"/users/?search={search}")
    assert [user["username"] for user in answer.data["users"]] == names
    if not names:
        assert answer.body["message"] == "Users matching given parameters could not be found."


def test_nul_in_a_search_is_refused(as_ada: Caller) -> None:
    assert as_ada("GET", "/users/?search=%00").status == 400


def test_the_status_tells_the_version_and_every_dependency(as_nobody: Caller) -> None:
    site = as_nobody.site
    site.health.check()
    body = as_nobody("GET", "/status/").body
    assert (body["message"], body["success"], body["version"]) == ("", True, __version__)
    dependencies = body["dependencies"]
    assert dependencies["resources"].keys() == {"local"}
    assert dependencies["storage_methods"].keys() == {"local"}
    assert dependencies["user_authentication_methods"].keys() == {"local"}
    assert dependencies["main_resource"] == dependencies["resources"]["local"]
    assert dependencies["api_user_authentication"]["connected"] is True
    assert isinstance(dependencies["main_resource"]["message"], str)


def test_the_status_calls_nothing(as_nobody: Caller) -> None:
    entry = as_nobody("GET", "/status/").body["dependencies"]["main_resource"]
    assert entry == {"connected": False, "message": "Not checked yet."}
    assert not PluginHealth.objects.exists()

"""Job types, parameters, users, status (contract §§5, 6, 8)."""

from __future__ import annotations

import time
from typing import Any

from uws.conform.run import Json, Run
from uws.conform.table import Group
from uws.conform.verdicts import Severity, Skip

CATALOGUE = Group("catalogue", "§5")
USERS = Group("users", "§6")
STATUS = Group("status", "§8")

STATUS_SECONDS = 1.0
NOBODY = "Users matching given parameters could not be found."


@CATALOGUE.check("job-types", "Job types are an object by id, each with id and name.")
def job_types(run: Run) -> None:
    offered = run.part(run.succeeded(run.send("GET", "/job_types/"), "Successful."), "data", "job_types")
    for key, entry in offered.items():
        fits = isinstance(entry, dict) and entry.get("id") == key and isinstance(entry.get("name"), str)
        run.expect(fits, "GET /job_types/", entry, f"an object with id {key!r} and a name")


@CATALOGUE.check("parameters", "Parameters are the configuration's list.")
def parameters(run: Run) -> None:
    for entry in run.listed(run.send("GET", "/parameters/"), "parameters"):
        wanted = {"display_name", "description", "variable_name", "default_value", "validation"}
        run.keys("GET /parameters/", entry, wanted)
        kind = run.part(entry, "validation").get("type")
        run.expect(kind in ("int", "bool", "str", "float"), "GET /parameters/", kind, "a Python type's name")


def _users(run: Run, token: str, query: str = "") -> list[Json]:
    return run.listed(run.send("GET", f"/users/{query}", token=token), "users")


@USERS.check("list", "Users are listed with their five fields, without the one named admin.")
def users(run: Run) -> None:
    for user in _users(run, run.first)[:50]:
        run.keys("GET /users/", user, {"id", "first_name", "last_name", "username", "email"}, {"password"})
        run.expect(user.get("username") != "admin", "GET /users/", "the user admin", "no such user")


@USERS.check("not-oneself", "The caller is not among them.")
def not_oneself(run: Run) -> None:
    seen = {user.get("id") for user in _users(run, run.first)}
    person = identity_of_second(run)
    run.expect(person.get("id") in seen, "GET /users/", "not the second user", "the second user")
    again = {user.get("id") for user in _users(run, run.second)}
    run.expect(person.get("id") not in again, "GET /users/", "the caller", "everybody but the caller")


@USERS.check(
    "search", "search finds a part of the full name or the e-mail address, in any case, not the user name."
)
def search(run: Run) -> None:
    person = identity_of_second(run)
    email = str(person["email"])
    for text in (email, email.upper(), email[1:-1]):
        found = {user.get("id") for user in _users(run, run.first, f"?search={text}")}
        run.expect(person["id"] in found, f"GET /users/?search={text}", "not that user", "that user")
    full_name = f"{person['first_name']} {person['last_name']}".strip()
    if full_name:
        found = {user.get("id") for user in _users(run, run.first, f"?search={full_name.lower()}")}
        run.expect(
            person["id"] in found, f"GET /users/?search={full_name.lower()}", "not that user", "that user"
        )


@USERS.check("nobody", "A search that finds nobody is 200 with an empty list and a sentence.")
def nobody(run: Run) -> None:
    answer = run.send("GET", "/users/?search=no-such-person-anywhere", token=run.first)
    run.succeeded(answer, NOBODY)
    run.expect(run.listed(answer, "users") == [], answer.request, answer.shown, "an empty list")


def identity_of_second(run: Run) -> Json:
    """Return the second user's row: the one whom the first sees and who does not see themselves."""

    def look() -> Json:
        as_first, as_second = _users(run, run.first), _users(run, run.second)
        seen = {user.get("id") for user in as_second}
        only = [user for user in as_first if user.get("id") not in seen]
        if len(only) != 1 or not isinstance(only[0].get("id"), int):
            raise Skip("the second user cannot be told from the others in /users/")
        return only[0]

    found: Json = run.once("identity of second", look)
    return found


@STATUS.check("shape", "Status has version, build and the dependencies' health.")
def status(run: Run) -> None:
    body = run.succeeded(run.send("GET", "/status/"))
    run.keys("GET /status/", body, {"message", "success", "version", "build", "dependencies"})
    found = run.part(body, "dependencies")
    run.keys(
        "GET /status/",
        found,
        {
            "main_resource",
            "api_user_authentication",
            "resources",
            "storage_methods",
            "user_authentication_methods",
        },
    )
    for name, value in found.items():
        if name in ("main_resource", "api_user_authentication"):
            _health(run, name, value)
        else:
            for key, entry in run.part(found, name).items():
                _health(run, f"{name}.{key}", entry)


def _health(run: Run, where: str, value: Any) -> None:
    wanted = f"an object with connected and message under dependencies.{where}"
    if not isinstance(value, dict):
        run.fail("GET /status/", value, wanted)
    elif not isinstance(value.get("connected"), bool) or not isinstance(value.get("message"), str):
        note = run.known if isinstance(value.get("status"), bool) else run.fail
        note("GET /status/", value, wanted)


@STATUS.check(
    "quick", "Status is answered within a second, whatever is down: gateways wait for it.", Severity.detail
)
def quick(run: Run) -> None:
    began = time.monotonic()
    run.succeeded(run.send("GET", "/status/"))
    taken_seconds = time.monotonic() - began
    if taken_seconds > STATUS_SECONDS:
        run.known("GET /status/", f"an answer after {taken_seconds:.1f} s", "one within a second")

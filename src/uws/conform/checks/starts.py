"""What a start takes and refuses, in which order and words (contract §3.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from uws.conform.checks.workspace_refusals import NOT_OFFERED, UNKNOWN_TYPE
from uws.conform.conversation import Answer
from uws.conform.run import Json, Run
from uws.conform.table import Group
from uws.conform.verdicts import Severity, Skip

GROUP = Group("starts", "§3.4")

NO_TYPE = "Missing job_type and no default job type set on workspace."
NO_DETAILS = "Job details not JSON."
NO_OPTIONS = "Resource options not JSON."
WRONG_OPTIONS = "Invalid resource options found: "


def _workspace(run: Run) -> int:
    return int(run.once("refused starts", lambda: run.workspace(run.first))["id"])


def _start(run: Run, **fields: object) -> Answer:
    run.require_job_type()
    body = {"job_type": run.plan.job_type, **fields}
    return run.send("PUT", f"/workspaces/{_workspace(run)}/start/", token=run.first, body=body)


@GROUP.check("body", "A body that is no JSON, and none at all, is 400.")
def body(run: Run) -> None:
    for raw in (b"", b"{"):
        path = f"/workspaces/{_workspace(run)}/start/"
        run.refused(run.send("PUT", path, token=run.first, raw=raw), 400, "Invalid JSON: ")


@GROUP.check("job-type", "The job type has to be one of the offered, and is needed without a default.")
def job_type(run: Run) -> None:
    path = f"/workspaces/{_workspace(run)}/start/"
    run.refused(run.send("PUT", path, token=run.first, body={}), 400, NO_TYPE)
    run.refused(_start(run, job_type=UNKNOWN_TYPE), 400, NOT_OFFERED)


@GROUP.check("objects", "job_details and resource_options have to be objects.")
def objects(run: Run) -> None:
    values: tuple[object, ...] = ("text", [])
    for value in values:
        run.refused(_start(run, job_details=value), 400, NO_DETAILS)
        run.refused(_start(run, resource_options=value), 400, NO_OPTIONS)


@GROUP.check("order", "The first mistake in the contract's order is the one that is told.")
def order(run: Run) -> None:
    everything = {"job_details": "x", "resource_options": "x"}
    run.refused(_start(run, job_type=UNKNOWN_TYPE, **everything), 400, NOT_OFFERED)
    run.refused(_start(run, **everything), 400, NO_DETAILS)
    run.refused(_start(run, resource_options="x"), 400, NO_OPTIONS)


@GROUP.check("options", "Options out of their bounds or of another type are 422, told in a list, in order.")
def options(run: Run) -> None:
    required, numbers = _parameters(run)
    if not numbers:
        raise Skip("the server has no parameter with bounds")
    wrong: Json = {}
    texts = []
    for name, value, text in _mistakes(numbers):
        one = [text]
        run.refused(_start(run, resource_options=required | {name: value}), 422, f"{WRONG_OPTIONS}{one}")
        if name not in wrong:
            wrong[name] = value
            texts.append(text)
    answer = _start(
        run, resource_options={**wrong, **{key: required[key] for key in set(required) - set(wrong)}}
    )
    run.refused(answer, 422, f"{WRONG_OPTIONS}{texts}")
    if required:
        lacking = [f"Missing required: {name}" for name in required]
        run.refused(_start(run), 422, f"{WRONG_OPTIONS}{lacking}")


def _parameters(run: Run) -> tuple[Json, list[Json]]:
    """Return the required parameters with a value that is accepted, and those whole numbers that have bounds."""
    rows = run.listed(run.send("GET", "/parameters/"), "parameters")
    rules = {str(row.get("variable_name")): row for row in rows}
    required = {
        name: row.get("default_value")
        for name, row in rules.items()
        if isinstance(row.get("validation"), dict) and row["validation"].get("required")
    }
    numbers = [
        {"name": name, **row["validation"]}
        for name, row in rules.items()
        if isinstance(row.get("validation"), dict) and row["validation"].get("type") == "int"
    ]
    return required, [rule for rule in numbers if rule.get("max") or rule.get("min")]


def _mistakes(rules: list[Json]) -> Iterator[tuple[str, Any, str]]:
    for rule in rules[:3]:
        name = rule["name"]
        if rule.get("max"):
            value = rule["max"] + 1
            yield name, value, f"{name}: Value '{value}' above maximum of {rule['max']}."
        if rule.get("min"):
            value = rule["min"] - 1
            yield name, value, f"{name}: Value '{value}' not above minimum of {rule['min']}."
        for value, kind in (("many", "str"), (True, "bool"), (1.0, "float")):
            yield (
                name,
                value,
                f"{name}: Value '{value}' of type {kind} does not match required type int. "
                f"Skipping further validation of parameter {name}.",
            )


@GROUP.check("no-job", "A refused start makes no job.")
def no_job(run: Run) -> None:
    _start(run, job_details="x")
    rows = run.listed(run.send("GET", f"/jobs/?workspace_id={_workspace(run)}", token=run.first), "jobs")
    run.expect(rows == [], "GET /jobs/", f"{len(rows)} jobs", "none")


@GROUP.check("default-type", "Without a job type the workspace's default is started.")
def default_type(run: Run) -> None:
    run.require_job_type()
    made = run.workspace(run.first, default_job_type=run.plan.job_type)["id"]
    answer = run.send("PUT", f"/workspaces/{made}/start/", token=run.first, body={})
    job = run.part(run.succeeded(answer, "Successful start."), "data", "job")
    run.expect(job.get("job_type") == run.plan.job_type, answer.request, job.get("job_type"), "the default")
    run.send("PUT", f"/jobs/{job['id']}/stop/", token=run.first)


@GROUP.check("unknown-options", "Unknown option keys, and the portal's time_limit_minutes, are no mistake.")
def unknown_options(run: Run) -> None:
    required, _ = _parameters(run)
    asked = required | {"no_such_option": 1, "time_limit_minutes": 60}
    job = run.start(run.workspace(run.first)["id"], resource_options=asked)
    run.send("PUT", f"/jobs/{job['id']}/stop/", token=run.first)


@GROUP.check(
    "echo",
    "The accepted options are told in request_job_details, so that renewing keeps them.",
    Severity.misleads,
)
def echo(run: Run) -> None:
    required, numbers = _parameters(run)
    if not numbers:
        raise Skip("the server has no parameter with bounds")
    name = numbers[0]["name"]
    asked = required | {name: numbers[0].get("min") or numbers[0]["max"]}
    job = run.start(run.workspace(run.first)["id"], resource_options=asked, job_details={})
    found = run.part(job, "job_details", "request_job_details").get("resource_options")
    if found is None:
        run.known("PUT /workspaces/<id>/start/", "no resource_options", "the accepted options")
    elif not isinstance(found, dict) or found.get(name) != asked[name]:
        run.fail("PUT /workspaces/<id>/start/", found, f"{name} {asked[name]!r}")
    run.send("PUT", f"/jobs/{job['id']}/stop/", token=run.first)

"""What is wrong with a server is found, what is known of the original is not held against it."""

from __future__ import annotations

from dataclasses import replace

import httpx2
import pytest
from tests.conform import wrong
from tests.conform.conftest import Checked
from tests.conform.wrong import Altered, Fault

from uws.conform import Plan, Report, ServerUnreachable, Verdict, conform
from uws.conform.checks import ALL_CHECKS

HTTP_GROUPS = tuple({f"{check.id.split('.')[0]}." for check in ALL_CHECKS} - {"sockets."})


def ids(report: Report, verdict: Verdict) -> set[str]:
    return {result.id for result in report.results if result.verdict is verdict}


@pytest.mark.parametrize(
    ("fault", "only", "failed"),
    [
        (wrong.success_is_left_out, "ground.success", {"ground.success"}),
        (wrong.creations_are_201, "workspaces.create", {"workspaces.create", "workspaces.create-with-files"}),
        (wrong.errors_have_no_cors, "ground.cors", {"ground.cors"}),
        (wrong.preflights_forget_the_auth_header, "ground.preflight", {"ground.preflight"}),
        (wrong.workspaces_show_where_they_lie, "workspaces.create", {"workspaces.create"}),
        (wrong.refused_tokens_name_no_scheme, "auth.missing", {"auth.missing"}),
        (wrong.unknown_ids_are_404, "workspaces.unknown", {"workspaces.unknown"}),
        (wrong.unknown_ids_are_404, "users.nobody", {"users.nobody"}),
        (wrong.job_types_are_a_list, "catalogue", {"catalogue.job-types"}),
        (wrong.wrong_options_are_400, "starts.options", {"starts.options"}),
        (wrong.core_hours_are_numbers, "jobs.running", {"jobs.running"}),
        (wrong.a_second_stop_is_accepted, "jobs.stop", {"jobs.stop"}),
        (wrong.shares_come_under_another_key, "shares.create", {"shares.create"}),
        (wrong.users_are_a_page, "users.list", {"users.list"}),
        (wrong.messages_are_reworded, "workspace-refusals.missing", {"workspace-refusals.missing"}),
        (wrong.paths_without_slash_redirect, "users.list", set()),
        (wrong.unknown_paths_are_pages, "workspaces.not-ones-own", {"workspaces.not-ones-own"}),
    ],
)
def test_what_is_wrong_is_found(checked: Checked, fault: Fault, only: str, failed: set[str]) -> None:
    plan = replace(checked.plan, only=(only,))
    report = conform(checked.url, plan, transport=Altered(fault))
    assert failed <= ids(report, Verdict.failed), report.as_dict()
    assert ids(report, Verdict.known_fault) == set()
    assert bool(report.failed) is bool(failed)


@pytest.mark.parametrize(
    ("fault", "only", "known"),
    [
        (wrong.paths_without_slash_redirect, "ground.slash", {"ground.slash", "ground.slash-keeps-query"}),
        (wrong.unknown_paths_are_pages, "ground.unknown-path", {"ground.unknown-path"}),
        (wrong.mistakes_are_pages, "ground.method", {"ground.method-on-one"}),
        (wrong.mistakes_are_pages, "workspace-refusals.n", {"workspace-refusals.null-text"}),
        (wrong.mistakes_are_pages, "workspace-refusals.entries", {"workspace-refusals.entries"}),
        (wrong.creations_tell_naive_times, "workspaces.create", {"workspaces.create"}),
        (wrong.the_health_of_some_is_status, "status.shape", {"status.shape"}),
        (wrong.options_are_not_told, "starts.echo", {"starts.echo"}),
    ],
)
def test_known_faults_of_the_original_are_told_as_such(
    checked: Checked, fault: Fault, only: str, known: set[str]
) -> None:
    plan = replace(checked.plan, only=(only,))
    report = conform(checked.url, plan, transport=Altered(fault))
    assert report.failed == ()
    assert known <= ids(report, Verdict.known_fault), report.as_dict()


def answering(status: int, kind: str, content: str) -> httpx2.MockTransport:
    headers = {"Content-Type": kind}
    return httpx2.MockTransport(lambda request: httpx2.Response(status, headers=headers, text=content))


@pytest.mark.parametrize(
    ("status", "kind", "content"),
    [
        (200, "text/html", "<p>Welcome to nginx!</p>"),
        (500, "text/html", wrong.PAGE),
        (200, "application/json", "[]"),
        (200, "application/json", '{"success": true, "message": "Successful.", "data": {}}'),
        (
            200,
            "application/json",
            '{"success": true, "data": {"workspace": 7, "job_types": {"local_test_job": 1}}}',
        ),
        (
            200,
            "application/json",
            '{"success": true, "data": {"workspaces": [{}], "users": [{}], "jobs": [{}]}}',
        ),
        (401, "application/json", '{"success": false, "message": "Invalid token provided."}'),
    ],
)
def test_a_server_that_answers_nonsense_is_wrong_in_everything(status: int, kind: str, content: str) -> None:
    plan = Plan(token="t", second_token="u", link_source="/data", only=HTTP_GROUPS)
    report = conform("http://nonsense.example", plan, transport=answering(status, kind, content))
    passed = ids(report, Verdict.ok) - {
        "status.quick",
        "ground.no-cookies",
        "workspace-refusals.nothing-left",
    }
    assert len(report.failed) > 80
    assert len(passed) < 6, passed


def test_no_more_requests_are_sent_than_allowed_and_everything_is_removed(checked: Checked) -> None:
    sent = []

    def count(request: httpx2.Request, answer: wrong.Reply) -> None:
        sent.append((request.method, request.url.path))

    plan = replace(checked.plan, only=("ground.", "workspaces."), most_requests=120)
    report = conform(checked.url, plan, transport=Altered(count))
    assert len(sent) == report.request_count <= 120
    assert any("those are used up" in result.reason for result in report.results)
    assert report.left_over == []
    assert mine(checked) == []


def test_what_was_made_is_removed_after_an_interrupt_too(checked: Checked) -> None:
    def interrupt(result: object) -> None:
        assert mine(checked)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        conform(checked.url, replace(checked.plan, only=("jobs.busy",)), told=interrupt)
    assert mine(checked) == []


def mine(checked: Checked) -> list[str]:
    headers = {"UWS-Authorization": f"Token {checked.server.ada}"}
    answer = httpx2.get(f"{checked.url}/workspaces/", headers=headers).json()
    return [row["name"] for row in answer["data"]["workspaces"] if row["status"] != "deleting"]


def test_what_cannot_be_removed_is_named() -> None:
    made = '{"success": true, "message": "Successful.", "data": {"workspace": {"id": 12}}}'

    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            return httpx2.Response(200, headers={"Content-Type": "application/json"}, text=made)
        raise httpx2.ConnectError("gone")

    plan = Plan(token="t", only=("ground.any-content-type",))
    seen_first = [True]

    def at_first_well(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200) if seen_first and seen_first.pop() else handle(request)

    report = conform("http://away.example", plan, transport=httpx2.MockTransport(at_first_well))
    assert report.left_over[0] == "workspace 12"


def test_a_server_that_is_not_there_is_told_in_one_sentence() -> None:
    def refuse(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("connection refused")

    with pytest.raises(ServerUnreachable, match="cannot be reached: connection refused"):
        conform("http://away.example", Plan(token="t"), transport=httpx2.MockTransport(refuse))


def test_no_finding_repeats_a_token() -> None:
    token = "0123456789abcdef0123456789abcdef01234567"
    echo = answering(201, "application/json", f'{{"token": "{token}", "url_path": "/lab?ticket=abc.def"}}')
    plan = Plan(client_token=token, token=token, only=("tokens.", "workspaces.one"))
    told = str(conform("http://echo.example", plan, transport=echo).as_dict())
    assert "201 application/json" in told
    assert token not in told
    assert "abc.def" not in told


def test_without_tokens_only_the_open_paths_are_checked(checked: Checked) -> None:
    report = conform(checked.url, Plan(only=("auth.", "catalogue.", "tokens.missing", "shares.create")))
    assert report.failed == ()
    assert {"auth.open", "catalogue.job-types", "tokens.missing-fields"} <= ids(report, Verdict.ok)
    assert "needs a user's token" in {r.id: r.reason for r in report.results}["shares.create"]


def test_a_job_type_that_is_not_offered_is_a_reason_to_skip(checked: Checked) -> None:
    report = conform(checked.url, replace(checked.plan, job_type="fortran", only=("jobs.start",)))
    assert "offers no job type fortran" in report.results[0].reason

"""A database of the original with every oddity in it, brought here: afterwards everything that people had works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.db import connection

from tests.moving.conftest import bring
from tests.moving.original import (
    ADA,
    ADA_AGAIN,
    ADMIN,
    ALAN,
    APP,
    CREATED,
    ENDED,
    GRACE,
    PORTAL,
    STARTED,
    TOKEN_OF,
    Original,
)
from uws.accounts.models import AccessToken, ExternalMapping, User
from uws.accounts.person import Person
from uws.events.models import Event
from uws.jobs.models import Job
from uws.moving.models import ImportedQuota, ImportedRow
from uws.moving.report import Report
from uws.refusals import Refusal
from uws.site import Site
from uws.workspaces.models import Workspace

pytestmark = pytest.mark.usefixtures("storage_root")


@pytest.fixture
def report(original: Original, site: Site, storage_root: Path) -> Report:
    return bring(original, site)


def person(user_id: int) -> Person:
    return User.objects.get(pk=user_id).as_person()


def reasons(report: Report, table: str) -> dict[int | None, str]:
    return {remark.row_id: remark.sentence for remark in report.of(table).skipped}


def notes(report: Report, table: str) -> dict[int | None, str]:
    return {remark.row_id: remark.sentence for remark in report.of(table).notes}


# --- people ----------------------------------------------------------------------------------------------------


def test_users_keep_their_numbers_and_passwords(report: Report) -> None:
    ada = User.objects.get(pk=ADA)
    assert (ada.username, ada.email, ada.last_login) == ("ada", "ada@example.org", CREATED)
    assert check_password("ada's password", ada.password)
    assert User.objects.get(pk=ADMIN).is_superuser
    assert not User.objects.get(pk=ALAN).is_active


def test_members_of_api_clients_become_api_clients(report: Report) -> None:
    assert User.objects.get(pk=PORTAL).is_api_client
    assert not User.objects.get(pk=ADA).is_api_client


def test_a_stored_token_of_a_person_goes_on_working(report: Report, site: Site) -> None:
    principal = site.tokens.authenticate(f"Token {TOKEN_OF[ADA]}")
    assert principal.person.id == ADA
    assert "admin" not in principal.scopes


def test_a_stored_client_token_signs_people_in_and_gives_nothing_else(report: Report, site: Site) -> None:
    body = {
        "client_token": TOKEN_OF[PORTAL],
        "user_info": {"username": "ada", "email": "ada@example.org"},
    }
    token = str(site.tokens.issue(body)["token"])
    assert site.tokens.authenticate(f"Token {token}").person.id == ADA
    assert site.tokens.authenticate(f"Token {TOKEN_OF[ADA]}").person.id == ADA
    with pytest.raises(Refusal):
        site.tokens.authenticate(f"Token {TOKEN_OF[PORTAL]}")


def test_a_locked_users_token_stays_without_effect(report: Report, site: Site) -> None:
    with pytest.raises(Refusal):
        site.tokens.authenticate(f"Token {TOKEN_OF[ALAN]}")


def test_no_token_is_stored_as_it_was(report: Report) -> None:
    assert not AccessToken.objects.filter(digest__in=TOKEN_OF.values()).exists()


def test_two_names_that_differ_in_case_only_are_told_apart_by_skipping_the_second(report: Report) -> None:
    assert "user 2" in reasons(report, "auth_user")[ADA_AGAIN]
    assert "user 6 was not imported" in reasons(report, f"{APP}workspace")[23]


def test_mappings_go_to_the_method_of_their_class(report: Report, site: Site) -> None:
    assert list(ExternalMapping.objects.values_list("pk", "user_id", "method", "external_username")) == [
        (1, ADA, "local", "ada"),
        (2, GRACE, "local", "hopper"),
    ]
    method = site.authentication["local"]
    assert site.accounts.account_for(person(GRACE), method).username == "hopper"


@pytest.mark.parametrize(
    ("mapping_id", "reason"),
    [
        (3, "caches a Slurm token"),
        (4, "is a 'GlobusUserAuthentication'"),
        (5, "'../up'"),
        (6, "earlier mapping 1"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_skipped_with_its_reason(
    report: Report, mapping_id: int, reason: str
) -> None:
    assert reason in reasons(report, f"{APP}externalusermapping")[mapping_id]


def test_secrets_in_a_mapping_stay_behind_and_are_reported_by_name(report: Report) -> None:
    assert ExternalMapping.objects.get(pk=1).details == {"name": "Ada"}
    assert "globus_groups_token" in notes(report, f"{APP}externalusermapping")[1]
    assert "s3cret" not in str(report.as_dict())


def test_quotas_are_kept_to_be_reported(report: Report) -> None:
    quota = ImportedQuota.objects.get()
    assert (quota.user_id, quota.maximum_disk_space_bytes, str(quota.maximum_core_hours)) == (
        ADA,
        1000,
        "12.50000",
    )


# --- workspaces and shares -------------------------------------------------------------------------------------


def test_a_workspace_reads_on_the_wire_as_it_did(report: Report, site: Site) -> None:
    assert site.workspaces.get(person(ADA), 10) == [
        {
            "id": 10,
            "name": "Workspace 10",
            "description": "",
            "disk_space": 100,
            "datetime_created": "2026-03-01T12:00:00.123Z",
            "datetime_last_modified": "2026-03-01T12:00:30Z",
            "datetime_last_job_launch": "2026-03-01T12:00:30Z",
            "workspace_details": {
                "request_workspace_details": {"files": [{"name": "a.txt"}], "symlinks": []},
                "current_workspace_details": {"files": [{"name": "/a.txt"}], "symlinks": [{"name": "/data"}]},
            },
            "status": "active",
            "default_job_type": "local_test_job",
        }
    ]


def test_the_files_of_a_workspace_are_where_they_were(report: Report, site: Site) -> None:
    with site.workspaces.open(Workspace.objects.get(pk=20)) as files:
        assert files.read("a.txt") == b"the file of hopper/20"


def test_a_path_that_was_never_recorded_becomes_an_error_with_a_message(report: Report) -> None:
    row = Workspace.objects.get(pk=12)
    assert (row.status, row.path) == ("error", "")
    assert "never recorded" in row.status_message


def test_the_sweep_removes_nothing_that_was_imported(report: Report, site: Site, storage_root: Path) -> None:
    site.workspaces.sweep()
    assert Workspace.objects.get(pk=13).status == "idle"
    assert (storage_root / "ada/13/a.txt").exists()


@pytest.mark.parametrize(("workspace_id", "message"), [(15, "'..'"), (16, "workspace 10's directory")])
def test_a_path_that_leads_elsewhere_is_not_believed(report: Report, workspace_id: int, message: str) -> None:
    row = Workspace.objects.get(pk=workspace_id)
    assert (row.status, row.path) == ("error", "")
    assert message in row.status_message


def test_a_workspace_of_nobody_is_skipped(report: Report) -> None:
    assert reasons(report, f"{APP}workspace")[17] == "it belongs to nobody."


def test_a_missing_directory_is_reported(report: Report) -> None:
    found = notes(report, f"{APP}workspace")[18]
    assert "ada/18 is not below" in found


def test_a_deletion_that_was_accepted_is_done_here(
    report: Report, site: Site, storage_root: Path, run_tasks: Callable[[], list[str]]
) -> None:
    assert "workspaces.remove" in run_tasks()
    assert not Workspace.objects.filter(pk=14).exists()
    assert not (storage_root / "ada/14").exists()


def test_a_workspace_without_live_jobs_is_idle_again(report: Report) -> None:
    assert Workspace.objects.get(pk=11).status == "idle"


def test_an_unaccepted_copy_stays_hidden_until_it_is_accepted(report: Report, site: Site) -> None:
    assert [row["id"] for row in site.workspaces.list(person(GRACE), {})] == [22, 20]


def test_shares_keep_who_and_what(report: Report) -> None:
    from uws.sharing.models import Share

    accepted, waiting = Share.objects.get(pk=1), Share.objects.get(pk=2)
    assert (accepted.sender_id, accepted.recipient_id, accepted.original_id) == (ADA, GRACE, 10)
    assert accepted.last_resource_options == {"num_cpus": 2, "time_limit_minutes": 45}
    assert (waiting.is_accepted, waiting.last_job_type, waiting.created) == (False, "", CREATED)


def test_a_share_whose_original_is_gone_stays_with_its_recipient(report: Report) -> None:
    from uws.sharing.models import Share

    assert Share.objects.get(pk=3).original_id is None
    assert "original is gone" in notes(report, f"{APP}sharedworkspacemapping")[3]


def test_a_share_of_a_workspace_that_is_not_there_is_skipped(report: Report) -> None:
    assert "workspace 999" in reasons(report, f"{APP}sharedworkspacemapping")[4]


# --- jobs ------------------------------------------------------------------------------------------------------


def test_a_job_that_ended_reads_on_the_wire_as_it_did(report: Report, site: Site) -> None:
    found: dict[str, Any] = site.jobs.get(person(ADA), 100)[0]
    details = found.pop("job_details")
    assert found == {
        "id": 100,
        "workspace_id": 10,
        "resource_job_id": 4100,
        "job_type": "local_test_job",
        "status": "complete",
        "datetime_created": "2026-03-01T12:00:00.123Z",
        "datetime_start": "2026-03-01T12:00:30Z",
        "datetime_end": "2026-03-01T13:00:30Z",
        "core_hours": "2.00000",
    }
    assert details["metrics"] == {"time_pending": 30.5, "time_init": 2.5}
    assert details["request_job_details"] == {
        "notebook_path": "a.ipynb",
        "resource_options": {"num_cpus": 2, "memory_mb": 4096, "time_limit_minutes": 90},
    }


def test_the_log_of_a_job_that_ended_can_be_read(report: Report, site: Site, storage_root: Path) -> None:
    directory = storage_root / "ada/10/.100"
    directory.mkdir()
    (directory / "LocalTest_100_output.log").write_text("Hello World")
    assert site.jobs.read_log(person(ADA), 100, 0)["text"] == "Hello World"


def test_options_become_the_limits_that_they_were(report: Report) -> None:
    job = Job.objects.get(pk=100)
    assert (job.cpu_count, job.memory_bytes_limit, job.time_limit_seconds) == (2, 4096 * 1024**2, 5400)


def test_a_job_that_was_never_launched_has_failed_with_the_reason(report: Report, site: Site) -> None:
    job = Job.objects.get(pk=102)
    assert (job.status, job.reason, job.ended) == ("failed", "launch_failed", CREATED)
    assert "never launched" in job.message
    site.reconciler().recover()
    assert Job.objects.get(pk=102).launch_attempt == 1


def test_a_process_of_the_original_machine_is_lost_not_guessed(report: Report) -> None:
    job = Job.objects.get(pk=103)
    assert (job.status, job.reason, job.ended) == ("failed", "lost", STARTED)


def test_a_job_on_a_cluster_lives_on_under_its_number(report: Report, site: Site) -> None:
    job = Job.objects.get(pk=101)
    assert (job.status, job.resource, job.resource_job_id) == ("running", "slurm", 4101)
    assert site.jobs.get(person(ADA), 101)[0]["status"] == "running"


def test_a_job_whose_resource_is_not_configured_is_left_alone(report: Report, site: Site) -> None:
    reconciler = site.reconciler()
    reconciler.recover()
    for resource in site.resources.values():
        reconciler.reconcile(resource)
    reconciler.close()
    assert Job.objects.get(pk=101).status == "running"


@pytest.mark.parametrize(
    ("job_id", "reason"), [(106, "'odd'"), (108, "belongs to nobody"), (109, "no JSON object")]
)
def test_a_job_that_makes_no_sense_is_skipped_with_its_reason(
    report: Report, job_id: int, reason: str
) -> None:
    assert reason in reasons(report, f"{APP}job")[job_id]


def test_a_job_without_an_owner_is_its_workspaces_owners(report: Report) -> None:
    job = Job.objects.get(pk=107)
    assert (job.owner_id, job.status) == (ADA, "stopping")


def test_a_job_outlives_its_workspace_as_history(report: Report) -> None:
    job = Job.objects.get(pk=104)
    assert (job.workspace_id, job.ended) == (None, ENDED)


# --- once, twice, not at all -----------------------------------------------------------------------------------


def everything() -> list[list[Any]]:
    models = (User, AccessToken, ExternalMapping, ImportedQuota, Workspace, Job, ImportedRow, Event)
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def test_the_second_import_ends_like_the_first(original: Original, site: Site) -> None:
    bring(original, site)
    before = everything()
    second = bring(original, site)
    assert everything() == before
    assert second.changed == 0
    assert second.of("auth_user").unchanged == 5


def test_a_second_import_brings_what_has_changed_in_the_original(original: Original, site: Site) -> None:
    bring(original, site)
    original.run(f"UPDATE {APP}workspace SET name = 'Renamed' WHERE id = 20")
    original.run("UPDATE authtoken_token SET key = ? WHERE user_id = ?", ["e" * 40, GRACE])
    second = bring(original, site)
    assert Workspace.objects.get(pk=20).name == "Renamed"
    assert site.tokens.authenticate(f"Token {'e' * 40}").person.id == GRACE
    with pytest.raises(Refusal):
        site.tokens.authenticate(f"Token {TOKEN_OF[GRACE]}")
    assert second.of(f"{APP}workspace").updated == 1


def test_a_second_import_puts_no_old_state_over_what_happened_here(original: Original, site: Site) -> None:
    bring(original, site)
    Workspace.objects.filter(pk=20).update(name="Renamed here")
    Workspace.objects.filter(pk=13).delete()
    second = bring(original, site)
    assert Workspace.objects.get(pk=20).name == "Renamed here"
    assert not Workspace.objects.filter(pk=13).exists()
    assert "deleted here" in reasons(second, f"{APP}workspace")[13]


def test_a_token_that_the_original_no_longer_has_is_revoked(original: Original, site: Site) -> None:
    bring(original, site)
    original.run("DELETE FROM authtoken_token WHERE user_id = ?", [ADA])
    bring(original, site)
    with pytest.raises(Refusal):
        site.tokens.authenticate(f"Token {TOKEN_OF[ADA]}")


def test_a_dry_run_reports_the_same_and_writes_nothing(original: Original, site: Site) -> None:
    before = everything()
    dry = bring(original, site, dry_run=True).as_dict()
    assert everything() == before
    assert dry.pop("dry_run") is True
    wet = bring(original, site).as_dict()
    wet.pop("dry_run")
    assert dry == wet


def test_every_row_that_was_read_is_accounted_for(report: Report) -> None:
    for table in report.tables.values():
        assert table.read == table.imported + table.updated + table.unchanged + len(table.skipped), (
            table.table
        )


def test_the_next_workspace_has_a_number_that_the_original_never_gave(report: Report, site: Site) -> None:
    made = site.workspaces.create(person(ADA), {"name": "new", "description": ""})
    assert isinstance(made["id"], int)
    assert made["id"] > 40


def test_each_person_concerned_has_one_event(report: Report) -> None:
    kinds = Event.objects.filter(kind="user.imported")
    assert list(kinds.order_by("owner_id").values_list("owner_id", flat=True)) == [
        ADMIN,
        ADA,
        GRACE,
        ALAN,
        PORTAL,
    ]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has sequences")
def test_sequences_stand_past_the_highest_number_read(report: Report) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM jobs_job_id_seq")
        assert cursor.fetchone()[0] >= 109

"""`uws import original`: read everything, translate it, then write it in one transaction."""

from __future__ import annotations

from collections.abc import Iterable

from django.apps import apps
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.db.models.functions import Lower
from django.utils import timezone

from uws.accounts.errors import SecondAccount
from uws.accounts.models import AccessToken, ExternalMapping, TokenKind, User
from uws.accounts.service import SECOND_ACCOUNT
from uws.events import log
from uws.jobs.models import Job
from uws.moving import history, people, sequences, source, spaces
from uws.moving.errors import TargetTaken
from uws.moving.keep import fingerprint, keep, remember
from uws.moving.models import ImportedQuota, ImportedRow
from uws.moving.options import OptionNames
from uws.moving.original_config import OriginalConfig
from uws.moving.plan import Plan, Rows
from uws.moving.report import Report, TableReport
from uws.moving.source import OriginalDatabase
from uws.site import Site
from uws.workspaces.models import Workspace
from uws.workspaces.states import WorkspaceState

ACTOR = "import"


def import_original(
    original: OriginalDatabase, site: Site, config: OriginalConfig, *, dry_run: bool = False
) -> Report:
    """Bring the original's records here and return what was done; `dry_run` does it and takes it all back.

    May be repeated: what hasn't changed in the original since is left as it is now. Nothing is written but records;
    directories stay where they are. Raises `MovingProblem` and `SecondAccount`, with nothing written.
    """
    plan = read_plan(original, site, config)
    _refuse_second_account(plan, site)
    try:
        with transaction.atomic():
            _write(plan, site)
            transaction.set_rollback(dry_run)
    except IntegrityError as error:
        raise TargetTaken(f"This installation has rows of its own that are in the way: {error}.") from error
    if not dry_run:
        sequences.advance(_highest_ids(plan))
    plan.report.dry_run = dry_run
    return plan.report


def read_plan(original: OriginalDatabase, site: Site, config: OriginalConfig) -> Plan:
    """Read and translate the whole original; writes nothing. Raises `OriginalUnreadable`."""
    plan = Plan()
    resources = history.Resources.of(site, config.resource_classes)
    options = _option_names(site, config)
    people.read_people(original, site, plan)
    spaces.read_workspaces(original, site, plan, history.read_busy_workspaces(original, resources))
    history.read_jobs(original, site, plan, resources, options)
    spaces.read_shares(original, plan, options, config.main_resource or site.loaded.config.main_resource)
    for table in (
        source.USERS,
        source.WORKSPACES,
        source.JOBS,
        source.MAPPINGS,
        source.SHARES,
        source.QUOTAS,
    ):
        plan.highest_ids[table.name] = original.highest_id(table)
    return plan


def _option_names(site: Site, config: OriginalConfig) -> OptionNames:
    here = {key: spec.settings.parameter_mapping for key, spec in site.loaded.plugins.resources.items()}
    parameters = frozenset(parameter.variable_name for parameter in site.loaded.config.parameters)
    return OptionNames({**here, **config.parameter_mappings}, parameters)


def _refuse_second_account(plan: Plan, site: Site) -> None:
    server = site.deployment.server
    if server.run_jobs_as != "self" or server.shared_account:
        return
    people_there = User.objects.filter(is_api_client=False, is_active=True).values_list("pk", flat=True)
    incoming = {key for key, row in plan.users.items() if row["is_active"] and not row["is_api_client"]}
    if len(incoming | set(people_there)) > 1:
        raise SecondAccount(SECOND_ACCOUNT)


# --- writing: nothing but SQL from here on ---------------------------------------------------------------------


def _write(plan: Plan, site: Site) -> None:
    report = plan.report
    _refuse_taken_names(plan)
    written_users = keep(User, plan.users, report.of(source.USERS.name))
    touched = set(written_users)
    absent = _absent(User, plan.users)
    for rows, table, column in (
        (plan.tokens, source.TOKENS, "user_id"),
        (plan.mappings, source.MAPPINGS, "user_id"),
        (plan.quotas, source.QUOTAS, "user_id"),
        (plan.workspaces, source.WORKSPACES, "owner_id"),
        (plan.jobs, source.JOBS, "owner_id"),
    ):
        _drop_orphans(rows, column, absent, report.of(table.name), "user")
    touched |= _keep_tokens(plan)
    _drop_taken_mappings(plan)
    keep(ExternalMapping, plan.mappings, report.of(source.MAPPINGS.name))
    keep(ImportedQuota, plan.quotas, report.of(source.QUOTAS.name))
    workspaces = keep(Workspace, plan.workspaces, report.of(source.WORKSPACES.name))
    absent = _absent(Workspace, plan.workspaces)
    for columns in plan.jobs.values():
        columns["workspace_id"] = None if columns["workspace_id"] in absent else columns["workspace_id"]
    for columns in plan.shares.values():
        columns["original_id"] = None if columns["original_id"] in absent else columns["original_id"]
    _drop_orphans(plan.shares, "copy_id", absent, report.of(source.SHARES.name), "workspace")
    jobs = keep(Job, plan.jobs, report.of(source.JOBS.name))
    shares = _keep_shares(plan)
    touched |= {plan.workspaces[key]["owner_id"] for key in workspaces}
    touched |= {plan.jobs[key]["owner_id"] for key in jobs}
    touched |= {plan.shares[key]["recipient_id"] for key in shares}
    _requeue_deletions(plan, site, workspaces)
    _record(plan, touched)


def _absent(model: type[Model], rows: Rows) -> frozenset[int]:
    """Return the planned rows that are not here after they have been kept: imported earlier and deleted since."""
    return frozenset(rows.keys() - set(model._default_manager.values_list("pk", flat=True)))


def _drop_orphans(rows: Rows, column: str, absent: frozenset[int], part: TableReport, what: str) -> None:
    for key in [key for key, columns in rows.items() if columns[column] in absent]:
        part.skip(key, f"its {what} {rows.pop(key)[column]} has been deleted here since the earlier import.")


def _refuse_taken_names(plan: Plan) -> None:
    wanted = {columns["username"].lower(): key for key, columns in plan.users.items()}
    for key, name in User.objects.annotate(lower=Lower("username")).values_list("pk", "lower"):
        if wanted.get(name, key) != key:
            raise TargetTaken(
                f"This installation has its own user {name!r} (number {key}), and the original one with the number "
                f"{wanted[name]}; import into a new installation, before its first `uws serve`."
            )


def _keep_tokens(plan: Plan) -> set[int]:
    """Keep the tokens' digests; a token that the original has replaced since is revoked. Returns their users."""
    part = plan.report.of(source.TOKENS.name)
    known = {row.original_id: row for row in ImportedRow.objects.filter(table=part.table)}
    written: list[tuple[int, int, str]] = []
    for user_id, columns in plan.tokens.items():
        # Rights may have been narrowed or the token revoked here: only another token is written again.
        mark = fingerprint({"digest": columns["digest"], "kind": columns["kind"]})
        earlier = known.get(user_id)
        if earlier is not None and earlier.fingerprint == mark:
            part.unchanged += 1
            continue
        if earlier is not None:
            _revoke(earlier.target_id)
        row, _ = AccessToken.objects.update_or_create(digest=columns["digest"], defaults=columns)
        written.append((user_id, row.pk, mark))
        part.updated += earlier is not None
        part.imported += earlier is None
    for user_id in known.keys() - plan.tokens.keys() - {remark.row_id for remark in part.skipped}:
        if _revoke(known[user_id].target_id):
            part.note(user_id, "the token of this user is no longer in the original; it was revoked here.")
    remember(part.table, written)
    return {user_id for user_id, _, _ in written}


def _revoke(token_id: int) -> bool:
    rows = AccessToken.objects.filter(
        pk=token_id, revoked=None, kind__in=(TokenKind.PORTAL, TokenKind.CLIENT)
    )
    return bool(rows.update(revoked=timezone.now()))


def _drop_taken_mappings(plan: Plan) -> None:
    """Leave out mappings that a sign-in here has made already: those are newer."""
    part = plan.report.of(source.MAPPINGS.name)
    users = {(row["user_id"], row["method"]): key for key, row in plan.mappings.items()}
    names = {(row["method"], row["external_username"]): key for key, row in plan.mappings.items()}
    here = ExternalMapping.objects.values_list("pk", "user_id", "method", "external_username")
    for pk, user_id, method, username in here:
        for key in {users.get((user_id, method), pk), names.get((method, username), pk)} - {pk}:
            if plan.mappings.pop(key, None) is not None:
                part.skip(key, f"a mapping of this user or account at {method!r} was made here already.")


def _share_model() -> type[Model] | None:
    if not apps.is_installed("uws.sharing"):
        return None
    from uws.sharing.models import Share

    return Share


def _keep_shares(plan: Plan) -> set[int]:
    part = plan.report.of(source.SHARES.name)
    model = _share_model()
    if model is None:
        for key in plan.shares:
            part.skip(key, "this release has no shares; the copy is imported.")
        return set()
    return keep(model, plan.shares, part)


def _requeue_deletions(plan: Plan, site: Site, written: Iterable[int]) -> None:
    for workspace_id in written:
        if plan.workspaces[workspace_id]["status"] == WorkspaceState.DELETING:
            site.tasks.enqueue("workspaces.remove", workspace_id)


def _record(plan: Plan, touched: Iterable[int]) -> None:
    for user_id in sorted(touched):
        log.append(
            "user.imported",
            f"users/{user_id}",
            owner_id=user_id,
            actor=ACTOR,
            payload={"username": plan.users[user_id]["username"]},
        )


def _highest_ids(plan: Plan) -> dict[type[Model], int]:
    highest = plan.highest_ids
    found: dict[type[Model], int] = {
        User: highest[source.USERS.name],
        ExternalMapping: highest[source.MAPPINGS.name],
        ImportedQuota: highest[source.QUOTAS.name],
        Workspace: highest[source.WORKSPACES.name],
        Job: highest[source.JOBS.name],
    }
    shares = _share_model()
    if shares is not None:
        found[shares] = highest[source.SHARES.name]
    return found

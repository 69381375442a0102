"""The original's workspaces and shares. Directories stay where they are: only records are made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from uws.accounts.person import ExternalAccount
from uws.agent.errors import AgentError, PathError
from uws.agent.identity import Identity
from uws.agent.paths import check_relative_path
from uws.moving import values
from uws.moving.options import OptionNames
from uws.moving.people import owner
from uws.moving.plan import Columns, Plan, Rows, translated
from uws.moving.source import SHARES, WORKSPACES, OriginalDatabase, Row
from uws.moving.values import Unusable
from uws.site import Site
from uws.workspaces.states import WorkspaceState

NAME_LENGTH = 64
PATH_LENGTH = 255
NO_PATH = (
    "The original server never recorded where this workspace's files lie; look for them on the storage and "
    "delete this workspace."
)


def read_workspaces(source: OriginalDatabase, site: Site, plan: Plan, busy: frozenset[int]) -> None:
    """Fill the plan's workspaces. `busy` are those with a job that is pending or running after the import."""
    workspaces = _Workspaces(plan, site, busy)
    plan.workspaces = translated(source, WORKSPACES, plan.report, workspaces.translate)
    workspaces.refuse_overlapping_paths(plan.workspaces)
    _Directories(plan, site).check()


class _Workspaces:
    def __init__(self, plan: Plan, site: Site, busy: frozenset[int]) -> None:
        self._plan = plan
        self._report = plan.report.of(WORKSPACES.name)
        self._storage = site.loaded.config.main_storage
        self._job_types = site.job_types.keys()
        self._busy = busy

    def translate(self, row: Row) -> Columns:
        workspace_id = values.whole(row, "id")
        user_id = owner(row, "user_id_id", self._plan)
        path, problem = self._path(row)
        status, message = self._status(row, workspace_id, problem)
        details = values.json_object(row, "workspace_details")
        current = values.inner(details, "current_workspace_details")
        requested, _ = values.without_secrets(values.inner(details, "request_workspace_details"))
        name = values.text(row, "name")
        if len(name) > NAME_LENGTH:
            self._report.note(workspace_id, f"its name of {len(name)} characters was cut to {NAME_LENGTH}.")
        return {
            "owner_id": user_id,
            "name": name[:NAME_LENGTH],
            "description": values.text(row, "description"),
            "storage": self._storage,
            "path": path,
            "status": status,
            "status_message": message,
            "default_job_type": self._default_job_type(row, workspace_id),
            "disk_space_bytes": values.whole_or_none(row, "disk_space") or 0,
            "request_details": {"files": [], "symlinks": []}
            | (requested if isinstance(requested, dict) else {}),
            "files": values.names(current.get("files")),
            "links": values.names(current.get("symlinks")),
            "created": values.needed_moment(row, "datetime_created"),
            "last_modified": values.moment(row, "datetime_last_modified"),
            "last_job_launch": values.moment(row, "datetime_last_job_launch"),
            "awaits_acceptance": False,
        }

    @staticmethod
    def _path(row: Row) -> tuple[str, str]:
        """Return the path, and what is wrong with it; an unusable path becomes empty."""
        found = values.text(row, "file_path")
        if not found:
            return "", NO_PATH
        try:
            path = check_relative_path(found)
        except PathError as problem:
            return "", f"The original server's record of its directory can't be used: {problem}"
        if len(path) > PATH_LENGTH or len(PurePosixPath(path).parts) < 2:
            return "", (
                f"The original server's record of its directory, {found[:80]!r}, can't be used; "
                "expected <account>/<number>."
            )
        return path, ""

    def _status(self, row: Row, workspace_id: int, problem: str) -> tuple[str, str]:
        status = values.text(row, "status")
        if problem:
            self._report.note(workspace_id, f"imported in the state error: {problem}")
            return WorkspaceState.ERROR, problem
        if status == WorkspaceState.DELETING:
            if workspace_id not in self._busy:
                return WorkspaceState.DELETING, ""
            self._report.note(workspace_id, "its deletion waits until its jobs have ended.")
            return WorkspaceState.DELETING, ""
        if status == WorkspaceState.ERROR:
            return WorkspaceState.ERROR, "The original server left this workspace in the state error."
        if status not in (WorkspaceState.IDLE, WorkspaceState.ACTIVE):
            # Never as initializing: the sweep takes such a row for a creation that died, and removes its files.
            self._report.note(workspace_id, f"its state {status[:40]!r} became idle or active.")
        return (WorkspaceState.ACTIVE if workspace_id in self._busy else WorkspaceState.IDLE), ""

    def _default_job_type(self, row: Row, workspace_id: int) -> str | None:
        if row["default_job_type"] is None:
            return None
        found = values.text(row, "default_job_type", 128)
        if found and found not in self._job_types:
            self._report.note(workspace_id, f"its default job type {found!r} is not configured here.")
        return found

    def refuse_overlapping_paths(self, rows: Rows) -> None:
        """Take its path from every workspace that lies in another's: deleting one would delete both."""
        by_path: dict[str, int] = {}
        for workspace_id, columns in sorted(rows.items(), key=lambda item: (len(item[1]["path"]), item[0])):
            path = columns["path"]
            if not path:
                continue
            parents = [str(parent) for parent in PurePosixPath(path).parents]
            other = next((by_path[each] for each in (path, *parents) if each in by_path), None)
            if other is None:
                by_path[path] = workspace_id
                continue
            problem = f"The original server's record puts its files into workspace {other}'s directory."
            self._report.note(workspace_id, f"imported in the state error: {problem}")
            columns |= {"path": "", "status": WorkspaceState.ERROR, "status_message": problem}


class _Directories:
    """Looks whether each workspace's directory is where the record says, as the account that owns it."""

    def __init__(self, plan: Plan, site: Site) -> None:
        self._plan = plan
        self._report = plan.report.of(WORKSPACES.name)
        self._agents = site.deployment.agents
        self._storage = site.storages[site.loaded.config.main_storage]
        method = self._storage.authentication.key
        self._accounts = {
            columns["user_id"]: ExternalAccount(columns["external_user_id"], columns["external_username"])
            for columns in plan.mappings.values()
            if columns["method"] == method
        }

    def check(self) -> None:
        by_identity: dict[Identity, list[int]] = {}
        for workspace_id, columns in self._plan.workspaces.items():
            if columns["path"]:
                by_identity.setdefault(self._identity(columns), []).append(workspace_id)
        for identity, workspace_ids in by_identity.items():
            try:
                with self._agents(identity) as files:
                    for workspace_id in workspace_ids:
                        path = self._plan.workspaces[workspace_id]["path"]
                        found = files.status(self._storage.root, path)
                        if found is None or found.kind != "directory":
                            self._missing(workspace_id, path)
            except AgentError as error:
                self._report.note(None, f"directories of {identity.username} were not looked at: {error}")

    def _identity(self, columns: Columns) -> Identity:
        name = PurePosixPath(columns["path"]).parts[0]
        account = self._accounts.get(columns["owner_id"]) or ExternalAccount(name, name)
        return self._storage.identity(account)

    def _missing(self, workspace_id: int, path: str) -> None:
        if self._plan.workspaces[workspace_id]["status"] != WorkspaceState.DELETING:
            self._report.note(workspace_id, f"its directory {path} is not below {self._storage.root}.")


def read_shares(source: OriginalDatabase, plan: Plan, options: OptionNames, resource: str) -> None:
    """Fill the plan's shares, and mark the copies that nobody has accepted yet.

    `resource` is the key of the resource in whose names the original kept the options of shares.
    """
    seen: dict[int, int] = {}

    def translate(row: Row) -> Columns:
        copy_id = values.whole(row, "shared_workspace_id_id")
        copy = plan.workspaces.get(copy_id)
        if copy is None:
            raise Unusable(f"its copy, workspace {copy_id}, was not imported")
        share_id = values.whole(row, "id")
        if seen.setdefault(copy_id, share_id) != share_id:
            raise Unusable(f"its copy, workspace {copy_id}, belongs to share {seen[copy_id]}")
        original_id = values.whole_or_none(row, "original_workspace_id_id")
        original = plan.workspaces.get(original_id) if original_id is not None else None
        sender = original["owner_id"] if original is not None else copy["owner_id"]
        if original is None:
            plan.report.of(SHARES.name).note(
                share_id, "its original is gone, and with it who sent it; its recipient stands as sender."
            )
        accepted = values.truth(row, "is_accepted")
        copy["awaits_acceptance"] = not accepted
        return {
            "original_id": original_id if original is not None else None,
            "copy_id": copy_id,
            "sender_id": sender,
            "recipient_id": copy["owner_id"],
            "last_job_type": values.text(row, "last_job_type", 128),
            "last_resource_options": options.callers(resource, _options(row)),
            "is_accepted": accepted,
            "created": values.moment(row, "datetime_share_created") or copy["created"],
        }

    plan.shares = translated(source, SHARES, plan.report, translate)


def _options(row: Row) -> Mapping[str, Any]:
    return values.json_object(row, "last_resource_options")

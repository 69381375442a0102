"""A workspace's files and links as its page lists them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from uws.agent.client import FileStatus
from uws.agent.errors import AgentError
from uws.refusals import Refusal
from uws.site import Site
from uws.workspaces.models import Workspace
from uws.workspaces.states import WorkspaceState

logger = logging.getLogger(__name__)

SHOWN_ENTRIES = 300


@dataclass(frozen=True)
class Entry:
    """One file or link, by its path in the workspace. What could not be asked for is None."""

    path: str
    is_link: bool
    size_bytes: int | None = None
    modified: datetime | None = None
    target: str = ""

    @property
    def directory(self) -> str:
        """The part of the path that is shown quietly before the name, with its last `/`."""
        return self.path[: len(self.path) - len(self.name)]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Listing:
    """What the last scan of the workspace's directory found, cut to what a page can show."""

    entries: list[Entry]
    file_count: int
    link_count: int
    hidden_count: int
    is_truncated: bool


def list_workspace(site: Site, workspace: Workspace) -> Listing:
    """Return the scan's names, links first, with the sizes that the files have now."""
    names = [(str(name).lstrip("/"), True) for name in sorted(workspace.links)]
    names += [(str(name).lstrip("/"), False) for name in sorted(workspace.files)]
    shown = names[:SHOWN_ENTRIES]
    statuses = _statuses(site, workspace, [path for path, is_link in shown if not is_link])
    targets = _targets(workspace)
    return Listing(
        entries=[_entry(path, is_link, statuses.get(path), targets.get(path, "")) for path, is_link in shown],
        file_count=len(workspace.files),
        link_count=len(workspace.links),
        hidden_count=len(names) - len(shown),
        is_truncated=workspace.listing_truncated,
    )


def _entry(path: str, is_link: bool, status: FileStatus | None, target: str) -> Entry:
    if status is None or status.kind != "file":
        return Entry(path, is_link, target=target)
    return Entry(path, is_link, status.size_bytes, datetime.fromtimestamp(status.modified, UTC))


def _statuses(site: Site, workspace: Workspace, paths: list[str]) -> dict[str, FileStatus | None]:
    """Ask the agent for the files' sizes; a workspace that can't be opened is listed without them."""
    if not paths or workspace.status not in (WorkspaceState.IDLE, WorkspaceState.ACTIVE):
        return {}
    found: dict[str, FileStatus | None] = {}
    try:
        with site.workspaces.open(workspace) as files:
            for path in paths:
                found[path] = files.status(path)
    except (AgentError, Refusal) as problem:
        logger.warning("workspace %s is listed without its files' sizes: %s", workspace.pk, problem)
    return found


def _targets(workspace: Workspace) -> dict[str, str]:
    """Return where the links that came with the creation lead, as they were asked for."""
    details: object = workspace.request_details
    links = details.get("symlinks") if isinstance(details, Mapping) else None
    return {
        str(link.get("name", "")).strip("/"): str(link.get("source_path", ""))
        for link in (links if isinstance(links, list) else [])
        if isinstance(link, Mapping)
    }

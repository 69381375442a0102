"""Looking into a data collection, to choose what is linked into a workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from uws.agent.client import Agents
from uws.agent.identity import Identity
from uws.agent.paths import check_relative_path
from uws.workspaces.storage.base import DataCollection

ENTRIES_LIMIT = 2000


@dataclass(frozen=True)
class CollectionEntry:
    """One entry of a data collection's directory; `size` in bytes."""

    name: str
    is_directory: bool
    size: int


def browse(
    agents: Agents, identity: Identity, collection: DataCollection, sub_path: str
) -> Sequence[CollectionEntry]:
    """List one directory of a collection as `identity`, hidden entries left out, at most `ENTRIES_LIMIT`.

    `sub_path` is relative to the collection, empty for its top; links are not followed. A
    file, or a link, has no entries. Raises `AgentError`.
    """
    path = check_relative_path(sub_path) if sub_path else ""
    with agents(identity) as files:
        about = files.status(collection.path, path)
        if about is not None and about.kind != "directory":
            return []
        found = files.list_directory(collection.path, path, limit=ENTRIES_LIMIT).entries
    return [
        CollectionEntry(entry.name, entry.kind == "directory", entry.size_bytes)
        for entry in found
        if not entry.name.startswith(".")
    ]

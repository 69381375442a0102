"""Workspaces in a directory of a file system that this host has mounted."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import ClassVar

from uws.accounts.person import ExternalAccount, Person
from uws.agent.identity import Identity
from uws.config.health import Health
from uws.config.models import StorageEntry
from uws.workspaces.storage.base import (
    DataCollection,
    LinkRefused,
    LinkRequest,
    ResolvedLink,
    StorageMethod,
)


class LocalFileSystemStorage(StorageMethod):
    """A local or network file system. Links may lead into the configured `data_collections`, nowhere else."""

    Settings: ClassVar[type[StorageEntry]] = StorageEntry

    @property
    def root(self) -> Path:
        return self.deployment.data_dir / self.settings.root_dir

    def identity(self, account: ExternalAccount) -> Identity:
        return Identity.current()

    def collections(self, person: Person) -> Sequence[DataCollection]:
        return [
            DataCollection(entry.name, self.deployment.data_dir / entry.path, entry.description)
            for entry in self.settings.data_collections
        ]

    def resolve_links(
        self, person: Person, links: Sequence[LinkRequest], details: Mapping[str, object]
    ) -> Sequence[ResolvedLink]:
        offered = self.collections(person)
        return [self._resolve(link, offered) for link in links]

    def _resolve(self, link: LinkRequest, offered: Sequence[DataCollection]) -> ResolvedLink:
        source = link.source.get("source_path")
        if not isinstance(source, str) or not source:
            raise LinkRefused(
                f"Symlink {link.name!r} has no source_path: expected the absolute path of a file or directory "
                f"in {_names(offered)}."
            )
        shown = source[:300]
        path = PurePosixPath(source)
        if "\0" in source or not path.is_absolute() or ".." in path.parts:
            raise LinkRefused(f"Symlink source_path {shown!r} must be an absolute path without '..'.")
        if not any(path.is_relative_to(collection.path) for collection in offered):
            # The contract's words; whether it exists is not told of what isn't offered.
            raise LinkRefused(f"Symlink path not found: {shown}. It must lie in {_names(offered)}.")
        if not os.path.lexists(source):
            raise LinkRefused(f"Symlink path not found: {shown}")
        return ResolvedLink(link.name, str(path))

    def health(self) -> Health:
        if not self.root.is_dir():
            return Health(False, f"The storage directory of {self.key!r} does not exist.")
        if not os.access(self.root, os.W_OK | os.X_OK):
            return Health(False, f"The storage directory of {self.key!r} cannot be written.")
        return Health(True, "The storage directory can be written.")


def _names(offered: Sequence[DataCollection]) -> str:
    if not offered:
        return "a data collection, and this server offers none"
    return ", ".join(f"{collection.name!r} ({collection.path})" for collection in offered)

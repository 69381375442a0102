"""A storage: links name a data set of a catalogue, `{"name": "brain", "dataset_id": "DS-12"}`, instead of a path.

The catalogue is a JSON object, data set id to absolute directory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from uws.accounts.person import ExternalAccount, Person
from uws.agent.identity import Identity
from uws.config.health import Health
from uws.config.models import StorageEntry
from uws.config.references import DataPath
from uws.config.server import SettingsModel
from uws.workspaces.storage.base import (
    DataCollection,
    LinkRefused,
    LinkRequest,
    ResolvedLink,
    StorageMethod,
    StorageUnreachable,
)


class CatalogueDetails(SettingsModel):
    """`connection_details`: what the operator writes into `config.json`."""

    catalogue: DataPath = Field(description="The JSON file of the catalogue: data set id to directory.")


class CatalogueEntry(StorageEntry):
    """The whole entry: what every entry has, and the details above."""

    connection_details: CatalogueDetails = Field(description="Where the catalogue is.")


class CatalogueStorage(StorageMethod):
    """Workspaces on a mounted file system, links into what a catalogue knows."""

    Settings: ClassVar[type[StorageEntry]] = CatalogueEntry
    settings: CatalogueEntry

    @property
    def root(self) -> Path:
        return self.settings.root_dir

    def identity(self, account: ExternalAccount) -> Identity:
        return Identity.current()

    def collections(self, person: Person) -> Sequence[DataCollection]:
        return []

    def resolve_links(
        self, person: Person, links: Sequence[LinkRequest], details: Mapping[str, object]
    ) -> Sequence[ResolvedLink]:
        known = self._catalogue()
        return [self._resolve(link, known) for link in links]

    @staticmethod
    def _resolve(link: LinkRequest, known: Mapping[str, str]) -> ResolvedLink:
        dataset = link.source.get("dataset_id")
        target = known.get(dataset) if isinstance(dataset, str) else None
        if target is None:
            raise LinkRefused(
                f"Symlink {link.name!r}: dataset_id {str(dataset)[:80]!r} is not in the catalogue."
            )
        return ResolvedLink(link.name, target)

    def _catalogue(self) -> Mapping[str, str]:
        try:
            known = json.loads(self.settings.connection_details.catalogue.read_bytes())
        except (OSError, ValueError) as error:
            raise StorageUnreachable(f"The catalogue cannot be read: {error}") from error
        return {str(key): str(path) for key, path in known.items()}

    def health(self) -> Health:
        try:
            return Health(True, f"{len(self._catalogue())} data sets are in the catalogue.")
        except StorageUnreachable as problem:
            return Health(False, problem.message)

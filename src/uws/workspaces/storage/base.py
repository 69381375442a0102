"""The contract of a storage method.

A storage method says where workspaces lie, as whom their files are touched, and which links may be made into
them. The file work itself (safe paths, atomic writes, scans, removal) is not a plugin's business: it is done by
the agent, through `WorkspaceFiles`. Sub-class `StorageMethod`, declare `Settings`, and name the class in
`config.json` under `available_storage`. `uws.testing.storage` has a kit of tests for implementations.

Called in the web processes' thread pools and in the background workers, never in an event loop; one instance
serves all threads of a process at once. Nothing here is called while a database transaction is open.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from uws.accounts.authentication.base import AuthenticationMethod
from uws.accounts.person import ExternalAccount, Person
from uws.agent.identity import Identity
from uws.config.deployment import Deployment
from uws.config.health import Health
from uws.config.models import StorageEntry


class StorageProblem(Exception):
    """Base of everything a storage method may raise; `message` may be shown to the caller."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class LinkRefused(StorageProblem):
    """A link asks for a source that does not exist or is not offered. Answered with 400."""


class StorageUnreachable(StorageProblem):
    """The storage (or a look-up service it needs) did not answer. Answered with 503; may be repeated."""


@dataclass(frozen=True)
class DataCollection:
    """A read-only directory that the operator offers as a source of links. `path` is absolute."""

    name: str
    path: Path
    description: str = ""


@dataclass(frozen=True)
class LinkRequest:
    """One link as a user asks for it: `name` inside the workspace (checked), `source` as sent.

    `source` is the whole entry of the request (`{"name", "source_path"}` or what another storage
    understands, such as `{"name", "dataset_uuid"}`); unknown keys are ignored.
    """

    name: str
    source: Mapping[str, object]


@dataclass(frozen=True)
class ResolvedLink:
    """A link to be made: `name` inside the workspace, `target` an absolute path on the storage's hosts."""

    name: str
    target: str


class StorageMethod(ABC):
    """One place where workspaces live. Built once a process, from a validated entry of `config.json`."""

    Settings: ClassVar[type[StorageEntry]] = StorageEntry

    def __init__(
        self, key: str, settings: StorageEntry, authentication: AuthenticationMethod, deployment: Deployment
    ) -> None:
        """Keep the arguments. Must not call out. `authentication` is the directory of the files' owners."""
        self.key = key
        self.settings = settings
        self.authentication = authentication
        self.deployment = deployment

    @property
    @abstractmethod
    def root(self) -> Path:
        """The absolute directory below which every workspace lies. The operator's: trusted, never a user's."""

    @abstractmethod
    def identity(self, account: ExternalAccount) -> Identity:
        """Return the Unix identity that this account's file and process work is done as."""

    def workspace_path(self, account: ExternalAccount, workspace_id: int) -> str:
        """Return the workspace's directory relative to `root`: `<account name>/<workspace id>` (contract §3)."""
        return f"{account.username}/{workspace_id}"

    @abstractmethod
    def collections(self, person: Person) -> Sequence[DataCollection]:
        """Return the data that this person may link to, for forms. Called in requests: must be cheap."""

    @abstractmethod
    def resolve_links(
        self, person: Person, links: Sequence[LinkRequest], details: Mapping[str, object]
    ) -> Sequence[ResolvedLink]:
        """Turn requested links into targets, all or none, before anything is made on disk.

        `details` is the request's `workspace_details` (some storages find a token in it). Names are unique
        relative paths, already checked. Raises `LinkRefused` naming the first link that cannot be made, and
        `StorageUnreachable`.
        """

    @abstractmethod
    def health(self) -> Health:
        """Say whether the storage can be written. Called in the background, never in a request."""

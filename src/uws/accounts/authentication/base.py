"""The contract of an authentication method.

An authentication method answers two questions: *who is it that asks for a token?* (`identify`) and *which
account does this person have in the outside directory that owns files and jobs?* (`account_for`).
Sub-class `AuthenticationMethod`, declare `Settings`, and name the class in `config.json`:

    "available_user_authentication": {
        "our-directory": {
            "name": "Our directory",
            "user_authentication_type": "our_package.directory:OurDirectory",
            "connection_details": {…}
        }
    }

`uws.testing.authentication` has a kit of tests that every implementation should pass.

Where the methods are called: in the web processes' "slow" thread pool (a call may wait for the network, up to
its own time-outs: 3 s to connect and 10 s in all are the house rule) and in the background workers; never in an
event loop. One instance serves all threads of a process at once: keep no state that is not thread-safe. The
server's own Unix account makes the calls.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from uws.accounts.person import ExternalAccount, Person
from uws.config.deployment import Deployment
from uws.config.health import Health
from uws.config.models import AuthenticationEntry


class AuthenticationProblem(Exception):
    """Base of everything an authentication method may raise; `message` may be shown to the caller."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class MalformedTokenRequest(AuthenticationProblem):
    """The body of `POST /tokens/` lacks a field or has one of the wrong type. Answered with 400."""


class CredentialsRefused(AuthenticationProblem):
    """The credentials are wrong, unknown or expired. Answered with 401; `reason` is for the audit log only."""

    def __init__(self, reason: str, message: str = "Incorrect authentication credentials.") -> None:
        super().__init__(message)
        self.reason = reason


class MembershipRefused(AuthenticationProblem):
    """The person is known, but is not in a group that may use this server. Answered with 403."""


class PermissionRefused(AuthenticationProblem):
    """The person has, and can be given, no account in this directory. Answered with the contract's 400."""


class DirectoryUnreachable(AuthenticationProblem):
    """The directory did not answer: not a refusal. Answered with 503; the caller may try again."""


@dataclass(frozen=True)
class Identification:
    """Who the directory says the caller is. Names are as the directory writes them."""

    external_user_id: str
    username: str
    email: str
    first_name: str = ""
    last_name: str = ""
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Continuation:
    """More is needed from the caller: `body` is answered as it is, with 200 (OAuth: `{"auth_uri": …}`)."""

    body: Mapping[str, object]


class ClientTokens(Protocol):
    """What an authentication method may ask of the accounts: is this the token of a portal's API client?"""

    def client_name(self, token: str) -> str | None:
        """Return the API client's username, or None where the token is unknown, revoked or another kind."""
        ...


class AuthenticationMethod(ABC):
    """One way of knowing people. Built once a process, from a validated entry of `config.json`."""

    Settings: ClassVar[type[AuthenticationEntry]] = AuthenticationEntry
    """The pydantic model of the whole entry. Every field needs a description; unknown keys stop the start."""

    def __init__(self, key: str, settings: AuthenticationEntry, deployment: Deployment) -> None:
        """Keep `key` (the entry's key in `config.json`) and the settings. Must not call out or raise."""
        self.key = key
        self.settings = settings
        self.deployment = deployment

    @abstractmethod
    def identify(self, body: Mapping[str, object], clients: ClientTokens) -> Identification | Continuation:
        """Answer who sends this body to `POST /tokens/`.

        `body` is the parsed JSON object (bounded in size and depth; every value's type is unchecked).
        May be called often (portals post at every login), and by strangers: refuse fast.
        Raises `MalformedTokenRequest`, `CredentialsRefused`, `MembershipRefused`, `DirectoryUnreachable`.
        """

    @abstractmethod
    def account_for(self, person: Person, known: ExternalAccount | None) -> ExternalAccount:
        """Return the person's account in this directory, making one where the settings allow it.

        `known` is what an earlier call returned and the server kept, or None. Called at every creation,
        change and deletion of a workspace and at every start of a job, so an answer from `known` should cost
        nothing. May be repeated: a second call for the same person returns the same account.
        Raises `PermissionRefused` (no account, and none may be made) and `DirectoryUnreachable`.
        """

    @abstractmethod
    def health(self) -> Health:
        """Say whether the directory answers. Called in the background a few times a minute, never in a request."""

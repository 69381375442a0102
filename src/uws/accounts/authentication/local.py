"""Local accounts: the people are this server's own, vouched for by a portal's API client (contract §§2, 11)."""

from __future__ import annotations

import pwd
from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from uws.accounts.authentication.base import (
    AuthenticationMethod,
    ClientTokens,
    CredentialsRefused,
    Identification,
    MalformedTokenRequest,
    PermissionRefused,
)
from uws.accounts.names import ACCOUNT_NAME_RULE, is_account_name, is_email
from uws.accounts.person import ExternalAccount, Person
from uws.config.health import Health
from uws.config.models import AuthenticationEntry


class LocalConnectionDetails(BaseModel):
    """`connection_details` of `LocalUserAuthentication`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    create_external_users: bool = Field(
        default=False,
        description="Make a missing operating-system account (multi-user installations only).",
        json_schema_extra={"without_effect": "this release does all work as its own account"},
    )
    operating_system: Literal["linux", "osx"] = Field(
        default="linux",
        description="The operating system whose accounts are meant.",
        json_schema_extra={"without_effect": "this release does all work as its own account"},
    )


class LocalEntry(AuthenticationEntry):
    """A whole entry of `LocalUserAuthentication`."""

    connection_details: LocalConnectionDetails = Field(
        default=LocalConnectionDetails(), description="How accounts of the operating system are treated."
    )


class LocalUserAuthentication(AuthenticationMethod):
    """Users of this server itself; in single-account mode their files are the server's own account's."""

    Settings: ClassVar[type[AuthenticationEntry]] = LocalEntry

    def identify(self, body: Mapping[str, object], clients: ClientTokens) -> Identification:
        if "client_token" not in body:
            raise MalformedTokenRequest("Missing client_token. Please have admin generate a token for you.")
        if "user_info" not in body:
            raise MalformedTokenRequest("Missing user_info. Please provide user_info to get user_token.")
        token, who = body["client_token"], body["user_info"]
        if not isinstance(token, str) or clients.client_name(token) is None:
            raise CredentialsRefused("the client_token is not an API client's")
        if not isinstance(who, dict):
            raise CredentialsRefused("user_info is not an object")
        username, email = who.get("username"), who.get("email")
        if not is_account_name(username):
            raise CredentialsRefused(f"user_info.username is not {ACCOUNT_NAME_RULE}")
        if not is_email(email):
            raise CredentialsRefused("user_info.email is not an e-mail address")
        assert isinstance(username, str)
        assert isinstance(email, str)
        if _is_system_account(username):
            raise CredentialsRefused("user_info.username is an account of the operating system itself")
        return Identification(external_user_id=username, username=username, email=email)

    def account_for(self, person: Person, known: ExternalAccount | None) -> ExternalAccount:
        if known is not None:
            return known
        if not is_account_name(person.username):
            raise PermissionRefused(
                f"The user name {person.username!r} cannot own files: expected {ACCOUNT_NAME_RULE}."
            )
        return ExternalAccount(user_id=person.username, username=person.username)

    def health(self) -> Health:
        return Health(connected=True, message="Accounts are kept by this server.")


def _is_system_account(username: str) -> bool:
    """True for accounts below uid 1000, such as `root` and `daemon` (login.defs(5), UID_MIN)."""
    try:
        return pwd.getpwnam(username).pw_uid < 1000
    except KeyError:
        return False

"""An authentication method: people are known by tokens whose SHA-256 stand in a file of the operator.

Each line of the file: `<sha256 of the token> <user name> <e-mail address>`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from uws.accounts.authentication.base import (
    AuthenticationMethod,
    ClientTokens,
    CredentialsRefused,
    Identification,
    MalformedTokenRequest,
)
from uws.accounts.person import ExternalAccount, Person
from uws.config.health import Health
from uws.config.models import AuthenticationEntry
from uws.config.references import DataPath
from uws.config.server import SettingsModel


class TokenFileDetails(SettingsModel):
    """`connection_details`: what the operator writes into `config.json`."""

    file: DataPath = Field(
        description="The file with the people; relative to the data directory, or absolute."
    )


class TokenFileEntry(AuthenticationEntry):
    """The whole entry: what every entry has, and the details above."""

    connection_details: TokenFileDetails = Field(description="Where the people are.")


class TokenFile(AuthenticationMethod):
    """Knows who sends a token that stands in the file."""

    Settings: ClassVar[type[AuthenticationEntry]] = TokenFileEntry
    settings: TokenFileEntry

    def identify(self, body: Mapping[str, object], clients: ClientTokens) -> Identification:
        if "auth_token" not in body:
            raise MalformedTokenRequest("Missing auth_token.")
        token = body["auth_token"]
        if not isinstance(token, str):
            raise CredentialsRefused("auth_token is no text")
        wanted = hashlib.sha256(token.encode()).hexdigest()
        for digest, username, email in self._people():
            if digest == wanted:
                return Identification(external_user_id=username, username=username, email=email)
        raise CredentialsRefused("the token stands in no line of the file")

    def account_for(self, person: Person, known: ExternalAccount | None) -> ExternalAccount:
        return known or ExternalAccount(user_id=person.username, username=person.username)

    def health(self) -> Health:
        if not self._file.is_file():
            return Health(False, "The file with the people does not exist.")
        return Health(True, f"{len(self._people())} people are known.")

    @property
    def _file(self) -> Path:
        return self.settings.connection_details.file

    def _people(self) -> list[tuple[str, str, str]]:
        if not self._file.is_file():
            return []
        lines = (line.split() for line in self._file.read_text("utf-8").splitlines())
        return [(words[0], words[1], words[2]) for words in lines if len(words) == 3]

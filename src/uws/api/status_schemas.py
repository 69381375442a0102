"""The body of `/status/` as models, for the API's description only."""

from __future__ import annotations

from ninja import Schema
from pydantic import Field

from uws.api.schemas import Done


class HealthEntry(Schema):
    """How one dependency is."""

    connected: bool = Field(description="Whether it answers.")
    message: str = Field(description="What it said, or what is wrong.")
    latency_ms: float | None = Field(default=None, description="How long its answer took, in milliseconds.")


class Dependencies(Schema):
    """The parts below this server, as last checked in the background."""

    main_resource: HealthEntry = Field(description="Where jobs run.")
    api_user_authentication: HealthEntry = Field(description="Who vouches for users.")
    resources: dict[str, HealthEntry] = Field(description="All resources by key.")
    storage_methods: dict[str, HealthEntry] = Field(description="All storage methods by key.")
    user_authentication_methods: dict[str, HealthEntry] = Field(description="All authentication methods.")


class StatusAnswer(Done):
    """The server's own state."""

    version: str = Field(description="The server's version.")
    build: str = Field(description="Which build of it; a release is its own build.")
    dependencies: Dependencies = Field(description="What it depends on.")

"""Plugin classes without behaviour: what the loader sees of a plugin."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from uws.config.models import AuthenticationEntry, JobTypeEntry, ResourceEntry, StorageEntry
from uws.config.references import DataPath, Secret
from uws.config.server import SettingsModel


class DirectoryDetails(SettingsModel):
    create_external_users: bool = Field(False, description="Whether accounts are made.")
    password: Secret = Field(SecretStr(""), description="The directory's password.")
    operating_system: str = Field(
        "",
        description="Accepted.",
        json_schema_extra={"without_effect": "accounts are looked up the same way"},
    )


class DirectoryEntry(AuthenticationEntry):
    connection_details: DirectoryDetails = Field(DirectoryDetails(), description="The directory.")


class DoubleAuthentication:
    Settings: ClassVar[type[AuthenticationEntry]] = DirectoryEntry


class DoubleStorage:
    Settings: ClassVar[type[StorageEntry]] = StorageEntry


class ClusterDetails(SettingsModel):
    root_url: str = Field(description="Address.")
    api_token: Secret = Field(description="Token.")


class ClusterEntry(ResourceEntry):
    cpu_partition: str = Field("", description="Partition.")
    connection_details: ClusterDetails = Field(description="The cluster.")


class DoubleCluster:
    Settings: ClassVar[type[ResourceEntry]] = ClusterEntry


class DoubleResource:
    Settings: ClassVar[type[ResourceEntry]] = ResourceEntry


class NotebookSettings(SettingsModel):
    module_manager: Literal["virtualenv", "lmod", "tar"] = Field(description="How.")
    environment_name: str = Field("jupyter", description="Name.")
    python_packages: tuple[str, ...] = Field((), description="Packages.")
    tar_file_path: DataPath | None = Field(None, description="Archive.")
    time_limit: int | str | None = Field(None, description="Minutes.")

    @model_validator(mode="after")
    def _check(self) -> NotebookSettings:
        if self.module_manager == "tar" and self.tar_file_path is None:
            raise ValueError("tar_file_path: found nothing; expected a path with module_manager tar")
        return self


class DoubleNotebook:
    Settings: ClassVar[type[JobTypeEntry]] = JobTypeEntry
    EnvironmentSettings: ClassVar[type[BaseModel]] = NotebookSettings


class NoSettings(SettingsModel):
    pass


class DoubleTestJob:
    Settings: ClassVar[type[JobTypeEntry]] = JobTypeEntry
    EnvironmentSettings: ClassVar[type[BaseModel]] = NoSettings


class OpenSettings(BaseModel):
    model_config = ConfigDict(extra="allow")


class DoubleOpenJob:
    Settings: ClassVar[type[JobTypeEntry]] = JobTypeEntry
    EnvironmentSettings: ClassVar[type[BaseModel]] = OpenSettings


class NoPlugin:
    """Has no `Settings`."""

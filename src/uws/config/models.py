"""The models of `config.json`. A plugin sub-classes its kind's entry and declares it as its `Settings`.

    class OurEntry(StorageEntry):
        connection_details: OurDetails

Models are strict while a file is loaded ("5" is no number) and lenient in Python code.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from uws.config.references import DataPath, config_problem
from uws.config.server import ServerSettings, SettingsModel

Model = TypeVar("Model", bound=BaseModel)


class ParameterValidation(SettingsModel):
    """What a value of a parameter must be."""

    type: Literal["int", "bool", "str", "float"] = Field(
        description="Type of the value; nothing is converted."
    )
    min: int | float | None = Field(None, description="Smallest value allowed, for numbers.")
    max: int | float | None = Field(None, description="Largest value allowed, for numbers.")
    required: bool = Field(False, description="Whether every start must name a value.")


def _check_variable_name(value: str) -> str:
    if not re.match(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z", value):
        raise config_problem("a name of at most 64 letters, digits and underscores that begins with no digit")
    return value


class Parameter(SettingsModel):
    """One option that people choose when they start a job, such as the number of CPUs."""

    display_name: str = Field(min_length=1, max_length=200, description="The option's name in forms.")
    description: str = Field("", description="One sentence about it, in forms.")
    variable_name: Annotated[str, AfterValidator(_check_variable_name)] = Field(
        description="Its key in a start request's resource_options."
    )
    default_value: bool | int | float | str | None = Field(None, description="The value forms begin with.")
    validation: ParameterValidation = Field(description="What a value must be.")


class NoDetails(SettingsModel):
    """The `connection_details` of a plugin that needs none: an empty object."""


class _ValidatedAsNoDetails:
    """Makes a field of type `BaseModel` (plugins narrow it to a model of theirs) take an empty object only."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler.generate_schema(NoDetails)


ConnectionDetails = Annotated[BaseModel, _ValidatedAsNoDetails]


class AuthenticationEntry(SettingsModel):
    """One entry of `available_user_authentication`."""

    name: str = Field(min_length=1, max_length=200, description="Name for people.")
    user_authentication_type: str = Field(
        min_length=1, description="Class of the authentication method: its name, or package.module:Class."
    )
    connection_details: ConnectionDetails = Field(
        NoDetails(), description="What the class needs to reach its directory; see the class."
    )


class DataCollectionEntry(SettingsModel):
    """A read-only directory that the operator offers as a source of links."""

    name: str = Field(min_length=1, max_length=200, description="Name for people, unique in its storage.")
    path: DataPath = Field(description="The directory; relative to the data directory, or absolute.")
    description: str = Field("", description="One sentence about the data.")


class StorageEntry(SettingsModel):
    """One entry of `available_storage`."""

    name: str = Field(min_length=1, max_length=200, description="Name for people.")
    storage_type: str = Field(
        min_length=1, description="Class of the storage method: its name, or package.module:Class."
    )
    user_authentication: str = Field(
        description="Key of the authentication method whose accounts own the files."
    )
    root_dir: DataPath = Field(
        description="Directory below which all workspaces lie; relative to the data directory, or absolute."
    )
    data_collections: tuple[DataCollectionEntry, ...] = Field(
        (), description="Read-only directories that people may link into their workspaces."
    )
    connection_details: ConnectionDetails = Field(
        NoDetails(), description="What the class needs; see the class."
    )


class ResourceEntry(SettingsModel):
    """One entry of `available_resources`."""

    name: str = Field(min_length=1, max_length=200, description="Name for people.")
    resource_type: str = Field(
        min_length=1, description="Class of the resource: its name, or package.module:Class."
    )
    storage: str = Field(description="Key of the storage that its jobs see, in available_storage.")
    user_authentication: str = Field(
        description="Key of the authentication method whose accounts own its jobs."
    )
    passthrough_domain: str = Field(
        "",
        description="Accepted from configurations of the original server.",
        json_schema_extra={"without_effect": "running jobs are served at server.jobs_domain"},
    )
    parameter_mapping: dict[str, str] = Field(
        {},
        description="Name of an option to the resource's own name of it, for options unknown to the server.",
    )
    time_pending_catch: int | None = Field(
        None,
        ge=0,
        description="Seconds after which a job that still waits is late; 0 or null: never. This release reports none.",
    )
    connection_details: ConnectionDetails = Field(
        NoDetails(), description="What the class needs; see the class."
    )


class JobTypeEntry(SettingsModel):
    """One entry of `available_job_types`."""

    name: str = Field(min_length=1, max_length=200, description="Name for people.")
    job_type: str = Field(
        min_length=1, description="Class of the job type: its name, or package.module:Class."
    )
    description: str = Field("", description="One sentence about it, on its card in the console.")
    icon: str = Field("", description="Name of the icon on its card in the console.")
    environment_details: dict[str, Any] = Field(
        description="For each resource's key, what the class needs there; or that alone, for every resource."
    )
    """After `load`: resource key to the validated `EnvironmentSettings`, for each resource that has one."""

    def environment(self, resource_key: str, model: type[Model]) -> Model | None:
        """Return what `environment_details` says for one resource, as the job type's `EnvironmentSettings`.

        Returns None where the entry has nothing for that resource. Costs nothing after `load`.
        Raises `pydantic.ValidationError` for an entry that didn't come through `load`.
        """
        details = self.environment_details.get(resource_key)
        return None if details is None else model.model_validate(details)


class Config(SettingsModel):
    """The whole of `config.json`."""

    api_user_authentication: str = Field(
        description="Key of the authentication method that answers POST /tokens/."
    )
    main_storage: str = Field(
        description="Key of the storage that workspaces are made in, in available_storage."
    )
    main_resource: str = Field(description="Key of the resource that jobs run on, in available_resources.")
    available_user_authentication: dict[str, AuthenticationEntry] = Field(
        description="The authentication methods, by key."
    )
    available_storage: dict[str, StorageEntry] = Field(description="The storages, by key.")
    available_resources: dict[str, ResourceEntry] = Field(description="The resources, by key.")
    available_job_types: dict[str, JobTypeEntry] = Field(description="The job types, by key.")
    parameters: tuple[Parameter, ...] = Field(
        description="The options that people choose when they start a job."
    )
    server: ServerSettings = Field(
        ServerSettings(), description="Everything about this server that is no plugin."
    )

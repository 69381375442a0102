"""`environment_details` of an ApplicationJob, for one resource, and what is checked of it when the server starts."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import Field, model_validator

from uws.config.server import SettingsModel
from uws.jobs.applications.placeholders import ON_THE_NODE, PARAMETER, PLACEHOLDERS, names_in
from uws.jobs.environments.requirements import check_python_version, package_name

_HEADER_NAME = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"  # token in RFC 9110 §5.6.2
_VARIABLE_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"


class ApplicationProbe(SettingsModel):
    """How to see that a web application answers."""

    path: str = Field("/", pattern=r"^/[!-~]*$", description="Path to ask for, with GET.")
    expect_status: tuple[int, ...] = Field((200,), min_length=1, description="Status codes that mean ready.")
    headers: dict[str, str] = Field({}, description="Headers to send, such as the application's own token.")
    timeout_seconds: float = Field(
        120.0, gt=0, le=3600, description="Seconds after which a job that has not answered is ended."
    )


class ApplicationConnection(SettingsModel):
    """How a browser reaches a web application once it answers."""

    path: str = Field("/", pattern=r"^/[!-~]*$", description="Path that people are sent to.")
    headers: dict[str, str] = Field(
        {}, description="Headers that the passthrough adds to every request; nobody sees them."
    )


class ApplicationEnvironment(SettingsModel):
    """`environment_details` of an ApplicationJob, for one resource."""

    command: tuple[str, ...] = Field(
        min_length=1, description="What runs: a list, one argument each; no shell."
    )
    environment: dict[str, str] = Field({}, description="Environment variables of the command.")
    packages: tuple[str, ...] = Field(
        (), description="Python packages that it runs from, as requirements; none: the system's own commands."
    )
    python_version: str | None = Field(
        None, description="Python of the environment, such as 3.12; null: the server's choice."
    )
    environment_name: str = Field(
        "application",
        min_length=1,
        max_length=40,
        pattern=r"^[A-Za-z0-9._-]+$",
        description="Name of the environment; types with the same name, packages and Python share one.",
    )
    parameters: dict[str, Any] | None = Field(
        None, description="JSON Schema (2020-12, an object) of the start's job_details, for forms and checks."
    )
    probe: ApplicationProbe | None = Field(
        None, description="How to see that it answers; null only for batch jobs."
    )
    connection: ApplicationConnection | None = Field(
        None, description="How a browser reaches it; null: a batch job, with no page to open."
    )
    working_directory: Literal["workspace", "job"] = Field(
        "workspace", description="Where it starts: in the workspace, or in the job's own hidden directory."
    )
    time_limit: str | int | None = Field(
        None,
        description="Minutes, accepted as for JupyterLabJob.",
        json_schema_extra={"without_effect": "the time limit is an option of each start; see parameters"},
    )

    @property
    def needs_port(self) -> bool:
        """Web applications and everything that names `{port}`."""
        return self.connection is not None or "port" in set(self._names())

    @property
    def uses_token(self) -> bool:
        """True where the application is told its token by a file."""
        return "token_file" in set(self._names())

    def _names(self) -> Iterable[str]:
        for text in (*self.command, *self.environment.values()):
            yield from names_in(text)

    @model_validator(mode="after")
    def _check(self) -> ApplicationEnvironment:
        for package in self.packages:
            package_name(package)
        if self.python_version is not None:
            check_python_version(self.python_version)
        if (self.probe is None) != (self.connection is None):
            raise ValueError("probe and connection: a web application needs both, a batch job none")
        for text in (*self.command, *self.environment.values()):
            if "\0" in text:
                raise ValueError("command and environment: found a NUL character")
        for name in self.environment:
            _expect_name(name, _VARIABLE_NAME, "environment", "a variable's name")
        self._check_schema()
        self._check_placeholders()
        return self

    def _check_schema(self) -> None:
        if self.parameters is None:
            return
        try:
            Draft202012Validator.check_schema(self.parameters)
        except SchemaError as error:
            raise ValueError(f"parameters: no valid JSON Schema: {error.message}") from None
        if self.parameters.get("type") != "object":
            raise ValueError('parameters: expected the schema of an object, with "type": "object"')

    def _check_placeholders(self) -> None:
        known = {*PLACEHOLDERS} - (set() if self.packages else {"environment"})
        everywhere = {*known, *(f"{PARAMETER}{name}" for name in self._filled_parameters())}
        on_disk = everywhere - {"token"}
        for number, text in enumerate(self.command):
            for name in names_in(text):
                if name == "token":
                    raise ValueError(
                        f"command[{number}]: {{token}} would show in the list of processes; use {{token_file}}, "
                        f"or {{token}} in environment"
                    )
                _expect_known(name, on_disk, f"command[{number}]")
        for key, text in self.environment.items():
            for name in names_in(text):
                _expect_known(name, everywhere, f"environment.{key}")
        if self.probe is not None:
            for name in names_in(self.probe.path):
                _expect_known(name, on_disk - {"token_file"}, "probe.path")
            # Headers are complete before they reach the node.
            _check_headers(self.probe.headers, everywhere - {*ON_THE_NODE, "token_file"}, "probe.headers")
        if self.connection is not None:
            # Read again on every request, without the start's details.
            _check_headers(self.connection.headers, {"token"}, "connection.headers")

    def _filled_parameters(self) -> list[str]:
        """Return the parameters that always have a value: required, or with a default."""
        schema = self.parameters or {}
        required = schema.get("required", [])
        properties = schema.get("properties", {})
        return [
            name
            for name, rule in properties.items()
            if name in required or (isinstance(rule, dict) and "default" in rule)
        ]


def _check_headers(headers: dict[str, str], known: set[str], place: str) -> None:
    for key, text in headers.items():
        _expect_name(key, _HEADER_NAME, place, "a header's name")
        if not text.isprintable() or not text.isascii():
            raise ValueError(f"{place}.{key}: expected printable ASCII")
        for name in names_in(text):
            _expect_known(name, known, f"{place}.{key}")


def _expect_name(name: str, pattern: str, place: str, expected: str) -> None:
    if not re.match(pattern, name):
        raise ValueError(f"{place}: found {name!r}; expected {expected}")


def _expect_known(name: str, known: set[str], place: str) -> None:
    if name in known:
        return
    message = f"{place}: found {{{name}}}; "
    if name.startswith(PARAMETER):
        raise ValueError(
            f"{message}expected a parameter that is required or has a default in parameters.properties"
        )
    nearest = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {{{nearest[0]}}}?" if nearest else ""
    raise ValueError(f"{message}known here: {', '.join(f'{{{word}}}' for word in sorted(known))}.{hint}")

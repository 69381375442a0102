"""The `server` object of `config.json`: everything about this server that is not a plugin.

Every value can also be set from the environment, which wins: `UWS_SERVER__LIMITS__UPLOAD_BYTES=1000000`.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from uws.config.references import Secret, config_problem


class SettingsModel(BaseModel):
    """Base of every model of `config.json`: unknown keys are mistakes, values don't change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"({_LABEL}(\.{_LABEL})*|\[[0-9a-f:.]+\])\Z")
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*\Z")


def _check_host(value: str) -> str:
    value = value.lower()
    if len(value) > 253 or not _HOST.match(value):
        raise config_problem(
            'a host name or address without scheme and port, such as "uws.example.org" or "[::1]"'
        )
    return value


def _check_domain(value: str) -> str:
    value = value.lower()
    if len(value) > 200 or not _DOMAIN.match(value):
        raise config_problem('a domain without scheme and port, such as "jobs.example.org"')
    return value


def _check_origin(value: str) -> str:
    expected = 'a scheme, a host and perhaps a port, such as "https://uws.example.org"'
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise config_problem(expected) from None
    host = parts.netloc.lower().removesuffix(f":{port}")
    scheme_known = parts.scheme in ("http", "https")
    rest = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if not scheme_known or rest or not _HOST.match(host):
        raise config_problem(expected)
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")


def _check_network(value: str) -> str:
    try:
        return (
            str(ipaddress.ip_network(value, strict=False))
            if "/" in value
            else str(ipaddress.ip_address(value))
        )
    except ValueError:
        raise config_problem('an address or a network, such as "10.0.0.5" or "10.0.0.0/24"') from None


def _check_mail_address(value: str) -> str:
    if not re.match(r"[^\s@<>]+@[^\s@<>]+\Z", value):
        raise config_problem('an e-mail address, such as "uws@example.org"')
    return value


def _check_database_url(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if url and not url.startswith(("postgresql://", "postgres://")):
        expected = "an empty string (SQLite in the data directory) or postgresql://user:password@host/name"
        raise config_problem(expected, found="another kind of address (not shown: it may hold a password)")
    return value


HostName = Annotated[str, AfterValidator(_check_host)]
Domain = Annotated[str, AfterValidator(_check_domain)]
Origin = Annotated[str, AfterValidator(_check_origin)]
Network = Annotated[str, AfterValidator(_check_network)]
MailAddress = Annotated[str, AfterValidator(_check_mail_address)]
DatabaseUrl = Annotated[Secret, AfterValidator(_check_database_url)]


class DatabaseSettings(SettingsModel):
    """Where the records lie."""

    url: DatabaseUrl = Field(
        SecretStr(""),
        description="Empty for SQLite in the data directory, or postgresql://user:password@host:port/name.",
    )


class WorkerProcesses(SettingsModel):
    """How many background processes serve each queue."""

    short: int = Field(1, ge=1, le=64, description="Processes of the queue for quick tasks.")
    long: int = Field(
        1, ge=1, le=64, description="Processes of the queue for slow tasks (builds, scans, removals)."
    )


class MailSettings(SettingsModel):
    """The server that takes outgoing mail. Without it nothing is mailed."""

    host: str = Field(min_length=1, description="Host name of the SMTP server.")
    port: int = Field(587, ge=1, le=65535, description="Its port.")
    user: str = Field("", description="Account at the SMTP server; empty for none.")
    password: Secret = Field(SecretStr(""), description="Its password; file:/path reads it from a file.")
    use_tls: bool = Field(True, description="Whether the connection is encrypted by STARTTLS.")
    from_address: MailAddress = Field(description="The sender's address of all mail.")


class Limits(SettingsModel):
    """Bounds on what a request may be and on how long things may take."""

    request_body_bytes: int = Field(
        32 * 1024**2, ge=1024, description="Largest body of a request other than an upload, in bytes."
    )
    upload_bytes: int = Field(
        10 * 1024**3, ge=1024, description="Largest body of one upload request, in bytes."
    )
    json_depth: int = Field(100, ge=8, le=500, description="Deepest nesting of a JSON body, in levels.")
    name_length: int = Field(
        64,
        ge=8,
        le=64,
        description="Longest name of a workspace, in characters.",
        json_schema_extra={"without_effect": "in this release it is always 64"},
    )
    request_body_seconds: float = Field(
        120.0,
        gt=0,
        description="Longest time a client may take to send a body that is not an upload, in seconds.",
    )
    api_request_seconds: float = Field(
        30.0,
        gt=0,
        description="Longest time an API request may wait for an answer, in seconds.",
        json_schema_extra={"without_effect": "each call out has a time-out of its own in this release"},
    )
    job_stop_grace_seconds: float = Field(
        3.0, ge=0, le=300, description="Time between asking a job to end and killing it, in seconds."
    )
    login_refusals_per_account: int = Field(
        20,
        ge=1,
        description="Refused requests for a token that one account may have in a minute; then it is answered "
        "429 for the rest of it. Each web process counts for itself.",
    )
    login_refusals_per_address: int = Field(
        600,
        ge=1,
        description="The same for one address. A portal's server posts all its logins from one.",
    )
    event_days: int = Field(365, ge=1, le=36500, description="How long the event log is kept, in days.")
    sign_in_link_minutes: int = Field(
        15, ge=1, le=1440, description="How long a sign-in link is valid, in minutes."
    )


class ServerSettings(SettingsModel):
    """The `server` object. Every value has a default that suits one machine."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)] = Field(
        "User Workspaces", description="The server's name, as people see it in the title of every page."
    )
    database: DatabaseSettings = Field(DatabaseSettings(), description="Where the records lie.")
    hosts: tuple[HostName, ...] = Field(
        ("localhost", "127.0.0.1", "[::1]"),
        min_length=1,
        description="The host names that requests may be addressed to; any other is refused.",
    )
    public_url: Origin | None = Field(
        None,
        description="How browsers reach the server, where it stands behind a proxy. "
        "Default: the address it listens on.",
    )
    jobs_domain: Domain = Field(
        "localhost",
        description="Domain of the running jobs: job 12 is at job-12.<jobs_domain>, an origin of its own.",
    )
    jobs_public_url: Origin | None = Field(
        None,
        description="How browsers reach jobs_domain, where it stands behind a proxy: its scheme and port "
        "are used, its host must be jobs_domain. Default: http and the port that serves jobs.",
    )
    trusted_proxies: tuple[Network, ...] = Field(
        (), description="Addresses of the reverse proxies whose X-Forwarded-* headers are believed."
    )
    run_jobs_as: Literal["self", "user"] = Field(
        "self",
        description='Whose account does the work: "self", everything as the account that runs the server; '
        '"user" (each person\'s own Unix account) is refused by this release.',
    )
    shared_account: bool = Field(
        False,
        description="Allow more than one person while everything runs as one account. "
        "Each person's notebooks can then read everything that the server can.",
    )
    web_workers: int = Field(1, ge=1, le=64, description="Processes that answer the console and the API.")
    worker_processes: WorkerProcesses = Field(
        WorkerProcesses(), description="How many background processes serve each queue."
    )
    default_time_limit_minutes: int = Field(
        240,
        ge=1,
        description="Time limit of a job that names none, where no parameter has a default, in minutes.",
    )
    offered_cpus: int | None = Field(
        None,
        ge=1,
        description="CPUs that the local resource gives to jobs in all. Default: all of the machine's.",
        json_schema_extra={"without_effect": "this release bounds each job, not all together"},
    )
    offered_memory_mb: int | None = Field(
        None,
        ge=64,
        description="Memory that the local resource gives to jobs in all, in MiB. Default: the machine's.",
        json_schema_extra={"without_effect": "this release bounds each job, not all together"},
    )
    limits: Limits = Field(Limits(), description="Bounds on requests and times.")
    mail: MailSettings | None = Field(
        None,
        description="The server that takes outgoing mail. Default: none, and nothing is mailed.",
    )

    def jobs_origin(self, job_id: int, jobs_port: int) -> str:
        """Return one job's own origin, `http://job-12.localhost:8001`, where `jobs_port` serves jobs."""
        base = self.jobs_public_url or f"http://{self.jobs_domain}:{jobs_port}"
        scheme, _, rest = base.partition("://")
        return f"{scheme}://job-{job_id}.{rest}"

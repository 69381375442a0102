"""`uws admin check`: what is found of an installation, each with one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from django.db import DatabaseError, connection

from uws.config.load import LoadedConfig
from uws.server.installation import Addresses, Installation, open_installation
from uws.server.migrations import DatabaseTooNew, unapplied_migrations
from uws.server.processes import AddressUnusable, AlreadyServing, listen, locked_data_directory
from uws.server.start import one_line


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `ok` is False where it stops the server or a job."""

    subject: str
    ok: bool
    message: str

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON's object."""
        return asdict(self)


def examine(data_dir: Path, config_path: Path | None, addresses: Addresses | None = None) -> list[Finding]:
    """Look at everything that a start needs. Changes nothing but what `open_installation` makes.

    Raises what `open_installation` does: a wrong configuration is told mistake by mistake.
    """
    addresses = addresses or Addresses()
    installation = open_installation(data_dir, config_path, addresses)
    return [
        Finding("configuration", True, str(installation.loaded.path)),
        *_warnings(installation.loaded),
        *_plugins(installation.loaded),
        Finding("data directory", True, str(installation.deployment.data_dir)),
        _database(),
        *_environments(installation),
        *_ports(installation, addresses),
    ]


def _warnings(loaded: LoadedConfig) -> Iterator[Finding]:
    for warning in loaded.warnings:
        yield Finding("configuration", True, str(warning))


def _plugins(loaded: LoadedConfig) -> Iterator[Finding]:
    plugins = loaded.plugins
    kinds = {
        "authentication": plugins.authentication,
        "storage": plugins.storage,
        "resource": plugins.resources,
        "job type": plugins.job_types,
    }
    for kind, specs in kinds.items():
        for key, spec in specs.items():
            yield Finding(
                f"{kind} {key}", True, f"{spec.cls.__module__}.{spec.cls.__qualname__}, {spec.found_by}"
            )


def _database() -> Finding:
    try:
        missing = unapplied_migrations()
    except (DatabaseError, DatabaseTooNew) as error:
        return Finding("database", False, one_line(error))
    if missing:
        return Finding(
            "database", True, f"{connection.vendor}; {len(missing)} migrations will be applied at the start"
        )
    return Finding("database", True, f"{connection.vendor}, up to date")


def _environments(installation: Installation) -> Iterator[Finding]:
    environments = installation.site.environments
    missing = environments.missing()
    for key in environments.requests():
        yield Finding(f"environment of {key}", True, "not built yet" if key in missing else "built")


def _ports(installation: Installation, addresses: Addresses) -> Iterator[Finding]:
    try:
        with locked_data_directory(installation.deployment.run_directory):
            for port, option in ((addresses.port, "--port"), (addresses.jobs_port, "--jobs-port")):
                yield _port(addresses.host, port, option)
    except AlreadyServing as serving:
        yield Finding("ports", True, str(serving))


def _port(host: str, port: int, option: str) -> Finding:
    try:
        listen(host, port, option).close()
    except AddressUnusable as problem:
        return Finding(f"port {port}", False, str(problem))
    return Finding(f"port {port}", True, "free")

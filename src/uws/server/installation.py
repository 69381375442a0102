"""From a data directory to a built `Site`: what every role and every operator's command begins with."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import django
from django.conf import settings

from uws.agent.client import Agents
from uws.config.default import default_config_text
from uws.config.deployment import (
    CONFIG_NAME,
    SECRET_KEY_NAME,
    Deployment,
    Secrets,
    prepare_data_directory,
)
from uws.config.load import LoadedConfig, load
from uws.config.server import ServerSettings
from uws.server.settings import django_settings

if TYPE_CHECKING:
    from uws.site import Site

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000
_ANY_ADDRESS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104


@dataclass(frozen=True)
class Addresses:
    """Where the roles listen. `host` is a name or an address, the ports are TCP ports."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    jobs_port: int = DEFAULT_PORT + 1


@dataclass(frozen=True)
class Installation:
    """An installation with Django configured and its `Site` built; no database connection has been opened."""

    loaded: LoadedConfig
    deployment: Deployment
    site: Site

    @property
    def console_url(self) -> str:
        """The console's origin, as a browser on this machine, or behind the site's proxy, reaches it."""
        assert self.deployment.server.public_url is not None  # `_with_addresses` saw to it
        return self.deployment.server.public_url


def prepare(data_dir: Path, config_path: Path | None) -> tuple[Path, Path]:
    """Make the data directory, and its `config.json` where none is named and none is there.

    Returns the absolute data directory and the configuration's path. Raises `DataDirectoryError`.
    """
    data_dir = prepare_data_directory(data_dir)
    if config_path is None:
        config_path = data_dir / CONFIG_NAME
        if not config_path.exists():
            _write_config(config_path)
    return data_dir, config_path


def _write_config(path: Path) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(default_config_text())
    beside.replace(path)


def open_installation(
    data_dir: Path, config_path: Path | None, addresses: Addresses, environ: Mapping[str, str] = os.environ
) -> Installation:
    """Load the configuration and the secrets, configure Django, build the `Site`. Once a process.

    Raises `DataDirectoryError`, `SecretFileError`, `uws.config.mistakes.ConfigError`, `DatabaseUrlError`.
    """
    data_dir, config_path = prepare(data_dir, config_path)
    loaded = load(config_path, data_dir=data_dir, environ=environ)
    deployment = Deployment(
        data_dir=data_dir,
        server=with_addresses(loaded.config.server, addresses),
        secrets=Secrets.load_or_create(data_dir / SECRET_KEY_NAME),
        agents=Agents(),
    )
    settings.configure(**django_settings(deployment))
    django.setup()
    loaded = replace(loaded, config=loaded.config.model_copy(update={"server": deployment.server}))
    from uws.site import Ports, build  # its models need the configured Django

    return Installation(
        loaded, deployment, build(loaded, deployment, Ports(addresses.port, addresses.jobs_port))
    )


def with_addresses(server: ServerSettings, addresses: Addresses) -> ServerSettings:
    """Fill in what the configuration leaves to the command line: the public addresses, and the hosts they name."""
    named = addresses.host not in _ANY_ADDRESS | {DEFAULT_HOST}
    own_name = (f"[{addresses.host}]" if ":" in addresses.host else addresses.host) if named else "localhost"
    public_url = server.public_url or f"http://{own_name}:{addresses.port}"
    public_name = public_url.partition("://")[2]
    public_name = public_name if public_name.endswith("]") else re.sub(r":[0-9]+$", "", public_name)
    hosts = dict.fromkeys((*server.hosts, own_name, public_name))  # in order, each once
    return server.model_copy(
        update={
            "hosts": tuple(hosts),
            "public_url": public_url,
            "jobs_public_url": server.jobs_public_url or f"http://{server.jobs_domain}:{addresses.jobs_port}",
        }
    )

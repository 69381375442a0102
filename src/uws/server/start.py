"""`uws serve`: the first start, every other start, and each role by itself."""

from __future__ import annotations

import logging
import os
import pwd
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from django.db import DatabaseError, connection, connections

import uws
from uws.server.installation import Addresses, Installation, open_installation, prepare
from uws.server.logs import configure_logging
from uws.server.processes import (
    announce,
    announced_url,
    listen,
    locked_data_directory,
    own_pid_file,
    show_name,
)

if TYPE_CHECKING:
    from uws.accounts.models import User
    from uws.background.queue import QueueName

logger = logging.getLogger(__name__)

FALLBACK_ADMINISTRATOR = "administrator"


class DatabaseUnreachable(Exception):
    """The database does not answer. The text is one sentence for the operator."""


class NotMigrated(Exception):
    """The database is not at this version. The text is one sentence for the operator."""


class Progress:
    """Lines on standard output that say what is being done, and how long after the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"[{time.monotonic() - self._began:5.1f} s] {text}", flush=True)


def serve(data_dir: Path, config_path: Path | None, addresses: Addresses) -> int:
    """Start everything and serve until SIGTERM or SIGINT. Returns the exit code.

    Raises what `open_installation` and `prepare_database` do, `AlreadyServing` and `AddressUnusable`.
    """
    say = Progress()
    say(f"User Workspaces Server {uws.__version__}")
    data_dir, config_path = prepare(data_dir, config_path)
    with ExitStack() as held:
        lock = held.enter_context(locked_data_directory(data_dir / "run"))
        web = held.enter_context(listen(addresses.host, addresses.port, "--port"))
        jobs = held.enter_context(listen(addresses.host, addresses.jobs_port, "--jobs-port"))
        addresses = replace(addresses, port=_port(web), jobs_port=_port(jobs))
        say(f"data directory {data_dir}, configuration {config_path}")
        installation = open_installation(data_dir, config_path, addresses)
        link = _make_ready(installation, say)

        from uws.server.roles import all_roles, preload
        from uws.server.supervisor import Supervisor

        preload()
        connections.close_all()  # a connection must not be shared by the processes that are forked now
        announce(lock, installation.console_url)
        say("ready")
        _show_addresses(installation, link)
        return Supervisor(
            all_roles(installation, web, jobs), installation.deployment.run_directory, lock
        ).run()


def _make_ready(installation: Installation, say: Callable[[str], None]) -> str | None:
    """Bring database, first account and environments up to date; return the link that greets the administrator."""
    configure_logging("serve")
    for warning in installation.loaded.warnings:
        logger.warning("%s", warning)
    prepare_database(say)
    link = _welcome_link(installation)
    installation.site.on_start()
    return link


def prepare_database(say: Callable[[str], None]) -> None:
    """Migrate the database. Raises `DatabaseTooNew`, `DatabaseUnreachable`."""
    from uws.server.migrations import migrate

    kind = connection.vendor
    try:
        applied = migrate()
    except DatabaseError as error:
        raise DatabaseUnreachable(f"The database ({kind}) can't be used: {one_line(error)}.") from error
    say(f"database: {kind}, {f'{len(applied)} migrations applied' if applied else 'up to date'}")


def one_line(error: Exception) -> str:
    """Return what a database said as one line without its full stop; libpq answers in several."""
    return " ".join(str(error).split()).rstrip(".?")


def first_administrator(installation: Installation) -> User | None:
    """Return the administrator who is greeted at the start, made at the first one.

    That is the person who started it: the name is the operating system's. None where an operator has made
    ordinary users only.
    """
    from uws.accounts.models import User
    from uws.accounts.names import is_account_name

    people = User.objects.filter(is_api_client=False)
    if not people.exists():
        name = pwd.getpwuid(os.geteuid()).pw_name
        name = name if is_account_name(name) else FALLBACK_ADMINISTRATOR
        return installation.site.accounts.create(
            name, f"{name}@localhost", administrator=True, actor="first start"
        )
    return people.filter(is_superuser=True, is_active=True).order_by("pk").first()


def sign_in_url(installation: Installation, user: User) -> str:
    """Make a sign-in link for the user and return its whole address, at the port that is being served now."""
    url = announced_url(installation.deployment.run_directory) or installation.console_url
    return f"{url}/sign-in/{installation.site.sign_in_links.create(user)}/"


def _welcome_link(installation: Installation) -> str | None:
    """Return a sign-in link, or None where the output may be a log that others read.

    A link is a secret. It is printed where the server serves this machine alone, where somebody sits at a terminal,
    and at the very first start.
    """
    from uws.accounts.models import User

    is_first = not User.objects.filter(is_api_client=False).exists()
    administrator = first_administrator(installation)
    local = "://localhost:" in installation.console_url
    if administrator is None or not (is_first or local or sys.stdout.isatty()):
        return None
    return sign_in_url(installation, administrator)


def _show_addresses(installation: Installation, link: str | None) -> None:
    minutes = installation.deployment.server.limits.sign_in_link_minutes
    lines = ["", f"  Console   {installation.console_url}/"]
    if link is None:
        lines.append("  Sign in   uws admin user sign-in-link NAME makes a link")
    else:
        lines += [f"  Sign in   {link}", f"            (valid once, for {minutes} minutes)"]
    print("\n".join([*lines, "  Stop      Ctrl-C; running jobs go on", ""]), flush=True)


def run_alone(
    role: Literal["web", "worker", "reconciler", "passthrough"],
    data_dir: Path,
    config_path: Path | None,
    addresses: Addresses,
    queue: QueueName = "short",
) -> int:
    """Run one role in this process until SIGTERM; several may run on several hosts over PostgreSQL."""
    with ExitStack() as held:
        listener: socket.socket | None = None
        if role == "web":
            listener = held.enter_context(listen(addresses.host, addresses.port, "--port"))
            addresses = replace(addresses, port=_port(listener))
        elif role == "passthrough":
            listener = held.enter_context(listen(addresses.host, addresses.jobs_port, "--jobs-port"))
            addresses = replace(addresses, jobs_port=_port(listener))
        installation = open_installation(data_dir, config_path, addresses)
        require_migrated()

        from uws.server import roles

        name = f"worker-{queue}" if role == "worker" else role
        number = held.enter_context(own_pid_file(installation.deployment.run_directory, name))
        configure_logging(number)
        show_name(number)
        signal.signal(signal.SIGINT, lambda number, frame: os.kill(os.getpid(), signal.SIGTERM))
        connections.close_all()
        if role == "worker":
            roles.run_queue(installation, queue)
        elif role == "reconciler":
            roles.run_reconciler(installation)
        else:
            assert listener is not None
            run = roles.run_web if role == "web" else roles.run_passthrough
            run(installation, listener)
    return 0


def require_migrated() -> None:
    """Raise `NotMigrated`, `DatabaseTooNew` or `DatabaseUnreachable` where the database can't be worked with."""
    from uws.server.migrations import unapplied_migrations

    try:
        missing = unapplied_migrations()
    except DatabaseError as error:
        raise DatabaseUnreachable(
            f"The database ({connection.vendor}) can't be used: {one_line(error)}."
        ) from error
    if missing:
        raise NotMigrated(
            f"The database lacks {len(missing)} migrations of this version; run `uws migrate` first."
        )


def _port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port

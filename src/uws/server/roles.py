"""What each process of the server does: web, worker, reconciler, passthrough."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from uws.background.http import serve
from uws.background.queue import QueueName
from uws.background.threads import DatabaseThreads
from uws.background.wakeup import Listener, socket_path
from uws.passthrough.application import build_application as build_passthrough
from uws.passthrough.process import serve as serve_passthrough
from uws.passthrough.settings import PassthroughSettings
from uws.server.front import build_application as build_front
from uws.server.http_server import web_config
from uws.server.installation import Installation
from uws.server.supervisor import Role
from uws.server.worker import run_worker

_PASSTHROUGH_THREADS = 2


def preload() -> None:
    """Import what the roles would import at their first request, so that forked ones share it."""
    get_wsgi_application()
    assert get_resolver().url_patterns


def run_web(installation: Installation, listener: socket.socket) -> None:
    """Answer the console and the API until SIGTERM."""
    application = build_front(installation.site, installation.deployment)
    serve(web_config(application, installation.deployment.server.trusted_proxies), [listener])


def run_passthrough(installation: Installation, listener: socket.socket) -> None:
    """Carry requests to running jobs until SIGTERM."""
    settings = passthrough_settings(installation)
    application = build_passthrough(
        installation.site.job_directory,
        installation.deployment.secrets,
        settings,
        DatabaseThreads(_PASSTHROUGH_THREADS),
    )
    serve_passthrough(application, [listener], settings)


def passthrough_settings(installation: Installation) -> PassthroughSettings:
    """Return where jobs are reached, from the configuration and the ports that the roles listen on."""
    server, ports = installation.deployment.server, installation.site.ports
    scheme, _, rest = (server.jobs_public_url or f"http://{server.jobs_domain}:{ports.jobs}").partition("://")
    _, _, port = rest.rpartition(":")
    return PassthroughSettings(
        jobs_domain=server.jobs_domain,
        public_scheme="https" if scheme == "https" else "http",
        public_port=int(port) if port.isdigit() else (443 if scheme == "https" else 80),
        console_url=installation.console_url,
        service_name=server.name,
        refused_ports=frozenset({ports.web, ports.jobs}),
    )


def run_reconciler(installation: Installation) -> None:
    """Follow the jobs on all resources until SIGTERM."""
    reconciler = installation.site.reconciler()
    signal.signal(signal.SIGTERM, lambda number, frame: reconciler.stop())
    path = socket_path(installation.deployment.data_dir)
    listener = Listener(path) if path is not None else None
    try:
        reconciler.run(listener)
    finally:
        if listener is not None:
            listener.close()


def run_queue(installation: Installation, queue: QueueName) -> None:
    """Do the background tasks of one queue until SIGTERM."""
    run_worker(installation.site.tasks, queue)


def all_roles(installation: Installation, web: socket.socket, jobs: socket.socket) -> list[Role]:
    """Return the roles of `uws serve`, as many of each as the configuration says."""
    server = installation.deployment.server

    def several(name: str, count: int, run: Callable[[], None], *sockets: socket.socket) -> list[Role]:
        return [Role(f"{name}-{number}", run, sockets) for number in range(1, count + 1)]

    return [
        *several("web", server.web_workers, lambda: run_web(installation, web), web),
        *several("passthrough", 1, lambda: run_passthrough(installation, jobs), jobs),
        *several("reconciler", 1, lambda: run_reconciler(installation)),
        *several("worker-short", server.worker_processes.short, lambda: run_queue(installation, "short")),
        *several("worker-long", server.worker_processes.long, lambda: run_queue(installation, "long")),
    ]

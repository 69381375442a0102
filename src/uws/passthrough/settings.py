"""What the passthrough must know of the installation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class PassthroughSettings:
    """Where jobs are reached, as a browser sees it, and the limits of what is carried.

    `jobs_domain` is the name under which each job has its own (`job-12.<jobs_domain>`); `public_port` the port
    in the browser's address bar, whatever port this process listens on.
    """

    jobs_domain: str
    public_scheme: Literal["http", "https"]
    public_port: int
    console_url: str
    """Origin of the console, such as `http://localhost:8000`, without a slash at the end."""
    service_name: str = "User Workspaces"
    refused_ports: frozenset[int] = frozenset()
    """Ports of this server itself: no job can be there."""
    connect_timeout_seconds: float = 5.0
    socket_handshake_timeout_seconds: float = 30.0
    socket_message_bytes: int = 64 * 1024 * 1024
    compress_sockets: bool = False
    """Offer permessage-deflate to browsers. Off: it costs the proxy CPU and 100 KiB or so for each socket."""
    verdict_seconds: float = 1.0
    """How long an answer to "may this user open this job" is believed."""
    recheck_seconds: float = 0.8
    """How often the rights behind open sockets and streams are read again."""

    def host(self, job_id: int) -> str:
        """Return the value of `Host` by which a browser asks for this job."""
        if self.public_port == _DEFAULT_PORTS[self.public_scheme]:
            return f"job-{job_id}.{self.jobs_domain}"
        return f"job-{job_id}.{self.jobs_domain}:{self.public_port}"

    def origin(self, job_id: int) -> str:
        """Return the job's own origin, as `Origin` has it."""
        return f"{self.public_scheme}://{self.host(job_id)}"

    def job_page(self, job_id: int) -> str:
        """Return the console's page of the job."""
        return f"{self.console_url}/console/jobs/{job_id}/"

    def way_in(self, job_id: int) -> str:
        """Return where the console signs a person in and sends them on into the job with a fresh ticket."""
        return f"{self.job_page(job_id)}?open=1"

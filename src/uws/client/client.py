"""The client itself."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from uws.client import reading
from uws.client.jobs import Jobs
from uws.client.records import JobType, Parameter, Status, User
from uws.client.transport import Transport
from uws.client.workspaces import Workspaces

if TYPE_CHECKING:
    import httpx2

DEFAULT_TIMEOUT_SECONDS = 60.0


class Client:
    """A connection to one User Workspaces Server, as one person. May be shared between threads.

    `url` is the server's address; `token` that person's token (without one, only `job_types`, `parameters` and
    `status` are answered); `timeout_seconds` bounds each silence of the server. `transport` is for tests.
    Raises `BadAddress` for an address or a token that cannot be one; connects only with the first call.

    >>> with Client("http://localhost:8000", token) as client:  # doctest: +SKIP
    ...     workspace = client.workspaces.create("Kidney atlas")
    ...     client.workspaces.upload(workspace.id, ["cells.h5ad"])
    ...     job = client.jobs.wait(client.workspaces.start(workspace.id, "jupyter_lab").id)
    ...     print(job.url)
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self._transport = Transport(url, token, timeout_seconds, transport)
        self.workspaces = Workspaces(self._transport)
        self.jobs = Jobs(self._transport)

    @property
    def url(self) -> str:
        """The server's address, without a final slash."""
        return self._transport.url

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client is of no more use."""
        self._transport.close()

    def job_types(self) -> list[JobType]:
        """Return the kinds of jobs that can be started."""
        data = reading.mapping(self._transport.request("GET", "/job_types/"), "data")
        offered = reading.mapping(data, "job_types")
        return [JobType(key, reading.text(raw, "name"), raw) for key, raw in offered.items()]

    def parameters(self) -> list[Parameter]:
        """Return the resource options that a start may give, with their defaults and bounds."""
        data = reading.mapping(self._transport.request("GET", "/parameters/"), "data")
        return [Parameter.from_wire(raw) for raw in reading.objects(data, "parameters")]

    def users(self, search: str = "") -> list[User]:
        """Return the other users whose full name or e-mail address contains `search`; all where it is empty."""
        query = {"search": search} if search else None
        data = reading.mapping(self._transport.request("GET", "/users/", query=query), "data")
        return [User.from_wire(raw) for raw in reading.objects(data, "users")]

    def status(self) -> Status:
        """Return the server's version and the health of what it depends on."""
        return Status.from_wire(self._transport.request("GET", "/status/"))

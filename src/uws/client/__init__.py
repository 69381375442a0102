"""The Python client: workspaces and jobs of a User Workspaces Server, over its API. Imports nothing of the server.

>>> from uws.client import Client
>>> with Client("http://localhost:8000", token) as client:  # doctest: +SKIP
...     print(client.workspaces.list())
"""

from uws.client.client import Client
from uws.client.errors import (
    ApiError,
    BadAddress,
    ClientError,
    FieldProblem,
    InvalidRequest,
    JobEnded,
    NotAllowed,
    NotFound,
    NotUnderstood,
    ServerFailed,
    Unreachable,
    WaitTimedOut,
)
from uws.client.records import Dependency, Job, JobLog, JobType, Parameter, Status, User, Workspace

__all__ = [
    "ApiError",
    "BadAddress",
    "Client",
    "ClientError",
    "Dependency",
    "FieldProblem",
    "InvalidRequest",
    "Job",
    "JobEnded",
    "JobLog",
    "JobType",
    "NotAllowed",
    "NotFound",
    "NotUnderstood",
    "Parameter",
    "ServerFailed",
    "Status",
    "Unreachable",
    "User",
    "WaitTimedOut",
    "Workspace",
]

"""The workspaces of the token's owner."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from uws.client import reading
from uws.client.errors import NotFound
from uws.client.records import Job, Workspace
from uws.client.transport import Transport, UploadedFile

FileToUpload = str | os.PathLike[str] | IO[bytes] | tuple[str, IO[bytes]]
"""A path; an open binary file, which has a `name`; or a name and an open binary file."""


class Workspaces:
    """What can be done with workspaces. Each method raises `ClientError` and its kinds."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self, *, name: str | None = None, description: str | None = None, status: str | None = None
    ) -> list[Workspace]:
        """Return your workspaces, newest first; what is given must match exactly.

        >>> [workspace.name for workspace in client.workspaces.list(status="idle")]  # doctest: +SKIP
        ['Kidney atlas']
        """
        filters = {"name": name, "description": description, "status": status}
        query = {key: value for key, value in filters.items() if value is not None}
        answer = self._transport.request("GET", "/workspaces/", query=query)
        return [
            Workspace.from_wire(raw) for raw in reading.objects(reading.mapping(answer, "data"), "workspaces")
        ]

    def get(self, workspace_id: int) -> Workspace:
        """Return one workspace. Raises `NotFound`."""
        answer = self._transport.request("GET", f"/workspaces/{workspace_id:d}/")
        found = reading.objects(reading.mapping(answer, "data"), "workspaces")
        if not found:
            raise NotFound(404, f"Workspace {workspace_id} not found.")
        return Workspace.from_wire(found[0])

    def create(
        self,
        name: str,
        description: str = "",
        *,
        files: Mapping[str, str] | None = None,
        links: Mapping[str, str] | None = None,
        default_job_type: str | None = None,
    ) -> Workspace:
        """Make a workspace and return it, with everything asked for in it, or raise and make nothing.

        `files` are contents by relative path, text only: use `upload` for what is large or binary. `links` are
        sources by relative path; a source is a path on the server that its operator offers.

        >>> client.workspaces.create(  # doctest: +SKIP
        ...     "Kidney atlas", files={"notes.md": "# Notes"}, links={"data": "/collections/kidney"}
        ... )
        """
        body: dict[str, object] = {"name": name, "description": description}
        if default_job_type is not None:
            body["default_job_type"] = default_job_type
        if files or links:
            body["workspace_details"] = _details(files, links)
        answer = self._transport.request("POST", "/workspaces/", body=body)
        return Workspace.from_wire(reading.mapping(reading.mapping(answer, "data"), "workspace"))

    def update(
        self,
        workspace_id: int,
        *,
        name: str | None = None,
        description: str | None = None,
        files: Mapping[str, str] | None = None,
        links: Mapping[str, str] | None = None,
        default_job_type: str | None = None,
    ) -> None:
        """Change what is given; files and links are added or replaced, never removed.

        `default_job_type=""` takes the default away.
        """
        values = {"name": name, "description": description, "default_job_type": default_job_type}
        body: dict[str, object] = {key: value for key, value in values.items() if value is not None}
        if files or links:
            body["workspace_details"] = _details(files, links)
        self._transport.request("PUT", f"/workspaces/{workspace_id:d}/", body=body)

    def upload(self, workspace_id: int, files: Iterable[FileToUpload]) -> None:
        """Write files into the workspace's top directory; those of the same names are replaced.

        They are read while they are sent, so that their size does not matter here. Raises `OSError` for a file
        that cannot be read and `ValueError` for two of one name, before anything is sent.

        >>> client.workspaces.upload(5, ["cells.h5ad", ("plan.txt", io.BytesIO(b"1. look"))])  # doctest: +SKIP
        """
        with ExitStack() as opened:
            parts: list[UploadedFile] = []
            for file in files:
                name, content = _named(file, opened)
                if any(name == other for _, (other, _) in parts):
                    raise ValueError(f"Two of the files are called {name!r}: one would replace the other.")
                # A field name of its own each: the original keeps only the last of a repeated one (contract §3.5).
                parts.append((f"file_{len(parts)}", (name, content)))
            self._transport.request("PUT", f"/workspaces/{workspace_id:d}/upload/", files=parts)

    def start(
        self,
        workspace_id: int,
        job_type: str | None = None,
        *,
        job_details: Mapping[str, object] | None = None,
        resource_options: Mapping[str, object] | None = None,
    ) -> Job:
        """Start a job and return it, usually still `pending`; `client.jobs.wait` waits for more.

        Without `job_type` the workspace's default is started. `job_details` are the job type's own parameters;
        `resource_options` are keyed as `client.parameters()` says. A repeated call starts a second job.

        >>> job = client.workspaces.start(5, "jupyter_lab", resource_options={"num_cpus": 2})  # doctest: +SKIP
        >>> client.jobs.wait(job.id).url  # doctest: +SKIP
        'http://job-12.localhost:8001/lab?ticket=…'
        """
        body: dict[str, object] = {}
        if job_type is not None:
            body["job_type"] = job_type
        if job_details is not None:
            body["job_details"] = dict(job_details)
        if resource_options is not None:
            body["resource_options"] = dict(resource_options)
        answer = self._transport.request("PUT", f"/workspaces/{workspace_id:d}/start/", body=body)
        return Job.from_wire(reading.mapping(reading.mapping(answer, "data"), "job"))

    def delete(self, workspace_id: int) -> None:
        """Have the workspace and all its files deleted; that goes on in the background. May be repeated.

        Raises `InvalidRequest` while a job runs in it.
        """
        self._transport.request("DELETE", f"/workspaces/{workspace_id:d}/")


def _details(files: Mapping[str, str] | None, links: Mapping[str, str] | None) -> dict[str, object]:
    return {
        "files": [{"name": name, "content": content} for name, content in (files or {}).items()],
        "symlinks": [{"name": name, "source_path": source} for name, source in (links or {}).items()],
    }


def _named(file: FileToUpload, opened: ExitStack) -> tuple[str, IO[bytes]]:
    if isinstance(file, tuple):
        return file
    if isinstance(file, (str, os.PathLike)):
        return Path(file).name, opened.enter_context(Path(file).open("rb"))
    name = getattr(file, "name", None)
    if not isinstance(name, str):
        raise ValueError("An open file without a name: give a pair of a name and the file.")
    return Path(name).name, file

"""Calls the API as its clients do, and reads the envelope."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.test import Client

from uws.site import Site

NO_BODY: Any = object()


@dataclass(frozen=True)
class Answer:
    """A status, headers, and a body that is always JSON."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        assert self.headers["Content-Type"].startswith(("application/json", "application/problem+json"))
        return json.loads(self.content)

    @property
    def data(self) -> Any:
        assert (self.status, self.body["success"]) == (200, True), self.content
        return self.body["data"]

    @property
    def refusal(self) -> tuple[int, str]:
        assert self.body["success"] is False
        return self.status, self.body["message"]


@dataclass(frozen=True)
class Caller:
    """Somebody with a token, or without one."""

    site: Site
    token: str | None = None

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = NO_BODY,
        *,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send `body` as it is where it is bytes, else as JSON."""
        sent = dict(headers or {})
        if self.token is not None:
            sent.setdefault("UWS-Authorization", f"Token {self.token}")
        data = b"" if body is NO_BODY else body if isinstance(body, bytes) else json.dumps(body).encode()
        client = Client(**{"uws.site": self.site})  # type: ignore[arg-type]
        response = client.generic(method, path, data, content_type=content_type, headers=sent)
        return Answer(response.status_code, response.headers, response.content)

    def upload(self, path: str, *files: tuple[str, str, bytes], end: bytes = b"--cells--\r\n") -> Answer:
        """Send files as field name, file name, content."""
        parts = [
            b'--cells\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n'
            b"Content-Type: application/octet-stream\r\n\r\n%s\r\n" % (field.encode(), name.encode(), content)
            for field, name, content in files
        ]
        body = b"".join(parts) + end
        return self("PUT", path, body, content_type="multipart/form-data; boundary=cells")

    def workspace(self, **more: Any) -> Any:
        """Create a workspace and return it."""
        return self("POST", "/workspaces/", {"name": "Cells", "description": "", **more}).data["workspace"]

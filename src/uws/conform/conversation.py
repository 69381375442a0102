"""Requests exactly as a check words them, counted and bounded; answers as they came."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from uws.client.transport import checked_address, is_loopback
from uws.conform.verdicts import NoAnswer, Skip

CONNECT_SECONDS = 10.0
MOST_ANSWER_BYTES = 32 * 1024 * 1024
SHOWN_CHARACTERS = 160

NOTHING: Any = object()
"""No body at all, since None is the body `null`."""

_SECRET = re.compile(r"\b[0-9a-f]{40}\b|(?<=ticket=)[^\"&]+|(?<=token=)[^\"&]+")

UploadedFile = tuple[str, tuple[str, bytes]]


class ServerUnreachable(Exception):
    """There is no connection to the server; the message is a sentence."""


@dataclass(frozen=True)
class Answer:
    """One answer. Header names are lower case. `request` is method and path, for people."""

    request: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        """The body read as JSON; None where it is none."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_envelope(self) -> bool:
        """True for a JSON object, sent as JSON."""
        return self.media_type.endswith("json") and isinstance(self.json, dict)

    @property
    def is_page(self) -> bool:
        return self.media_type == "text/html"

    @property
    def message(self) -> str:
        body = self.json
        return str(body.get("message", "")) if isinstance(body, dict) else ""

    @property
    def shown(self) -> str:
        """The answer on one line, cut to a length, without tokens and tickets."""
        text = " ".join(self.content[: SHOWN_CHARACTERS * 8].decode(errors="replace").split())
        text = _SECRET.sub("…", text)
        text = text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
        where = f" to {self.headers['location'][:200]}" if "location" in self.headers else ""
        return (
            f"{self.status} {self.media_type or 'without a content type'}{where}: {text or 'an empty body'}"
        )


class Conversation:
    """Talks to one server; never follows a redirect, never sends more than it may."""

    def __init__(
        self,
        url: str,
        most_requests: int,
        kept_for_cleaning: int,
        answer_seconds: float,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.url = checked_address(url)
        self.request_count = 0
        self.last_request = ""
        self._most_requests = most_requests
        self._kept = min(kept_for_cleaning, most_requests // 2)
        self._http = httpx2.Client(
            headers={"User-Agent": "uws-conform"},
            timeout=httpx2.Timeout(answer_seconds, connect=min(CONNECT_SECONDS, answer_seconds)),
            follow_redirects=False,
            trust_env=not is_loopback(self.url),  # a proxy cannot reach this machine's own ports
            transport=transport,
        )

    def close(self) -> None:
        self._http.close()

    def start_cleaning(self) -> None:
        """From now on the requests that were kept for cleaning may be used."""
        self._kept = 0

    def require_connection(self) -> None:
        """Raise `ServerUnreachable` where no connection can be made."""
        self.count()
        try:
            self._http.request("GET", f"{self.url}/status/")
        except httpx2.TransportError as error:
            raise ServerUnreachable(
                f"{self.url} cannot be reached: {error or type(error).__name__}."
            ) from error

    def count(self) -> None:
        """Count one request. Raises `Skip` when no more may be sent."""
        if self.request_count >= self._most_requests - self._kept:
            raise Skip(f"the run may send {self._most_requests} requests, and those are used up")
        self.request_count += 1

    def send(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: object = NOTHING,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        files: Sequence[UploadedFile] = (),
    ) -> Answer:
        """Send one request. `body` is sent as JSON, `raw` as it is. Raises `NoAnswer`, and `Skip` beyond the bound."""
        self.count()
        sent_headers = {"Accept": "application/json", **(headers or {})}
        if token is not None:
            sent_headers["UWS-Authorization"] = f"Token {token}"
        options: dict[str, Any] = {}
        if body is not NOTHING:
            sent_headers.setdefault("Content-Type", "application/json")
            raw = json.dumps(body).encode()
        if raw is not None:
            options["content"] = raw
        if files:
            options["files"] = files
        request = self.last_request = f"{method} {path}"
        try:
            with self._http.stream(method, self.url + path, headers=sent_headers, **options) as response:
                content = _content(response, request)
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise NoAnswer(request, f"no answer ({error or type(error).__name__})", "an answer") from error
        lower = {name.lower(): value for name, value in response.headers.items()}
        return Answer(request, response.status_code, lower, content)


def _content(response: httpx2.Response, request: str) -> bytes:
    pieces, size_bytes = [], 0
    for piece in response.iter_bytes():
        size_bytes += len(piece)
        if size_bytes > MOST_ANSWER_BYTES:
            raise NoAnswer(request, f"more than {MOST_ANSWER_BYTES} bytes", "an answer that can be read")
        pieces.append(piece)
    return b"".join(pieces)

"""One HTTP connection pool to one server: sends, always with a time-out, and turns answers into data or errors."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import IO, Any
from urllib.parse import urlsplit

import httpx2

from uws.client.errors import BadAddress, ClientError, FieldProblem, NotUnderstood, Unreachable, api_error
from uws.client.reading import Raw

CONNECT_SECONDS = 10.0
UPLOAD_ANSWER_SECONDS = 600.0
"""How long the answer to an upload may take: the server writes the files before it answers."""

_TOKEN = re.compile(r"[\x21-\x7e]+")

UploadedFile = tuple[str, tuple[str, IO[bytes]]]


class Transport:
    """Sends requests to one server. Redirects are not followed: a token goes to the address it was given for."""

    def __init__(
        self, url: str, token: str | None, timeout_seconds: float, http: httpx2.BaseTransport | None = None
    ) -> None:
        self.url = checked_address(url)
        headers = {"Accept": "application/json", "User-Agent": "uws-client"}
        if token is not None:
            headers["UWS-Authorization"] = f"Token {checked_token(token)}"
        self._timeout_seconds = timeout_seconds
        self._http = httpx2.Client(
            headers=headers,
            timeout=httpx2.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds)),
            follow_redirects=False,
            trust_env=not is_loopback(self.url),  # a proxy cannot reach this machine's own ports
            transport=http,
        )

    def close(self) -> None:
        self._http.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
        files: Sequence[UploadedFile] = (),
    ) -> Raw:
        """Send one request and return the answer's envelope. Raises `ClientError` and its kinds."""
        options: dict[str, Any] = {}
        if body is not None:
            options["json"] = body
        if query:
            options["params"] = query
        if files:
            options["files"] = files
            longer = max(UPLOAD_ANSWER_SECONDS, self._timeout_seconds)
            options["timeout"] = httpx2.Timeout(self._timeout_seconds, read=longer)
        try:
            response = self._http.request(method, f"{self.url}{path}", **options)
        except httpx2.TimeoutException as error:
            raise Unreachable(f"{self.url} did not answer in time ({_name(error)}).") from error
        except httpx2.LocalProtocolError as error:  # such as a file that shrank while it was sent
            raise ClientError(f"The request could not be sent: {error}.") from error
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise Unreachable(f"{self.url} cannot be reached: {error or _name(error)}.") from error
        return self._envelope(response)

    def _envelope(self, response: httpx2.Response) -> Raw:
        if response.is_redirect:
            target = response.headers.get("location", "another address")
            raise NotUnderstood(f"{self.url} redirects to {target}: use the address that it leads to.")
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or not isinstance(answer.get("success"), bool):
            kind = response.headers.get("content-type", "nothing").partition(";")[0]
            raise NotUnderstood(
                f"{self.url} did not answer as a User Workspaces Server does: status {response.status_code}, {kind}."
            )
        if response.is_success and answer["success"]:
            return answer
        message = str(answer.get("message") or f"The server answered with status {response.status_code}.")
        raise api_error(response.status_code, message, _problems(answer.get("errors")))


def _name(error: Exception) -> str:
    return type(error).__name__


def _problems(errors: object) -> list[FieldProblem]:
    if not isinstance(errors, list):
        return []
    return [
        FieldProblem(*(str(entry.get(key, "")) for key in ("pointer", "found", "expected")))
        for entry in errors
        if isinstance(entry, dict)
    ]


def checked_address(url: str) -> str:
    """Return the server's address without a final slash.

    Raises `BadAddress` for anything but `http://` or `https://`, a host, and perhaps a port and a path.
    """
    expected = "expected an address such as https://workspaces.example.org"
    try:
        urlsplit(url)  # knows an unclosed bracket, which the other takes for a name
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, TypeError, ValueError) as error:
        raise BadAddress(f"The server's address cannot be read ({error}): {expected}.") from None
    if parsed.userinfo:
        raise BadAddress("The server's address must not hold a user name or a password.")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise BadAddress(f"Found {url[:200]!r} as the server's address: {expected}.")
    if parsed.query or parsed.fragment:
        raise BadAddress(f"The server's address must not hold a query or a fragment: {expected}.")
    return str(parsed).rstrip("/")


def checked_token(token: str) -> str:
    """Return the token. Raises `BadAddress`, which does not repeat it, for what no header could carry."""
    if not _TOKEN.fullmatch(token):
        raise BadAddress("The token is malformed: expected one word of printable ASCII characters.")
    return token


def is_loopback(url: str) -> bool:
    """True for an address of this very machine, by name (`localhost`, `*.localhost`) or number."""
    host = httpx2.URL(url).host
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""The way out: one client for all jobs, and the address check before it is used."""

from __future__ import annotations

import re

import aiohttp
from yarl import URL

from uws.passthrough.directory import Target
from uws.passthrough.settings import PassthroughSettings

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|[0-9A-Fa-f:.]{2,45}", re.ASCII)
_HEADER_BYTES = 64 * 1024
_READ_BUFFER_BYTES = 256 * 1024

# Below the five seconds after which common servers (uvicorn, Node) close an idle connection, so that a request
# is not written to one that is just being closed.
_IDLE_CONNECTION_SECONDS = 4.0


class ApplicationUnreachable(Exception):
    """The application could not be asked, or broke off before it answered. Nothing has been sent to the browser.

    The text is for people and names no address.
    """


class Client:
    """The two sessions of a process, over one pool of connections: requests and WebSocket handshakes.

    They keep no cookies, follow nothing, add nothing and unpack nothing. Needs a running loop.
    """

    def __init__(self, settings: PassthroughSettings) -> None:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_CONNECTION_SECONDS)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_timeout_seconds)
        self.requests = _session(connector, timeout)
        self.sockets = _session(connector, timeout, _refuse_redirect)

    async def close(self) -> None:
        """Close both, and every connection."""
        await self.requests.close()
        await self.sockets.close()


def _session(
    connector: aiohttp.TCPConnector,
    timeout: aiohttp.ClientTimeout,
    *middlewares: aiohttp.ClientMiddlewareType,
) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=timeout,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        auto_decompress=False,
        trust_env=False,
        requote_redirect_url=False,
        read_bufsize=_READ_BUFFER_BYTES,
        max_line_size=_HEADER_BYTES,
        max_field_size=_HEADER_BYTES,
        middlewares=middlewares,
    )


async def _refuse_redirect(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Take a redirect as the refusal of a handshake: aiohttp's `ws_connect` would follow it anywhere."""
    response = await handler(request)
    if 300 <= response.status <= 399:
        response.close()
        raise aiohttp.WSServerHandshakeError(
            response.request_info, response.history, status=response.status, headers=response.headers
        )
    return response


def upstream_url(target: Target, raw_path: bytes, query: bytes, settings: PassthroughSettings) -> URL:
    """Return where a request goes: the address from the job's record, the path and query as received.

    Raises `ApplicationUnreachable` for an address that no job may have.
    """
    host, port = target.host, target.port
    if host is None or port is None:
        raise ApplicationUnreachable("it has not said where it listens.")
    if not 1024 <= port <= 65535 or port in settings.refused_ports or not _HOST.fullmatch(host):
        raise ApplicationUnreachable("the address it has given is not one that a job may have.")
    return URL.build(
        scheme="http",
        host=f"[{host}]" if ":" in host else host,
        port=port,
        path=raw_path.decode("ascii"),
        query_string=query.decode("ascii"),
        encoded=True,
    )


def explain(problem: BaseException) -> str:
    """Return what went wrong on the way to the application, in words for its user."""
    if isinstance(problem, aiohttp.ClientConnectorError):
        return "nothing accepts connections where it said it would listen."
    if isinstance(problem, TimeoutError):
        return "it took too long to accept a connection."
    if isinstance(problem, aiohttp.ServerDisconnectedError):
        return "it closed the connection without an answer."
    if isinstance(problem, aiohttp.ClientResponseError):
        return "what it sent is not a valid HTTP answer."
    return "the connection to it broke."

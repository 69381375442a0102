"""The one table of what passes between a browser and a job, and what does not.

A job is somebody's code: UWS's own cookies and tokens must not reach it, and nothing it answers may reach beyond
its own origin. Everything else passes as received, so that any web application works.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from multidict import CIMultiDict

RawHeaders = Iterable[tuple[bytes, bytes]]

PASS_COOKIE = b"__Host-uws-job"
_OUR_COOKIES = (b"__host-uws", b"uws-")

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"trailers",
        b"transfer-encoding",
        b"upgrade",
    }
)

REQUEST_DROPPED = _HOP_BY_HOP | {
    b"authorization",  # UWS's tokens; the application's own comes from the target
    b"uws-authorization",
    b"expect",  # answered by this server when it begins to read
    b"http2-settings",
    b"host",  # set from the settings, as are the next
    b"forwarded",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-port",
    b"x-forwarded-proto",
    b"x-forwarded-server",
    b"x-forwarded-prefix",
    b"x-forwarded-user",
    b"x-forwarded-email",
    b"x-forwarded-access-token",
    b"x-original-url",
    b"x-rewrite-url",
    b"x-real-ip",
    b"x-remote-user",
    b"remote-user",
}

SOCKET_DROPPED = frozenset(
    {
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"sec-websocket-extensions",
        b"sec-websocket-protocol",
        b"sec-websocket-accept",
        b"content-length",
    }
)

RESPONSE_DROPPED = _HOP_BY_HOP | {
    b"alt-svc",  # would lead the browser around this proxy
    b"clear-site-data",  # "cookies" clears the whole registrable domain: the console's too
    b"expect-ct",
    b"nel",
    b"public-key-pins",
    b"report-to",
    b"service-worker-allowed",  # a worker keeps the scope of its own directory
    b"set-cookie2",
    b"strict-transport-security",  # a decision of the site's, and it outlives the job
}

_NO_BODY = frozenset({204, 205, 304})


def upstream_headers(
    headers: RawHeaders, *, added: Mapping[str, str], host: str, scheme: str, client: str, is_socket: bool
) -> CIMultiDict[str]:
    """Return what of a browser's request goes to the application.

    `added` are the target's own headers and replace any of the same name; `host`, `scheme` and `client` (an
    address) become `Host` and `X-Forwarded-*`, whatever the request claimed.
    """
    pairs = headers if isinstance(headers, list) else list(headers)
    dropped = _with_named_by_connection(REQUEST_DROPPED, pairs)
    if is_socket:
        dropped = dropped | SOCKET_DROPPED
    chunked = any(name == b"transfer-encoding" for name, _ in pairs)
    result: CIMultiDict[str] = CIMultiDict({"Host": host})
    for name, value in pairs:
        # WSGI and CGI read `_` and `-` alike: X_Forwarded_For would come out as ours.
        if name in dropped or b"_" in name or (chunked and name == b"content-length"):
            continue
        if name == b"cookie":
            value = without_our_cookies(value)
            if not value:
                continue
        result.add(name.decode("ascii"), value.decode("utf-8", "surrogateescape"))
    result["X-Forwarded-For"] = client
    result["X-Forwarded-Host"] = host
    result["X-Forwarded-Proto"] = scheme
    for added_name, added_value in added.items():
        result[added_name] = added_value
    return result


def downstream_headers(headers: RawHeaders, status: int) -> list[tuple[bytes, bytes]]:
    """Return what of the application's answer goes to the browser, names in lower case, values as received."""
    pairs = [(name.lower(), value) for name, value in headers]
    dropped = _with_named_by_connection(RESPONSE_DROPPED, pairs)
    chunked = any(name == b"transfer-encoding" for name, _ in pairs)
    result = []
    for name, value in pairs:
        if name in dropped:
            continue
        if name == b"set-cookie" and not may_set_cookie(value):
            continue
        # A length that no body follows, or a second way to tell it, is ambiguous framing.
        if name == b"content-length" and (chunked or status in _NO_BODY):
            continue
        result.append((name, value))
    return result


def without_our_cookies(value: bytes) -> bytes:
    """Return a `Cookie` header without the cookies of UWS; the application's own stay byte for byte."""
    if b"uws" not in value.lower():
        return value
    kept = [part for part in value.split(b";") if not part.strip().lower().startswith(_OUR_COOKIES)]
    return b";".join(kept).strip()


def cookies_named(headers: RawHeaders, name: bytes) -> list[str]:
    """Return the values of all cookies of that exact name, at most eight."""
    values = []
    for header, value in headers:
        if header != b"cookie":
            continue
        for part in value.split(b";"):
            cookie, separator, content = part.strip().partition(b"=")
            if separator and cookie == name:
                values.append(content.decode("latin-1"))
    return values[:8]


def may_set_cookie(value: bytes) -> bool:
    """Tell whether a job's `Set-Cookie` stays on its own origin and takes none of our names."""
    cookie, *attributes = value.split(b";")
    name, separator, _ = cookie.strip().partition(b"=")
    # A browser stores `=__Host-uws-job=x` under the name that follows the first `=`.
    if not separator or not name.strip() or name.strip().lower().startswith(_OUR_COOKIES):
        return False
    return all(attribute.partition(b"=")[0].strip().lower() != b"domain" for attribute in attributes)


def _with_named_by_connection(
    dropped: frozenset[bytes], pairs: list[tuple[bytes, bytes]]
) -> frozenset[bytes]:
    """Add the headers that `Connection` declares to be for this hop alone."""
    named = [value for name, value in pairs if name == b"connection"]
    if not named or named in ([b"keep-alive"], [b"Upgrade"], [b"close"]):
        return dropped
    return dropped | {token.strip().lower() for value in named for token in value.split(b",")}

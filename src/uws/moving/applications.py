"""Where the application of a job that still runs is, out of what the original server recorded of it.

The record is partly made of what the job itself wrote, so nothing of it is believed before it has been checked.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from uws.jobs.sealing import TOKEN_BYTES_LIMIT, seal
from uws.jobs.tickets import DerivesKeys
from uws.moving.plan import Columns
from uws.moving.values import Unusable, inner

LOWEST_PORT, HIGHEST_PORT = 1024, 65535
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]|\.(?!\.)){0,252}", re.ASCII)
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~@:%+-]*){1,32}", re.ASCII)
_PATH_CHARACTERS_LIMIT = 255
_TOKEN = re.compile(rf"[A-Za-z0-9._~+/=-]{{1,{TOKEN_BYTES_LIMIT}}}", re.ASCII)
_QUERY_FIELDS_LIMIT = 20
NONE: Columns = {"host": "", "port": None, "imported_connection": {}}


def read_application(
    details: Mapping[str, Any], launch_key: str, ready: datetime, secrets: DerivesKeys
) -> Columns:
    """Return the columns of a job's application, `NONE` where the original knew of none.

    `details` is the original's `job_details`. It is opened here once the job's resource has adopted the job; `ready`
    (UTC) is kept until then. Raises `Unusable` with what is wrong; the text never holds the token.
    """
    current = inner(details, "current_job_details")
    place, way = inner(current, "proxy_details"), inner(current, "connection_details")
    if not place and not way:
        return NONE
    for name, found in (("proxy_details", place), ("connection_details", way)):
        if not found:
            raise Unusable(f"the original recorded no {name}")
    path, token = _path_and_token(way.get("url_path"))
    connection = {"path": path, "ready": ready.isoformat()}
    if token is not None:
        connection["sealed_token"] = seal(secrets, launch_key, token)
    return {
        "host": _host(place.get("hostname")),
        "port": _port(place.get("port")),
        "imported_connection": connection,
    }


def _host(found: object) -> str:
    expected = "expected the name or the address of a machine"
    if not isinstance(found, str) or not _HOST.fullmatch(found):
        raise Unusable(f"its proxy_details.hostname is {_shown(found)}; {expected}")
    # A last label that begins with a digit would be read as a number of an address by the system's resolver.
    if found.rstrip(".").rpartition(".")[2][0].isdigit():
        try:
            address = ipaddress.IPv4Address(found)
        except ValueError:
            raise Unusable(f"its proxy_details.hostname is {_shown(found)}; {expected}") from None
        if address.is_unspecified or address.is_link_local or address.is_multicast or address.is_reserved:
            raise Unusable(f"its proxy_details.hostname is {_shown(found)}, which is no machine's address")
    return found


def _port(found: object) -> int:
    if isinstance(found, str) and re.fullmatch(r"[0-9]{1,5}", found, re.ASCII):
        found = int(found)
    if isinstance(found, bool) or not isinstance(found, int) or not LOWEST_PORT <= found <= HIGHEST_PORT:
        raise Unusable(
            f"its proxy_details.port is {_shown(found)}; expected a number from {LOWEST_PORT} to {HIGHEST_PORT}"
        )
    return found


def _path_and_token(found: object) -> tuple[str, str | None]:
    """Return the application's path, and its token where it has one. Errors show nothing: it holds the token."""
    if not isinstance(found, str):
        raise Unusable("its connection_details.url_path is no text")
    path, _, query = found.partition("?")
    path = path or "/"
    if len(path) > _PATH_CHARACTERS_LIMIT or path.startswith("//") or not _PATH.fullmatch(path):
        raise Unusable("its connection_details.url_path is no path such as /passthrough/lab")
    try:
        tokens = parse_qs(query, keep_blank_values=True, max_num_fields=_QUERY_FIELDS_LIMIT).get("token", [])
    except ValueError:
        raise Unusable("the query of its connection_details.url_path has too many parts") from None
    if not tokens:
        return path, None
    if len(tokens) > 1 or not _TOKEN.fullmatch(tokens[0]):
        raise Unusable(
            "the token in its connection_details.url_path is not one of letters, digits and -._~+/="
        )
    return path, tokens[0]


def _shown(found: object) -> str:
    return repr(found)[:60]

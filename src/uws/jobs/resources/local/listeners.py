"""Whose processes listen on which TCP ports of this machine, from /proc/net/tcp (proc(5))."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

LISTEN = "0A"


def listening_uids() -> Mapping[int, frozenset[int]]:
    """Return the user numbers that own a listening socket, by port, IPv4 and IPv6 together."""
    found: dict[int, set[int]] = {}
    for name in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/net/{name}").read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == LISTEN:
                found.setdefault(int(fields[1].rpartition(":")[2], 16), set()).add(int(fields[7]))
    return {port: frozenset(uids) for port, uids in found.items()}

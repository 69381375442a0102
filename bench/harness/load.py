"""Requests as fast as a few kept-alive connections can send them, with as little work as possible on this side."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

CONNECTIONS = 4
TIMEOUT_SECONDS = 60.0
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_NO_BODY = frozenset({204, 304})


class UnexpectedStatus(Exception):
    """An answer had another status than was to be measured."""


@dataclass(frozen=True)
class Load:
    """What was measured: requests a second over all connections, and times of single answers in milliseconds."""

    requests_per_second: float
    median_ms: float
    p99_ms: float
    body_bytes: int


@dataclass
class _Connection:
    port: int
    request: bytes
    expected: int
    until: float
    seconds: list[float] = field(default_factory=list)
    body_bytes: int = 0
    problem: Exception | None = None

    def run(self) -> None:
        try:
            with socket.create_connection(("127.0.0.1", self.port), TIMEOUT_SECONDS) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while time.perf_counter() < self.until or not self.seconds:
                    began = time.perf_counter()
                    connection.sendall(self.request)
                    self.body_bytes = self._read(connection)
                    self.seconds.append(time.perf_counter() - began)
        except Exception as error:
            self.problem = error

    def _read(self, connection: socket.socket) -> int:
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            chunk = connection.recv(65536)
            if not chunk:
                raise ConnectionError("the server closed the connection")
            received += chunk
        head = bytes(received[: end + 2])
        status = _STATUS.match(head)
        if status is None or int(status[1]) != self.expected:
            raise UnexpectedStatus(f"expected {self.expected}, got {bytes(received[:300])!r}")
        length = _LENGTH.search(head)
        body = 0 if self.expected in _NO_BODY or length is None else int(length[1])
        missing = body - (len(received) - end - 4)
        while missing > 0:
            missing -= len(connection.recv(min(missing, 1 << 20)))
        return body


def measure(port: int, path: str, headers: Mapping[str, str], *, seconds: float, expected: int = 200) -> Load:
    """Ask for `path` over and over for some seconds. Raises what went wrong on any connection."""
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *(f"{k}: {v}" for k, v in headers.items())]
    request = "\r\n".join([*lines, "", ""]).encode()
    began = time.perf_counter()
    connections = [_Connection(port, request, expected, began + seconds) for _ in range(CONNECTIONS)]
    threads = [threading.Thread(target=connection.run) for connection in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed = time.perf_counter() - began
    for connection in connections:
        if connection.problem is not None:
            raise connection.problem
    times = sorted(second for connection in connections for second in connection.seconds)
    return Load(
        requests_per_second=round(len(times) / passed, 1),
        median_ms=round(times[len(times) // 2] * 1000, 2),
        p99_ms=round(times[min(len(times) - 1, int(len(times) * 0.99))] * 1000, 2),
        body_bytes=connections[0].body_bytes,
    )

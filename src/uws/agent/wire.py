"""The server's half of the agent's protocol: bounded frames with deadlines. `program.py` describes it."""

from __future__ import annotations

import array
import contextlib
import json
import os
import socket
import time
from dataclasses import dataclass
from typing import Any

LONGEST_ANSWER_BYTES = 64 << 10
LONGEST_ORDER_BYTES = 4 << 20
LONGEST_PAYLOAD_BYTES = 64 << 20
_PIECE_BYTES = 1 << 20
_HEAD_BYTES = 8


class BrokenProtocol(Exception):
    """The other side sent something that is no frame, or closed the socket in the middle."""


@dataclass
class Frame:
    """One answer. The descriptor, if there is one, belongs to whoever takes it; `drop` closes it."""

    message: dict[str, Any]
    payload: bytes
    descriptor: int | None

    def take_descriptor(self) -> int | None:
        descriptor, self.descriptor = self.descriptor, None
        return descriptor

    def drop(self) -> None:
        descriptor = self.take_descriptor()
        if descriptor is not None:
            os.close(descriptor)


class Channel:
    """A stream socket to one agent. Every wait has a deadline (`time.monotonic()` seconds)."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, order: dict[str, Any], payload: bytes, deadline: float) -> None:
        """Send one order. Raises ValueError when it is too long, OSError (TimeoutError included)."""
        text = json.dumps(order, separators=(",", ":")).encode("ascii")
        if len(text) > LONGEST_ORDER_BYTES or len(payload) > LONGEST_PAYLOAD_BYTES:
            raise ValueError(f"an order of {len(text)} + {len(payload)} bytes is too long for one frame")
        head = len(text).to_bytes(4, "big") + len(payload).to_bytes(4, "big")
        self._wait_until(deadline)
        self._connection.sendall(head + text + payload, socket.MSG_NOSIGNAL)

    def receive(self, deadline: float) -> Frame:
        """Wait for one answer. Raises `BrokenProtocol` and OSError (TimeoutError included)."""
        descriptors: list[int] = []
        try:
            head = self._read(_HEAD_BYTES, deadline, descriptors)
            sizes = int.from_bytes(head[:4], "big"), int.from_bytes(head[4:], "big")
            if sizes[0] > LONGEST_ANSWER_BYTES or sizes[1] > LONGEST_PAYLOAD_BYTES:
                raise BrokenProtocol(f"an answer of {sizes[0]} + {sizes[1]} bytes")
            message = _decode(self._read(sizes[0], deadline, descriptors))
            payload = self._read(sizes[1], deadline, descriptors)
            if len(descriptors) > 1:
                raise BrokenProtocol("more than one descriptor")
            return Frame(message, payload, descriptors.pop() if descriptors else None)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def close(self) -> None:
        """End the conversation; by shutdown, because a forked process may hold the socket as well."""
        with contextlib.suppress(OSError):  # the agent was first
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _wait_until(self, deadline: float) -> None:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        self._connection.settimeout(remaining)

    def _read(self, size: int, deadline: float, descriptors: list[int]) -> bytes:
        data = bytearray()
        while len(data) < size:
            self._wait_until(deadline)
            piece, ancillary, _, _ = self._connection.recvmsg(
                min(size - len(data), _PIECE_BYTES), socket.CMSG_LEN(4), socket.MSG_CMSG_CLOEXEC
            )
            for level, kind, content in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    received = array.array("i")
                    received.frombytes(content[: len(content) - len(content) % received.itemsize])
                    descriptors.extend(received)
            if len(descriptors) > 1:
                raise BrokenProtocol("more than one descriptor")
            if not piece:
                raise BrokenProtocol("the end of the conversation")
            data += piece
        return bytes(data)


def _decode(text: bytes) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BrokenProtocol("an answer that is not JSON") from error
    if not isinstance(message, dict):
        raise BrokenProtocol("an answer that is not an object")
    return message

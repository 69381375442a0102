"""A server for the client's tests, and a client for each of its people."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from tests.client.serving import Running, running_server

from uws.client import Client


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for all tests here."""
    with running_server(tmp_path_factory.mktemp("client") / "data-dir") as running:
        yield running


@pytest.fixture
def ada(server: Running) -> Iterator[Client]:
    """The owner."""
    with Client(server.url, server.ada) as client:
        yield client


@pytest.fixture
def grace(server: Running) -> Iterator[Client]:
    """Somebody else."""
    with Client(server.url, server.grace) as client:
        yield client


@pytest.fixture
def unused_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])

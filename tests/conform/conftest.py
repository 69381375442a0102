"""A real server for all of these tests, and servers that are wrong in one named way, made out of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.client.serving import Running, running_server
from tests.server.conftest import run_uws

from uws.conform import Plan


@dataclass(frozen=True)
class Checked:
    """A running server, and a plan with all that a run can use there."""

    server: Running
    plan: Plan

    @property
    def url(self) -> str:
        return self.server.url


@pytest.fixture(scope="session")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    data_dir = tmp_path_factory.mktemp("conform") / "data-dir"
    with running_server(data_dir) as server:
        client = run_uws("admin", "client", "create", "portal", data_dir=data_dir)
        plan = Plan(
            token=server.ada,
            second_token=server.grace,
            client_token=client.stdout.strip(),
            link_source=str(data_dir / "data" / "cells.txt"),
        )
        yield Checked(server, plan)

from __future__ import annotations

import pytest

from uws.config.server import ServerSettings
from uws.server.installation import Addresses, with_addresses


def test_the_console_is_at_localhost_and_each_job_below_it() -> None:
    server = with_addresses(ServerSettings(), Addresses(port=9000, jobs_port=9001))
    assert server.public_url == "http://localhost:9000"
    assert server.jobs_origin(12, 9001) == "http://job-12.localhost:9001"
    assert server.hosts == ("localhost", "127.0.0.1", "[::1]")


@pytest.mark.parametrize(
    ("public_url", "host"),
    [
        ("https://uws.example.org", "uws.example.org"),
        ("https://uws.example.org:8443", "uws.example.org"),
        ("http://[fd00::1]", "[fd00::1]"),
        ("http://[fd00::1]:8000", "[fd00::1]"),
    ],
)
def test_the_public_name_is_a_known_host(public_url: str, host: str) -> None:
    server = with_addresses(ServerSettings(public_url=public_url), Addresses())
    assert (server.public_url, server.hosts[-1]) == (public_url, host)


def test_an_address_named_on_the_command_line_is_a_known_host() -> None:
    server = with_addresses(ServerSettings(), Addresses(host="192.0.2.7"))
    assert server.hosts[-1] == "192.0.2.7"
    assert server.public_url == "http://192.0.2.7:8000"


def test_listening_everywhere_names_no_new_host() -> None:
    assert with_addresses(ServerSettings(), Addresses(host="0.0.0.0")).hosts == ServerSettings().hosts

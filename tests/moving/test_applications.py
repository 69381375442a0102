"""What the original recorded of a running job's application, and what of it is believed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.moving.original import STARTED
from uws.config.deployment import Secrets
from uws.jobs.sealing import unseal
from uws.moving.applications import NONE, read_application
from uws.moving.plan import Columns
from uws.moving.values import Unusable

SECRETS = Secrets(bytes(range(32)))
TOKEN = "5ec2e7" * 8
PLACE: dict[str, Any] = {"hostname": "node-1.example.org", "port": "8888", "path": ""}
WAY: dict[str, Any] = {
    "url_path": f"/passthrough/lab?token={TOKEN}",
    "url_domain": "https://jobs.example.org",
}


def read(place: object = PLACE, way: object = WAY) -> Columns:
    current = {"proxy_details": place, "connection_details": way}
    return read_application({"current_job_details": current}, "original-101", STARTED, SECRETS)


def test_place_path_and_token_are_kept_and_the_token_is_sealed() -> None:
    found = read()
    assert (found["host"], found["port"]) == ("node-1.example.org", 8888)
    kept = found["imported_connection"]
    assert (kept["path"], kept["ready"]) == ("/passthrough/lab", "2026-03-01T12:00:30+00:00")
    assert unseal(SECRETS, "original-101", kept["sealed_token"]) == TOKEN
    assert TOKEN not in str(found)


@pytest.mark.parametrize("port", [1024, "1024", 65535, "65535"])
def test_a_port_may_be_a_number_or_text(port: object) -> None:
    assert read({**PLACE, "port": port})["port"] == int(str(port))


@pytest.mark.parametrize(
    "host", ["node", "127.0.0.1", "10.1.2.3", "n1.cluster.", "gpu-07.cluster.example.org"]
)
def test_a_host_may_be_a_name_or_an_address(host: str) -> None:
    assert read({**PLACE, "hostname": host})["host"] == host


@pytest.mark.parametrize(("url_path", "path"), [("", "/"), ("/", "/"), ("/app/", "/app/"), ("/a?x=1", "/a")])
def test_an_application_without_a_token_keeps_its_path_alone(url_path: str, path: str) -> None:
    assert read(way={"url_path": url_path})["imported_connection"] == {
        "path": path,
        "ready": "2026-03-01T12:00:30+00:00",
    }


@pytest.mark.parametrize(
    "details", [{}, {"current_job_details": {}}, {"current_job_details": {"message": "x"}}]
)
def test_a_job_without_an_application_has_none_here(details: dict[str, Any]) -> None:
    assert read_application(details, "original-101", STARTED, SECRETS) == NONE


@pytest.mark.parametrize(
    "port",
    [None, True, 0, 22, 1023, 65536, -8888, 8888.0, "", "ssh", "8888 ", "+8888", "99999", "٨٨٨٨", [8888]],
)
def test_a_port_that_cannot_be_an_applications_is_refused(port: object) -> None:
    with pytest.raises(Unusable, match=r"proxy_details\.port .*expected a number from 1024 to 65535"):
        read({**PLACE, "port": port})


@pytest.mark.parametrize(
    "host",
    [
        None,
        7,
        "",
        "-node",
        ".node",
        "a..b",
        "a b",
        "node:80",
        "user@node",
        "node/x",
        "node\n",
        "nöde",
        "a" * 254,
        "2130706433",
        "0x7f000001",
        "127.1",
        "node.1",
        "0.0.0.0",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
def test_a_host_that_is_no_machine_is_refused(host: object) -> None:
    with pytest.raises(Unusable, match=r"proxy_details\.hostname"):
        read({**PLACE, "hostname": host})


@pytest.mark.parametrize(
    "url_path",
    [
        None,
        7,
        "lab",
        "//evil.example/lab",
        "https://evil.example/lab",
        "/a b",
        "/a\r\nX: y",
        "/a#b",
        "/a/../b",
        "/..",
        "/./a",
        "/\\evil",
        "/" + "a" * 255,
        "/a?" + "&".join(["x=1"] * 30),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(url_path: object) -> None:
    with pytest.raises(Unusable, match=r"connection_details\.url_path"):
        read(way={"url_path": url_path})


@pytest.mark.parametrize(
    "query", ["token=", "token=a%0d%0aX:y", "token=a%20b", "token=a&token=b", "token=%C3%A9"]
)
def test_a_token_that_could_not_be_a_header_is_refused(query: str) -> None:
    with pytest.raises(Unusable, match="the token in its"):
        read(way={"url_path": f"/lab?{query}"})


@pytest.mark.parametrize(
    ("place", "way"), [({}, WAY), (None, WAY), (PLACE, {}), ("x", WAY), ({**PLACE, "port": "x"}, WAY)]
)
def test_what_is_wrong_is_said_without_the_token(place: object, way: object) -> None:
    with pytest.raises(Unusable) as caught:
        read(place, way)
    assert TOKEN not in str(caught.value)

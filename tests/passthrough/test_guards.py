from __future__ import annotations

from typing import Any

import pytest

from uws.passthrough.guards import AmbiguousRequest, HostNames, RequestFacts, refuse_request, refuse_socket
from uws.passthrough.settings import PassthroughSettings

OWN = "http://job-12.localhost:8001"


def settings(**changes: Any) -> PassthroughSettings:
    fields: dict[str, Any] = {"jobs_domain": "localhost", "public_scheme": "http", "public_port": 8001,
                              "console_url": "http://localhost:8000"}  # fmt: skip
    return PassthroughSettings(**(fields | changes))


def facts(
    method: str, origin: str | None, site: str | None, mode: str | None = None, dest: str | None = None
) -> RequestFacts:
    pairs = {"origin": origin, "sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest}
    return RequestFacts(method, [(k.encode(), v.encode()) for k, v in pairs.items() if v is not None])


@pytest.mark.parametrize(
    ("method", "origin", "site", "mode", "dest", "passes"),
    [
        ("GET", None, "none", "navigate", "document", True),
        ("GET", None, "cross-site", "navigate", "document", True),
        ("GET", None, "same-site", "navigate", "document", True),
        ("GET", None, "same-origin", "cors", "empty", True),
        ("GET", OWN, "same-origin", "cors", "empty", True),
        ("POST", OWN, "same-origin", "cors", "empty", True),
        ("POST", OWN, None, None, None, True),
        ("DELETE", None, "same-origin", "cors", "empty", True),
        ("GET", None, None, None, None, True),
        ("HEAD", None, None, None, None, True),
        ("POST", None, None, None, None, False),
        ("PUT", None, None, None, None, False),
        ("DELETE", None, None, None, None, False),
        ("GET", None, "cross-site", "navigate", "iframe", False),
        ("GET", None, "same-site", "navigate", "iframe", False),
        ("GET", None, "cross-site", "no-cors", "image", False),
        ("GET", None, "same-site", "no-cors", "script", False),
        ("GET", None, "same-site", "cors", "empty", False),
        ("GET", None, "same-site", None, None, False),
        ("HEAD", None, "cross-site", "navigate", "document", False),
        ("POST", None, "cross-site", "navigate", "document", False),
        ("POST", "null", "cross-site", "navigate", "document", False),
        ("POST", "http://job-13.localhost:8001", "same-site", "cors", "empty", False),
        ("OPTIONS", "http://job-13.localhost:8001", "same-site", "cors", "empty", False),
        ("GET", "http://job-13.localhost:8001", None, None, None, False),
        ("GET", "https://job-12.localhost:8001", None, None, None, False),
        ("GET", "http://job-12.localhost", None, None, None, False),
        ("GET", "http://job-12.localhost:80010", None, None, None, False),
        ("GET", "http://localhost:8000", "same-site", "cors", "empty", False),
        ("GET", "null", None, None, None, False),
        ("GET", "", None, None, None, False),
        ("GET", None, "nonsense", None, None, False),
    ],
)  # fmt: skip
def test_a_request_passes_only_from_the_jobs_own_page_or_as_a_visit(
    method: str, origin: str | None, site: str | None, mode: str | None, dest: str | None, passes: bool
) -> None:
    refusal = refuse_request(facts(method, origin, site, mode, dest), method, OWN)
    assert (refusal is None) is passes
    assert refusal is None or refusal.status == 403


@pytest.mark.parametrize(
    ("origin", "site", "passes"),
    [
        (OWN, "same-origin", True),
        (OWN, None, True),
        (None, None, False),
        (None, "same-origin", False),
        ("null", None, False),
        (OWN, "same-site", False),
        (OWN, "cross-site", False),
        ("http://job-13.localhost:8001", "same-site", False),
        ("https://job-12.localhost:8001", None, False),
        ("http://localhost:8000", None, False),
    ],
)
def test_a_socket_passes_only_from_the_jobs_own_page(
    origin: str | None, site: str | None, passes: bool
) -> None:
    assert (refuse_socket(facts("GET", origin, site), OWN) is None) is passes


@pytest.mark.parametrize(
    ("host", "job_id"),
    [
        (b"job-12.localhost:8001", 12),
        (b"JOB-12.LOCALHOST:8001", 12),
        (b"job-12.localhost", None),
        (b"job-12.localhost:8002", None),
        (b"job-12.localhost:8001.", None),
        (b"job-12.localhost.:8001", None),
        (b"job-12.localhost:08001", None),
        (b"job-012.localhost:8001", None),
        (b"job-0.localhost:8001", None),
        (b"job--1.localhost:8001", None),
        (b"job-12.localhost.evil.org:8001", None),
        (b"x.job-12.localhost:8001", None),
        (b"job-12xlocalhost:8001", None),
        (b"localhost:8001", None),
        (b"127.0.0.1:8001", None),
        (b"", None),
        (b"job-12.localhost:8001\xff", None),
        (b"job-" + b"9" * 5000 + b".localhost:8001", None),
    ],
)  # fmt: skip
def test_the_host_is_matched_whole(host: bytes, job_id: int | None) -> None:
    assert HostNames(settings()).job_id(host) == job_id


def test_the_schemes_own_port_is_not_in_the_host() -> None:
    names = HostNames(settings(public_scheme="https", public_port=443, jobs_domain="jobs.example.org"))
    assert names.job_id(b"job-12.jobs.example.org") == 12
    assert names.job_id(b"job-12.jobs.example.org:443") is None
    assert names.job_id(b"job-12.jobsxexample.org") is None


@pytest.mark.parametrize("name", [b"host", b"origin", b"content-length", b"sec-fetch-site"])
def test_a_header_that_must_be_single_is_refused_twice(name: bytes) -> None:
    with pytest.raises(AmbiguousRequest, match=name.decode()):
        RequestFacts("GET", [(name, b"a"), (name, b"a")])

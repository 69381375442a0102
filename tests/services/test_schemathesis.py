"""schemathesis against a running server: no 5xx, and no answer that the OpenAPI document does not describe."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from tests.client.serving import running_server
from tests.server.conftest import run_uws

SEED = os.environ.get("UWS_SCHEMATHESIS_SEED", "4")
"""The same requests each time, so that a change's failure is the change's; another seed looks elsewhere."""
MAXIMUM_SECONDS = 24
MAXIMUM_EXAMPLES = 8
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "allow_header_conformance",
)


@pytest.mark.services
def test_no_answer_is_a_failure_or_outside_its_description(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server:
        client = run_uws("admin", "client", "create", "portal", data_dir=server.data_dir).stdout.strip()
        header = {"UWS-Authorization": f"Token {server.ada}"}
        people = httpx2.get(f"{server.url}/users/", headers=header, timeout=10).json()["data"]["users"]
        (recipient,) = (each["id"] for each in people if each["username"] == "grace")
        environment = os.environ | {
            "SCHEMATHESIS_HOOKS": "tests.services.schemathesis_hooks",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "UWS_SCHEMATHESIS_CLIENT": client,
            "UWS_SCHEMATHESIS_RECIPIENT": str(recipient),
        }
        command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{server.url}/openapi.json"]
        command += ["--header", f"UWS-Authorization: Token {server.ada}", "--checks", ",".join(CHECKS)]
        command += ["--max-examples", str(MAXIMUM_EXAMPLES), "--max-time", str(MAXIMUM_SECONDS)]
        # One worker: hypothesis' look at the sources of lambdas is not safe for threads.
        command += ["--workers", "1", "--seed", SEED, "--generation-database", "none"]
        command += ["--no-color", "--no-shrink", "--continue-on-failure", "--warnings", "off"]
        # In its own directory: reports and caches are left nowhere else.
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path, timeout=150
        )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
    generated = re.search(r"(\d+) generated", done.stdout)
    assert generated, done.stdout
    assert int(generated[1]) > 500
    assert re.search(r"API Links:\s+[1-9]", done.stdout), done.stdout

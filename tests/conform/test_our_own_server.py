"""Our server keeps the contract, as `uws conform` sees it over the wire."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.conform.conftest import Checked
from tests.server.conftest import UWS, environment, run_uws

from uws.conform.checks import ALL_CHECKS


def run_conform(checked: Checked, *arguments: str) -> subprocess.CompletedProcess[str]:
    plan = checked.plan
    tokens = {
        "UWS_TOKEN": plan.token,
        "UWS_SECOND_TOKEN": plan.second_token,
        "UWS_CLIENT_TOKEN": plan.client_token,
    }
    return subprocess.run(
        [*UWS, "conform", checked.url, *arguments],
        env=environment() | {name: value for name, value in tokens.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_it_keeps_the_whole_contract(checked: Checked) -> None:
    done = run_conform(checked, "--json", "--link-source", str(checked.plan.link_source))
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    told = [result for result in report["results"] if result["verdict"] != "ok"]
    assert told == []
    assert report["left_over"] == []
    assert {result["id"] for result in report["results"]} == {check.id for check in ALL_CHECKS}
    assert report["request_count"] <= report["most_requests"]
    assert done.stderr == ""


def test_the_table_names_what_fails_and_the_exit_code_is_1(checked: Checked) -> None:
    done = run_conform(checked, "--only", "jobs.start", "--only", "catalogue", "--job-type", "sleeper")
    assert done.returncode == 0, done.stdout
    done = run_conform(checked, "--only", "jobs.end", "--job-type", "sleeper", "--job-seconds", "1")
    assert done.returncode == 1
    assert "FAILED   jobs.end" in done.stdout
    assert "not within 1 seconds" in done.stdout
    assert "0 ok, 1 FAILED, 0 known fault, 0 skipped" in done.stdout


def test_a_token_is_read_from_a_file_and_never_printed(checked: Checked, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{checked.plan.token}\n")
    arguments = (checked.url, "--token", f"file:{file}", "--only", "workspaces.one")
    done = run_uws("conform", *arguments)
    assert "1 ok, 0 FAILED" in done.stdout
    assert str(checked.plan.token) not in done.stdout + done.stderr
    missing = run_uws("conform", checked.url, "--token", f"file:{tmp_path / 'nothing'}")
    assert missing.returncode == 2
    assert "cannot be read" in missing.stderr


@pytest.mark.parametrize(("url", "code"), [("ftp://x", 2), ("http://127.0.0.1:1", 1)])
def test_a_wrong_address_is_one_sentence(url: str, code: int) -> None:
    done = run_uws("conform", url)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


def test_the_checks_are_listed_without_a_server() -> None:
    done = run_uws("conform", "http://127.0.0.1:1", "--list", "--only", "shares")
    assert len(done.stdout.splitlines()) == 1 + sum(check.id.startswith("shares") for check in ALL_CHECKS)


def test_every_check_has_an_id_of_its_own_and_a_whole_sentence() -> None:
    assert len({check.id for check in ALL_CHECKS}) == len(ALL_CHECKS)
    for check in ALL_CHECKS:
        assert check.section.startswith("§")
        assert check.sentence.endswith(".")

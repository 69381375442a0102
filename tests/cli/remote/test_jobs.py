"""`uws jobs …`, `uws logs`, `uws open`."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.remote.conftest import Shell
from tests.conftest import wait_until


@pytest.fixture
def workspace(ada: Shell) -> str:
    """The number of a new workspace of ada's."""
    return str(json.loads(ada.done("workspaces", "create", "Cells", "-o", "json"))["id"])


@pytest.fixture
def web_job(ada: Shell, workspace: str) -> Iterator[Any]:
    """A web application that answers; stopped afterwards."""
    job = json.loads(ada.done("jobs", "start", workspace, "--type", "web", "--wait", "-o", "json"))
    yield job
    ada("jobs", "stop", str(job["id"]), "--wait")


def start(shell: Shell, workspace: str, job_type: str, *more: str) -> Any:
    return json.loads(shell.done("jobs", "start", workspace, "--type", job_type, "-o", "json", *more))


def let_go(shell: Shell, workspace: str, tmp_path: Path) -> None:
    """Let a job of the type `patient` come to its end."""
    (tmp_path / "go").touch()
    shell.done("files", "upload", workspace, str(tmp_path / "go"))


def test_a_start_passes_its_options_on(ada: Shell, workspace: str) -> None:
    job = start(ada, workspace, "brief", "--cpus", "2", "--memory", "1G", "--time", "2h", "--wait")
    assert job["job_details"]["request_job_details"]["resource_options"] == {
        "num_cpus": 2,
        "memory_mb": 1024,
        "time_limit_minutes": 120,
    }


def test_an_option_that_the_server_does_not_know_is_told(ada: Shell, workspace: str) -> None:
    run = ada(
        "jobs", "start", workspace, "--type", "brief", "--option", "colour=red", "--option", "num_cpus=1"
    )
    assert run.returncode == 0
    assert run.stderr == "This server does not know the options colour.\n"


@pytest.mark.parametrize(("word", "said"), [("hello", "hello"), ('"7"', "7"), ("a=b", "a=b"), ("NaN", "NaN")])
def test_a_job_type_gets_its_parameters(ada: Shell, workspace: str, word: str, said: str) -> None:
    job = start(ada, workspace, "says", "--set", f"word={word}", "--wait")
    assert ada.done("logs", str(job["id"])) == f"{said}\n"


def test_a_parameter_of_the_wrong_type_is_refused(ada: Shell, workspace: str) -> None:
    run = ada("jobs", "start", workspace, "--type", "says", "--set", "word=7")
    assert (run.returncode, run.stdout) == (1, "")
    assert "word" in run.stderr


def test_an_option_out_of_range_is_refused(ada: Shell, workspace: str) -> None:
    run = ada("jobs", "start", workspace, "--type", "brief", "--cpus", "64")
    assert (run.returncode, run.stdout) == (1, "")
    assert "num_cpus: Value '64' above maximum of 4." in run.stderr


def test_a_batch_job_is_waited_for_to_its_end(ada: Shell, workspace: str) -> None:
    run = ada("jobs", "start", workspace, "--type", "brief", "--wait")
    assert run.returncode == 0
    assert "State:" in run.stdout
    assert "complete" in run.stdout
    assert run.stderr.splitlines()[-1].endswith("complete. The job has ended well.")


def test_a_job_that_fails_while_it_is_waited_for_is_exit_code_1(ada: Shell, workspace: str) -> None:
    run = ada("jobs", "start", workspace, "--type", "missing", "--wait", "-o", "json")
    assert run.returncode == 1
    assert json.loads(run.stdout)["status"] == "failed"
    assert "no-such-command-anywhere" in run.stderr


def test_a_wait_that_takes_too_long_is_exit_code_6(ada: Shell, workspace: str) -> None:
    run = ada("jobs", "start", workspace, "--type", "sleeper", "--wait", "--timeout", "1s")
    assert (run.returncode, run.stdout) == (6, "")
    number = run.stderr.split()[1].rstrip(":")
    assert run.stderr.endswith(f"Job {number} is still running after 1 seconds.\n")
    assert "complete" in ada.done("jobs", "stop", number, "--wait")


def test_jobs_are_listed_and_shown(ada: Shell, workspace: str) -> None:
    job = start(ada, workspace, "brief", "--wait")
    number = str(job["id"])
    lines = ada.done("jobs", "list", "--workspace", workspace).splitlines()
    assert lines[0].split() == ["ID", "WORKSPACE", "TYPE", "STATE", "STEP", "CREATED", "DURATION"]
    assert lines[1].split()[:5] == [number, workspace, "brief", "complete", "ended"]
    assert json.loads(ada.done("jobs", "list", "--workspace", workspace, "-o", "json")) == [job]
    assert ada.done("jobs", "list", "--workspace", workspace, "--state", "running", "-o", "jsonl") == ""
    shown = ada.done("jobs", "show", number)
    assert "Exit code:" in shown
    assert "The job has ended well." in shown


def test_a_job_is_watched_to_its_end(ada: Shell, workspace: str, tmp_path: Path) -> None:
    number = str(start(ada, workspace, "patient")["id"])
    with ada.running("jobs", "show", number, "--watch", "-o", "jsonl") as process:
        assert process.stdout is not None
        states = [json.loads(process.stdout.readline())["status"]]
        let_go(ada, workspace, tmp_path)
        states += [json.loads(line)["status"] for line in process.stdout]
        assert process.wait(20) == 0
    assert states[0] in ("pending", "running")
    assert states[-1] == "complete"


def test_stopping_twice_is_refused(ada: Shell, workspace: str) -> None:
    number = str(start(ada, workspace, "sleeper")["id"])
    ada.done("jobs", "stop", number, "--wait")
    run = ada("jobs", "stop", number)
    assert (run.returncode, run.stderr) == (1, "This job is not running or pending.\n")


def test_a_log_is_printed_as_it_is(ada: Shell, workspace: str) -> None:
    job = start(ada, workspace, "long", "--wait")
    assert ada.done("logs", str(job["id"])) == "".join(f"{line:06d}\n" for line in range(1, 100_001))


def test_a_log_is_followed_to_the_jobs_end(ada: Shell, workspace: str, tmp_path: Path) -> None:
    number = str(start(ada, workspace, "patient")["id"])
    with ada.running("logs", "-f", number) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "first\n"
        let_go(ada, workspace, tmp_path)
        assert process.stdout.read() == "last\n"
        assert process.wait(20) == 0
    assert json.loads(ada.done("jobs", "show", number, "-o", "json"))["status"] == "complete"


def test_the_address_of_a_ready_job_is_printed(ada: Shell, web_job: Any) -> None:
    printed = ada.done("open", str(web_job["id"]), "--print")
    assert printed.startswith(f"http://job-{web_job['id']}.localhost:")
    assert "ticket=" in printed


def test_the_browser_gets_the_address_from_a_file_that_only_its_owner_reads(
    ada: Shell, web_job: Any, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf "%s" "$1" > {seen}.part && mv {seen}.part {seen}\n')
    browser.chmod(0o755)
    shell = Shell(ada.home, {**ada.variables, "BROWSER": f"{browser} %s"})
    with shell.running("open", str(web_job["id"])) as process:
        printed, _ = process.communicate(timeout=20)
    wait_until(seen.exists)
    page = ada.home / ".cache" / "uws" / "open.html"
    assert seen.read_text() == page.as_uri()
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert printed.strip() in page.read_text()


def test_a_job_that_does_not_answer_is_not_opened(ada: Shell, workspace: str) -> None:
    job = start(ada, workspace, "brief", "--wait")
    run = ada("open", str(job["id"]))
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == (f"It cannot be opened now. Job {job['id']}: complete. The job has ended well.\n")


def test_output_has_no_escapes_even_where_colour_is_forced(ada: Shell, workspace: str) -> None:
    for command in (("workspaces", "list"), ("workspaces", "show", workspace)):
        run = ada(*command, FORCE_COLOR="1")
        assert run.returncode == 0
        assert "\x1b" not in run.stdout


def test_help_loads_neither_the_client_nor_the_server() -> None:
    code = (
        "import sys\nfrom uws.cli.main import main\n"
        "sys.argv = ['uws', 'jobs', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'httpx2', 'rich.table', 'django', 'uws.client'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")

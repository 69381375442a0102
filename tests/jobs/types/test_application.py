from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.jobs.types.running import get, running

from uws.config.applications import shipped_applications
from uws.config.deployment import Deployment
from uws.jobs.applications.settings import ApplicationEnvironment
from uws.jobs.types.application import ApplicationJob
from uws.jobs.types.base import JobDetailsRefused
from uws.testing.job_types import APPLICATION_TOKEN, build_context, build_job_type

WEB: dict[str, Any] = {
    "command": ["serve", "{port}"],
    "probe": {"path": "/"},
    "connection": {"path": "/", "headers": {"X-Token": "{token}"}},
}
TEXT = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"command": []}, "command"),
        ({"command": "serve"}, "command"),
        ({"command": ["serve", "--token={token}"]}, "command[1]: {token} would show"),
        ({"command": ["{pyton}"]}, "Did you mean {python}?"),
        ({"command": ["{environment}/bin/serve"]}, "command[0]: found {environment}"),
        ({"command": ["{parameters.name}"]}, "expected a parameter that is required or has a default"),
        ({"command": ["a\0b"]}, "NUL"),
        ({"environment": {"A=B": "1"}}, "'A=B'"),
        ({"environment": {"A": "{nothing}"}}, "environment.A: found {nothing}"),
        ({"probe": None}, "a web application needs both"),
        ({"connection": None}, "a web application needs both"),
        ({"probe": {"path": "no-slash"}}, "probe.path"),
        ({"probe": {"path": "/", "headers": {"A b": "1"}}}, "a header's name"),
        ({"probe": {"path": "/", "headers": {"A": "{port}"}}}, "probe.headers.A: found {port}"),
        ({"connection": {"path": "/", "headers": {"A": "{workspace_directory}"}}}, "connection.headers.A"),
        ({"connection": {"path": "/", "headers": {"A": "1\r\nB: 2"}}}, "printable ASCII"),
        ({"parameters": {"type": "objekt"}}, "no valid JSON Schema"),
        ({"parameters": {"type": "string"}}, "expected the schema of an object"),
        ({"packages": ["-r requirements.txt"]}, "-r requirements.txt"),
        ({"working_directory": "/tmp"}, "working_directory"),
        ({"shell": True}, "shell"),
    ],
)
def test_an_entry_that_cannot_work_is_refused_with_the_key_that_is_wrong(
    change: Mapping[str, object], named: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        ApplicationEnvironment.model_validate({**WEB, **change})
    assert named in str(caught.value)


SCHEMA = {
    "type": "object",
    "required": ["rows"],
    "properties": {
        "rows": {"type": "integer", "minimum": 1, "maximum": 9},
        "mode": {"enum": ["fast", "slow"], "default": "fast"},
        "names": {"type": "array", "items": {"type": "string"}, "maxItems": 2, "default": []},
    },
}


@pytest.mark.parametrize(
    ("details", "message"),
    [
        ({}, "job_details: rows is missing."),
        ({"rows": "5"}, 'job_details.rows: found "5"; expected a whole number.'),
        ({"rows": True}, "job_details.rows: found true; expected a whole number."),
        ({"rows": 0}, "job_details.rows: found 0; expected at least 1."),
        ({"rows": 10}, "job_details.rows: found 10; expected at most 9."),
        ({"rows": 1, "mode": "x"}, 'job_details.mode: found "x"; expected one of "fast", "slow".'),
        ({"rows": 1, "names": ["a", 2]}, "job_details.names[1]: found 2; expected a text."),
        (
            {"rows": 1, "names": ["a", "b", "c"]},
            'job_details.names: found ["a", "b", "c"]; expected at most 2 items.',
        ),
        (
            {"rows": 1, "names": ["a\0"]},
            "job_details.names: found a NUL character; expected text without.",
        ),
        ({"rows": 1, "names": ["{port}"]}, "job_details.names: found {port}; expected text without it."),
        (
            {"rows": 1, "names": ["\ud800"]},
            "job_details.names: found half a character; expected valid Unicode.",
        ),
        (
            {"rows": 1, "names": ["x" * 70000]},
            "job_details.names: found 70004 bytes; expected 65536 at most.",
        ),
    ],
)
def test_a_bad_parameter_is_named_with_what_was_found_and_expected(
    deployment: Deployment, details: Mapping[str, object], message: str
) -> None:
    job_type = build_job_type(ApplicationJob, deployment, {"command": ["true"], "parameters": SCHEMA})
    with pytest.raises(JobDetailsRefused) as caught:
        job_type.check_details(details)
    assert caught.value.message == message


def test_one_item_stays_one_argument_and_a_value_is_never_read_again(
    deployment: Deployment, tmp_path: Path
) -> None:
    details = {
        "command": ["/usr/bin/env", "printf", "[%s]", "{parameters.name}", "x-{parameters.name}"],
        "parameters": TEXT,
    }
    job_type = build_job_type(ApplicationJob, deployment, details)
    name = "a b; touch stolen $(touch stolen) '\"`\n{token} {parameters.name}"
    with running(job_type, build_context(tmp_path, job_details={"name": name})) as job:
        assert job.wait_ended(20).reason == "success"
        assert job.log() == f"[{name}][x-{name}]"
        assert not list(tmp_path.rglob("stolen"))


def test_defaults_fill_what_was_left_out_and_all_but_text_is_json(
    deployment: Deployment, tmp_path: Path
) -> None:
    schema = {
        "type": "object",
        "properties": {
            "rows": {"type": "integer", "default": 5},
            "deep": {"type": "boolean", "default": True},
            "names": {"type": "array", "default": ["ä", "b"]},
        },
    }
    command = ["run", "{parameters.rows}", "--deep={parameters.deep}", "{parameters.names}"]
    job_type = build_job_type(ApplicationJob, deployment, {"command": command, "parameters": schema})
    preparation = job_type.prepare("local", build_context(tmp_path, job_details={"rows": 8}))
    assert preparation.script.command == ("run", "8", "--deep=true", '["ä", "b"]')


def test_the_token_reaches_the_application_by_environment_file_and_header_alone(
    deployment: Deployment, tmp_path: Path
) -> None:
    details = {
        **WEB,
        "command": ["serve", "{token_file}"],
        "environment": {"ITS_TOKEN": "{token}"},
        "probe": {"path": "/", "headers": {"Authorization": "Bearer {token}"}},
    }
    job_type = build_job_type(ApplicationJob, deployment, details)
    preparation = job_type.prepare("local", build_context(tmp_path))
    assert preparation.script.command == ("serve", "{job_directory}/token")
    assert preparation.script.environment["ITS_TOKEN"] == APPLICATION_TOKEN
    assert preparation.script.probe is not None
    assert preparation.script.probe.headers == {"Authorization": f"Bearer {APPLICATION_TOKEN}"}
    assert [(file.name, file.content) for file in preparation.files] == [
        ("token", APPLICATION_TOKEN.encode())
    ]


def test_a_web_application_from_json_answers_behind_its_token(deployment: Deployment, tmp_path: Path) -> None:
    serve = tmp_path / "serve.py"
    serve.write_text(SERVER)
    details = {
        "command": ["/usr/bin/env", "python3", str(serve), "{host}", "{port}", "{token_file}"],
        "probe": {"path": "/ready", "headers": {"X-Token": "{token}"}, "expect_status": [204]},
        "connection": {"path": "/", "headers": {"X-Token": "{token}"}},
        "working_directory": "job",
    }
    job_type = build_job_type(ApplicationJob, deployment, details)
    with running(job_type, build_context(tmp_path)) as job:
        port = job.wait_ready(20)
        connection = job_type.connection(APPLICATION_TOKEN, {})
        assert connection is not None
        assert get(port, connection.path, connection.headers) == (204, b"")
        assert get(port, connection.path)[0] == 403
        assert job.log() == f"{job.directory}\n"


SERVER = """\
import http.server, os, sys
token = open(sys.argv[3]).read()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204 if self.headers["X-Token"] == token else 403)
        self.end_headers()
    def log_message(self, *arguments):
        pass
print(os.getcwd(), flush=True)
http.server.HTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""


def script_job(deployment: Deployment) -> ApplicationJob:
    """The shipped example, on the system's own Python: no packages to build for a fast test."""
    details = shipped_applications("local")["script"]["environment_details"]["local"]
    job_type = build_job_type(ApplicationJob, deployment, {**details, "packages": []})
    assert isinstance(job_type, ApplicationJob)
    return job_type


def test_a_python_script_gets_its_arguments_whole_and_its_exit_code_is_the_jobs(
    deployment: Deployment, tmp_path: Path
) -> None:
    workspace = tmp_path / "ada/12/analysis"
    workspace.mkdir(parents=True)
    (workspace / "count.py").write_text("import json, sys; print(json.dumps(sys.argv)); sys.exit(3)\n")
    details = {"script": "analysis/count.py", "arguments": ["a b", "$(id)", "--x"]}
    with running(script_job(deployment), build_context(tmp_path, job_details=details)) as job:
        record = job.wait_ended(20)
        assert (record.reason, record.exit_code) == ("failed", 3)
        assert json.loads(job.log()) == ["./analysis/count.py", "a b", "$(id)", "--x"]


def test_any_other_script_is_bashs_also_with_an_odd_name(deployment: Deployment, tmp_path: Path) -> None:
    workspace = tmp_path / "ada/12"
    workspace.mkdir(parents=True)
    (workspace / "-c").write_text('echo "$BASH_VERSION" | cut -c1; echo "$1" >result\n')
    details = {"script": "-c", "arguments": ["done"]}
    with running(script_job(deployment), build_context(tmp_path, job_details=details)) as job:
        assert job.wait_ended(20).reason == "success"
        assert (workspace / "result").read_text() == "done\n"


@pytest.mark.parametrize(
    "script", ["", "/etc/profile", "../x.py", "a/../../x.py", "a/..", "..", "a\nb", 7, None]
)
def test_a_script_outside_the_workspace_is_refused_by_name(deployment: Deployment, script: object) -> None:
    with pytest.raises(JobDetailsRefused, match=r"job_details\.script: found"):
        script_job(deployment).check_details({"script": script})


@pytest.mark.parametrize("script", ["x.py", "a/b.sh", "..x", "a/..b/c", "x..", "ä ö.py"])
def test_a_script_inside_the_workspace_is_accepted(deployment: Deployment, script: str) -> None:
    script_job(deployment).check_details({"script": script})

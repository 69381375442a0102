"""A kit of tests that every job type should pass: sub-class it, and say in `job_type` how yours is built.

    class TestOurJob(JobTypeConformance):
        @pytest.fixture
        def job_type(self, deployment):
            return build_job_type(OurJob, deployment, {"command": ["run-it"]})

`job_details` may be overridden where a start needs some. Nothing is started, and no file is written.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import pytest
from jsonschema import Draft202012Validator

from uws.accounts.person import Person
from uws.agent.client import Agents
from uws.agent.identity import Identity
from uws.config.deployment import Deployment, Secrets
from uws.config.models import JobTypeEntry
from uws.config.server import ServerSettings
from uws.jobs.resources.base import JobPlace, JobScript, ResourceOptions
from uws.jobs.types.base import ImproperlyConfigured, JobType, ReadyEnvironment, StartContext

RESOURCE = "local"
APPLICATION_TOKEN = "0123456789abcdef0123456789abcdef01234567"  # noqa: S105
_ON_THE_NODE = {"{port}", "{host}", "{job_directory}"}
_PLACEHOLDER = re.compile(r"\{[a-z_]+(?:\.\w+)?\}")


def build_deployment(data_dir: Path) -> Deployment:
    """Return an installation with default settings, for plugins that only keep it."""
    return Deployment(data_dir, ServerSettings(), Secrets(bytes(32)), Agents())


def build_job_type(
    cls: type[JobType], deployment: Deployment, details: Mapping[str, object], key: str = "it"
) -> JobType:
    """Return a job type built as the server does, with `details` as its `environment_details`.

    Raises `pydantic.ValidationError` for details that its `EnvironmentSettings` refuse.
    """
    cls.EnvironmentSettings.model_validate(dict(details))
    entry = cls.Settings.model_validate(
        {"name": key, "job_type": cls.__name__, "environment_details": {RESOURCE: dict(details)}}
    )
    assert isinstance(entry, JobTypeEntry)
    return cls(key, entry, deployment)


def build_context(
    storage_root: Path,
    environment: ReadyEnvironment | None = None,
    job_details: Mapping[str, object] | None = None,
    job_id: int = 7,
) -> StartContext:
    """Return the start of job 7 in ada's workspace 12, as the account that runs the tests."""
    return StartContext(
        job_id=job_id,
        launch_key=f"uws-test-{job_id}",
        person=Person(id=1, username="ada", email="ada@example.org"),
        place=JobPlace(Identity.current(), storage_root, "ada/12", f".{job_id}"),
        options=ResourceOptions(),
        job_details=job_details or {},
        environment=environment,
        application_token=APPLICATION_TOKEN,
    )


class JobTypeConformance:
    """The promises of `uws.jobs.types.base`, as tests. `job_type` must be overridden."""

    @pytest.fixture
    def deployment(self, tmp_path: Path) -> Deployment:
        return build_deployment(tmp_path / "data")

    @pytest.fixture
    def job_type(self, deployment: Deployment) -> JobType:
        raise NotImplementedError("override the fixture job_type with your job type, built")

    @pytest.fixture
    def job_details(self) -> Mapping[str, object]:
        """`job_details` with which a start works."""
        return {}

    @pytest.fixture
    def storage_root(self, tmp_path: Path) -> Path:
        root = tmp_path / "storage"
        root.mkdir()
        return root

    @pytest.fixture
    def context(
        self, job_type: JobType, job_details: Mapping[str, object], storage_root: Path, tmp_path: Path
    ) -> StartContext:
        environment = None
        if job_type.environment(RESOURCE) is not None:
            directory = tmp_path / "environments" / "shared-0123456789ab"
            site_packages = directory / "lib" / "python3.11" / "site-packages"
            environment = ReadyEnvironment(directory, directory / "bin" / "python", site_packages, "f" * 64)
        return build_context(storage_root, environment, job_details)

    def test_a_start_can_be_prepared_again_and_comes_out_the_same(
        self, job_type: JobType, context: StartContext
    ) -> None:
        first, second = job_type.prepare(RESOURCE, context), job_type.prepare(RESOURCE, context)
        assert _as_json(first.script) == _as_json(second.script)
        assert list(first.files) == list(second.files)

    def test_preparing_touches_no_workspace(
        self, job_type: JobType, context: StartContext, storage_root: Path
    ) -> None:
        job_type.prepare(RESOURCE, context)
        assert list(storage_root.iterdir()) == []

    def test_the_token_stands_in_no_argument(self, job_type: JobType, context: StartContext) -> None:
        for argument in _arguments(job_type.prepare(RESOURCE, context).script):
            assert APPLICATION_TOKEN not in argument

    def test_files_with_the_token_can_be_read_by_the_owner_alone(
        self, job_type: JobType, context: StartContext
    ) -> None:
        for file in job_type.prepare(RESOURCE, context).files:
            if APPLICATION_TOKEN.encode() in file.content:
                assert file.mode & 0o077 == 0, f"{file.name} has mode {file.mode:04o}"

    def test_the_servers_own_environment_is_not_handed_on(
        self, job_type: JobType, context: StartContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("UWS_CONFORMANCE_SECRET", "not-for-jobs")
        environment = job_type.prepare(RESOURCE, context).script.environment
        assert "UWS_CONFORMANCE_SECRET" not in environment
        assert "not-for-jobs" not in environment.values()

    def test_what_runs_can_be_handed_to_the_kernel(self, job_type: JobType, context: StartContext) -> None:
        script = job_type.prepare(RESOURCE, context).script
        assert len(script.command) > 0
        assert all(len(words) > 0 for words in script.prologue)
        for text in (*_arguments(script), *script.environment, *script.environment.values()):
            assert "\0" not in text
            text.encode()
        for name in script.environment:
            assert name, "an environment variable has no name"
            assert "=" not in name

    def test_only_placeholders_that_the_node_knows_are_left(
        self, job_type: JobType, context: StartContext
    ) -> None:
        script = job_type.prepare(RESOURCE, context).script
        texts = [*_arguments(script), *script.environment.values()]
        if script.probe is not None:
            texts.append(script.probe.path)
            assert not any(_PLACEHOLDER.search(value) for value in script.probe.headers.values())
        left = {found for text in texts for found in _PLACEHOLDER.findall(text)}
        assert left <= _ON_THE_NODE
        assert script.needs_port or not left & {"{port}", "{host}"}

    def test_files_and_log_lie_in_the_jobs_directory(self, job_type: JobType, context: StartContext) -> None:
        preparation = job_type.prepare(RESOURCE, context)
        names = [file.name for file in preparation.files]
        assert len(set(names)) == len(names)
        for name in names:
            path = PurePosixPath(name)
            assert not path.is_absolute()
            assert ".." not in path.parts
            assert path.parts
        assert "/" not in preparation.script.output
        assert preparation.script.output not in ("", ".", "..", *names)

    def test_the_script_survives_json(self, job_type: JobType, context: StartContext) -> None:
        assert json.loads(_as_json(job_type.prepare(RESOURCE, context).script))["command"]

    def test_a_web_application_has_port_probe_and_connection_and_a_batch_job_none(
        self, job_type: JobType, context: StartContext
    ) -> None:
        script = job_type.prepare(RESOURCE, context).script
        connection = job_type.connection(APPLICATION_TOKEN, context.job_details)
        assert (connection is not None) == job_type.is_web_application
        assert (script.probe is not None) == job_type.is_web_application
        assert script.needs_port or not job_type.is_web_application

    def test_the_connection_is_a_path_without_secrets_and_headers(
        self, job_type: JobType, context: StartContext
    ) -> None:
        connection = job_type.connection(APPLICATION_TOKEN, context.job_details)
        if connection is None:
            return
        assert connection == job_type.connection(APPLICATION_TOKEN, context.job_details)
        assert connection.path.startswith("/")
        assert connection.path == "/" or not connection.path.endswith("/")
        assert APPLICATION_TOKEN not in connection.path
        assert "?" not in connection.path
        for name, value in connection.headers.items():
            assert (name + value).isascii()
            assert (name + value).isprintable()

    def test_parameters_are_a_json_schema_of_an_object(self, job_type: JobType) -> None:
        schema = job_type.parameters_schema()
        if schema is not None:
            Draft202012Validator.check_schema(dict(schema))
            assert schema.get("type") == "object"

    def test_details_that_work_are_accepted_and_unknown_keys_are_no_mistake(
        self, job_type: JobType, job_details: Mapping[str, object]
    ) -> None:
        job_type.check_details(job_details)
        job_type.check_details({**job_details, "a_key_of_some_portal": 1})

    def test_a_resource_that_nothing_is_configured_for_is_a_configuration_mistake(
        self, job_type: JobType, context: StartContext
    ) -> None:
        with pytest.raises(ImproperlyConfigured, match="elsewhere"):
            job_type.prepare("elsewhere", context)


def _arguments(script: JobScript) -> Sequence[str]:
    return [*script.command, *(word for words in script.prologue for word in words)]


def _as_json(script: JobScript) -> str:
    return json.dumps(dataclasses.asdict(script))

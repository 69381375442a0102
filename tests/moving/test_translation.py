"""The original's two configuration files become one of ours, and every key is accounted for."""

from __future__ import annotations

import copy
import json
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.moving.original import DJANGO_CONFIG, ORIGINAL_CONFIG
from uws.config.load import load
from uws.moving.errors import OriginalConfigProblem
from uws.moving.original_config import Finding, OriginalConfig
from uws.moving.translate_django import translate_django_config
from uws.moving.translate_plugins import translate_config
from uws.moving.translation import Translation, translate, write_config


def write(path: Path, tree: Any) -> Path:
    path.write_text(json.dumps(tree))
    return path


@pytest.fixture
def translation(tmp_path: Path) -> Translation:
    return translate(
        write(tmp_path / "config.json", ORIGINAL_CONFIG),
        write(tmp_path / "django_config.json", DJANGO_CONFIG),
    )


def at(findings: Sequence[Finding], path: str) -> Finding:
    return next(finding for finding in findings if finding.path == path)


@pytest.mark.parametrize(
    ("path", "verdict", "sentence"),
    [
        ("$.main_resorce", "ignored", 'did you mean "main_resource"?'),
        ("$.main_storage", "kept", "the same"),
        ("$.available_user_authentication.local.connection_details.an_old_key", "ignored", "no meaning"),
        ("$.available_resources.local.passthrough_domain", "suspicious", "127.0.0.1:8000"),
        ("$.available_resources.slurm.passthrough_domain", "translated", "server.jobs_domain"),
        ("$.available_resources.slurm.time_pending_catch", "translated", "number of seconds"),
        ("$.available_resources.slurm.resource_type", "suspicious", "SlurmAPIResource"),
        ("$.available_resources.slurm.parameter_mapping.time_limit_min", "translated", "time_limit_minutes"),
        ("$.available_job_types.jupyter_lab.environment_details.slurm.old", "ignored", "no meaning"),
        (
            "$.available_job_types.jupyter_lab.environment_details.slurm.time_limit",
            "ignored",
            "option of each",
        ),
        ("$.parameters[0].variable_name", "translated", "time_limit_minutes"),
        ("$.parameters[0].validation.min", "suspicious", "bound of 0"),
        ("$.SECRET_KEY", "ignored", "its own secret key"),
        ("$.DEBUG", "suspicious", "no such mode"),
        ("$.ALLOWED_HOSTS", "translated", "server.hosts"),
        ("$.ALLOWED_HOSTS[1]", "suspicious", "'*'"),
        ("$.ALLOWED_HOSTS[2]", "suspicious", "'.example.org'"),
        ("$.CSRF_TRUSTED_ORIGINS", "translated", "server.public_url"),
        ("$.DATA_UPLOAD_MAX_MEMORY_SIZE", "translated", "request_body_bytes"),
        ("$.DATABASES", "ignored", "--database"),
        ("$.Q_CLUSTER", "ignored", "Redis"),
        ("$.CHANNEL_LAYERS", "ignored", "Redis"),
        ("$.EMAIL_HOST", "translated", "server.mail"),
        ("$.SOMETHING_OF_THEIR_OWN", "ignored", "no setting"),
    ],
)
def test_each_key_has_its_finding(translation: Translation, path: str, verdict: str, sentence: str) -> None:
    finding = at(translation.findings, path)
    assert finding.verdict == verdict
    assert sentence in finding.sentence


def test_every_key_of_django_config_is_accounted_for(translation: Translation) -> None:
    told = {finding.path.split("[")[0] for finding in translation.findings if "django" in finding.source}
    mail = {"EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD", "EMAIL_PORT", "EMAIL_USE_TLS", "EMAIL_BACKEND"}
    assert {f"$.{key}" for key in DJANGO_CONFIG.keys() - mail} <= told


def test_what_suits_the_operators_attention_comes_first(translation: Translation) -> None:
    verdicts = [finding.verdict for finding in translation.findings]
    assert verdicts == sorted(verdicts, key=["suspicious", "translated", "ignored", "kept"].index)


def test_no_finding_shows_a_secret(translation: Translation) -> None:
    assert "not-shown" not in " ".join(str(finding) for finding in translation.findings)


def test_the_server_object_is_made_of_both_files(translation: Translation) -> None:
    assert translation.tree["server"] == {
        "jobs_domain": "jobs.example.org",
        "jobs_public_url": "https://jobs.example.org",
        "hosts": ["localhost", "127.0.0.1", "[::1]", "uws.example.org"],
        "public_url": "https://uws.example.org",
        "limits": {"request_body_bytes": 5000000},
        "mail": {
            "host": "mail.example.org",
            "from_address": "uws@example.org",
            "port": 587,
            "user": "uws@example.org",
            "password": "not-shown-in-a-report",
            "use_tls": True,
        },
    }


def test_the_import_of_records_learns_classes_and_names(translation: Translation) -> None:
    assert translation.original.resource_classes == {"local": "LocalResource", "slurm": "SlurmAPIResource"}
    assert translation.original.parameter_mappings["slurm"]["num_cpus"] == "cpus_per_task"
    assert translation.original.main_resource == "slurm"


def test_a_configuration_without_slurm_starts_a_server_as_it_is(tmp_path: Path) -> None:
    tree = copy.deepcopy(ORIGINAL_CONFIG)
    del tree["available_resources"]["slurm"], tree["available_job_types"]["jupyter_lab"]
    tree["available_job_types"]["local_test_job"]["environment_details"] = {"local": {}}
    tree["main_resource"] = "local"
    django_config = write(tmp_path / "django_config.json", DJANGO_CONFIG)
    made = translate(write(tmp_path / "original.json", tree), django_config)
    target = tmp_path / "config.json"
    assert write_config(made, target, tmp_path) == []
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert load(target, data_dir=tmp_path, environ={}).config.server.public_url == "https://uws.example.org"


def test_what_still_stops_a_start_is_told(translation: Translation, tmp_path: Path) -> None:
    assert any(
        "SlurmAPIResource" in each for each in write_config(translation, tmp_path / "new.json", tmp_path)
    )


def test_an_existing_file_is_not_written_over(translation: Translation, tmp_path: Path) -> None:
    target = tmp_path / "config.json"
    before = target.read_bytes()
    with pytest.raises(OriginalConfigProblem, match="exists"):
        write_config(translation, target, tmp_path)
    assert target.read_bytes() == before


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1, "a": 2}', '{"a": NaN}'])
def test_a_file_that_is_no_configuration_is_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(content)
    with pytest.raises(OriginalConfigProblem, match=r"config\.json"):
        translate(path, None)


@pytest.mark.parametrize(
    "tree",
    [
        {"available_resources": []},
        {"available_resources": {"x": 1}, "parameters": 3},
        {"available_resources": {"x": {"resource_type": 4, "parameter_mapping": [1]}}},
        {"available_job_types": {"x": {"job_type": "JupyterLabJob", "environment_details": {"a": 1}}}},
        {"parameters": [1, {"variable_name": None, "validation": []}]},
        {"server": 4},
    ],
)
def test_odd_shapes_are_translated_as_far_as_they_go(tree: dict[str, Any]) -> None:
    made, _ = translate_config(tree)
    assert isinstance(made["server"], dict)
    OriginalConfig.of(tree)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}, "$.EMAIL_HOST"),
        ({"EMAIL_HOST": ""}, "$.EMAIL_HOST"),
        ({"EMAIL_HOST_USER": "uws"}, "$.EMAIL_HOST_USER"),
        ({"EMAIL_PORT": "587"}, "$.EMAIL_PORT"),
        ({"ALLOWED_HOSTS": []}, "$.ALLOWED_HOSTS"),
        ({"CSRF_TRUSTED_ORIGINS": ["https://*.example.org"]}, "$.CSRF_TRUSTED_ORIGINS"),
        ({"DATA_UPLOAD_MAX_MEMORY_SIZE": 10}, "$.DATA_UPLOAD_MAX_MEMORY_SIZE"),
    ],
)
def test_what_cannot_be_translated_is_suspicious(change: dict[str, Any], path: str) -> None:
    assert at(translate_django_config(DJANGO_CONFIG | change, {}).found, path).verdict == "suspicious"

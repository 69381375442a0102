"""A configuration without mistakes: values, overrides, references, plugins, warnings."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.config import doubles
from tests.config.conftest import DOUBLES, Load, Mistakes, Tree, change, installed_doubles
from uws.config.load import load
from uws.config.models import Config
from uws.config.schema import documented_keys

STORAGE = ("available_storage", "local")
JOB_TYPE = ("available_job_types", "jupyter_lab")
MAIL = {"host": "mail.example.org", "from_address": "uws@example.org"}


def test_the_server_has_defaults_for_everything(tree: Tree, load_tree: Load) -> None:
    server = load_tree(tree).config.server
    assert (server.name, server.run_jobs_as, server.shared_account) == ("User Workspaces", "self", False)
    assert server.hosts == ("localhost", "127.0.0.1", "[::1]")
    assert server.database.url.get_secret_value() == ""
    assert server.jobs_origin(12, 8001) == "http://job-12.localhost:8001"


def test_the_jobs_public_url_gives_jobs_their_origin(tree: Tree, load_tree: Load) -> None:
    tree["server"] = {"jobs_domain": "jobs.example.org", "jobs_public_url": "https://jobs.example.org"}
    assert load_tree(tree).config.server.jobs_origin(12, 8001) == "https://job-12.jobs.example.org"


def test_a_public_url_with_a_port_fits_its_host(tree: Tree, load_tree: Load) -> None:
    tree["server"] = {"hosts": ["[::1]", "UWS.example.org"], "public_url": "https://uws.example.org:8443/"}
    assert load_tree(tree).config.server.public_url == "https://uws.example.org:8443"


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("UWS_SERVER__NAME", "Our workspaces", ("name", "Our workspaces")),
        ("UWS_SERVER__NAME", "12", ("name", "12")),
        ("UWS_SERVER__WEB_WORKERS", "3", ("web_workers", 3)),
        ("uws_server__web_workers", "3", ("web_workers", 3)),
        ("UWS_SERVER__SHARED_ACCOUNT", "true", ("shared_account", True)),
        ("UWS_SERVER__HOSTS", '["uws.example.org"]', ("hosts", ("uws.example.org",))),
    ],
)
def test_a_variable_wins_over_the_file(
    variable: str, value: str, expected: tuple[str, Any], tree: Tree, load_tree: Load
) -> None:
    tree["server"] = {"name": "From the file", "web_workers": 2, "shared_account": False}
    server = load_tree(tree, {variable: value}).config.server
    assert getattr(server, expected[0]) == expected[1]


def test_a_variable_reaches_into_groups(tree: Tree, load_tree: Load) -> None:
    environ = {"UWS_SERVER__LIMITS__UPLOAD_BYTES": "4096", "UWS_SERVER__WORKER_PROCESSES": '{"short": 2}'}
    server = load_tree(tree, environ).config.server
    assert server.limits.upload_bytes == 4096
    assert (server.worker_processes.short, server.worker_processes.long) == (2, 1)


def test_a_mistake_in_a_variable_names_the_variable(tree: Tree, mistakes_of: Mistakes) -> None:
    lines = [
        str(mistake)
        for mistake in mistakes_of(tree, {"UWS_SERVER__WEB_WORKERS": "many", "UWS_SERVER__": "1"})
    ]
    assert lines == [
        "environment variable UWS_SERVER__: $.server: found a name with an empty part; "
        "expected UWS_SERVER__NAME, or UWS_SERVER__GROUP__NAME",
        "environment variable UWS_SERVER__WEB_WORKERS: $.server.web_workers: "
        'found "many"; expected a whole number',
    ]


def test_an_unknown_variable_is_a_mistake_with_the_nearest_key(tree: Tree, mistakes_of: Mistakes) -> None:
    (mistake,) = mistakes_of(tree, {"UWS_SERVER__WEB_WORKER": "2"})
    assert (mistake.id, mistake.hint) == ("unknown_key", "web_workers")
    assert mistake.source == "environment variable UWS_SERVER__WEB_WORKER"


def test_a_reference_is_replaced_inside_any_string(tree: Tree, load_tree: Load) -> None:
    change(tree, (*STORAGE, "name"), "Disk of ${SITE}, costs $5, {port}, $${SITE}")
    name = load_tree(tree, {"SITE": "Pittsburgh"}).config.available_storage["local"].name
    assert name == "Disk of Pittsburgh, costs $5, {port}, ${SITE}"


def test_a_reference_may_hold_a_number(tree: Tree, load_tree: Load) -> None:
    tree["server"] = {"mail": {**MAIL, "port": "${MAIL_PORT}"}}
    mail = load_tree(tree, {"MAIL_PORT": "2525"}).config.server.mail
    assert mail is not None
    assert mail.port == 2525


def test_a_path_is_relative_to_the_data_directory(tree: Tree, load_tree: Load, tmp_path: Path) -> None:
    change(
        tree,
        (*STORAGE, "data_collections"),
        [
            {"name": "A", "path": "data"},
            {"name": "B", "path": "${DATA_DIR}/b"},
            {"name": "C", "path": "/srv/c"},
        ],
    )
    storage = load_tree(tree).config.available_storage["local"]
    assert storage.root_dir == tmp_path / "workspaces"
    assert [c.path for c in storage.data_collections] == [tmp_path / "data", tmp_path / "b", Path("/srv/c")]


def test_a_path_is_never_read_as_a_reference_to_a_file(tree: Tree, load_tree: Load, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("/etc")
    change(tree, (*STORAGE, "root_dir"), "file:elsewhere")
    assert load_tree(tree).config.available_storage["local"].root_dir == tmp_path / "file:elsewhere"


@pytest.mark.parametrize(
    "reference", ["file:password", "file:${DATA_DIR}/password", "file://${DATA_DIR}/password"]
)
def test_a_secret_is_read_from_its_file(reference: str, tree: Tree, load_tree: Load, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("  correct horse\n")
    (tmp_path / "password").chmod(0o600)
    tree["server"] = {"mail": {**MAIL, "password": reference}}
    loaded = load_tree(tree)
    assert loaded.config.server.mail is not None
    assert loaded.config.server.mail.password.get_secret_value() == "correct horse"
    assert loaded.warnings == ()
    assert "correct horse" not in repr(loaded)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b" \n", "it is empty"),
        (b"\xff", "it is not UTF-8"),
        (b"a\0b", "NUL"),
        (b"x" * 70_000, "larger than 65536"),
    ],
)
def test_a_secret_file_that_cannot_hold_one_is_a_mistake(
    content: bytes, problem: str, tree: Tree, mistakes_of: Mistakes, tmp_path: Path
) -> None:
    (tmp_path / "password").write_bytes(content)
    tree["server"] = {"mail": {**MAIL, "password": "file:password"}}
    (mistake,) = mistakes_of(tree)
    assert mistake.id == "unreadable_secret"
    assert problem in mistake.found


def test_a_secret_file_that_others_can_read_is_a_warning(tree: Tree, load_tree: Load, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse")
    (tmp_path / "password").chmod(0o644)
    tree["server"] = {"mail": {**MAIL, "password": "file:password"}}
    (warning,) = load_tree(tree).warnings
    assert warning.id == "readable_secret"
    assert str(tmp_path / "password") in str(warning)


def test_a_secret_written_out_in_a_readable_file_is_a_warning(tree: Tree, tmp_path: Path) -> None:
    path = tmp_path / "site.json"
    tree["server"] = {"mail": {**MAIL, "password": "correct horse"}}
    path.write_text(json.dumps(tree))
    path.chmod(0o644)
    (warning,) = load(path, data_dir=tmp_path, environ={}, installed=installed_doubles()).warnings
    assert (warning.id, warning.path) == ("readable_secret", "$.server.mail.password")
    path.chmod(0o600)
    assert load(path, data_dir=tmp_path, environ={}, installed=installed_doubles()).warnings == ()


def test_plugins_keep_the_order_of_the_file(tree: Tree, load_tree: Load) -> None:
    for key in ("zebra", "ant"):
        tree["available_job_types"][key] = copy.deepcopy(tree["available_job_types"]["jupyter_lab"])
    loaded = load_tree(tree)
    assert list(loaded.plugins.job_types) == ["jupyter_lab", "zebra", "ant"]
    assert list(loaded.config.available_job_types) == ["jupyter_lab", "zebra", "ant"]


def test_a_plugin_validates_its_own_entry(tree: Tree, load_tree: Load) -> None:
    change(
        tree,
        ("available_user_authentication", "local", "connection_details"),
        {"create_external_users": True, "password": "hunter2"},
    )
    spec = load_tree(tree).plugins.authentication["local"]
    assert spec.cls is doubles.DoubleAuthentication
    assert isinstance(spec.settings, doubles.DirectoryEntry)
    assert spec.settings.connection_details.create_external_users
    assert spec.settings.connection_details.password.get_secret_value() == "hunter2"


def test_environment_details_are_validated_for_each_resource(
    tree: Tree, load_tree: Load, tmp_path: Path
) -> None:
    change(tree, (*JOB_TYPE, "environment_details", "here", "tar_file_path"), "lab.tar")
    entry = load_tree(tree).plugins.job_types["jupyter_lab"].settings
    settings = entry.environment("here", doubles.NotebookSettings)
    assert settings is not None
    assert (settings.module_manager, settings.tar_file_path) == ("virtualenv", tmp_path / "lab.tar")
    assert entry.environment("there", doubles.NotebookSettings) is None


def test_environment_details_may_be_written_once_for_every_resource(tree: Tree, load_tree: Load) -> None:
    tree["available_resources"]["there"] = copy.deepcopy(tree["available_resources"]["here"])
    change(tree, (*JOB_TYPE, "environment_details"), {"module_manager": "lmod", "environment_name": "lab"})
    entry = load_tree(tree).plugins.job_types["jupyter_lab"].settings
    for resource in ("here", "there"):
        settings = entry.environment(resource, doubles.NotebookSettings)
        assert settings is not None
        assert (settings.module_manager, settings.environment_name) == ("lmod", "lab")


def test_empty_environment_details_hold_for_every_resource(tree: Tree, load_tree: Load) -> None:
    tree["available_job_types"]["test"] = {
        "name": "Test",
        "job_type": "LocalTestJob",
        "environment_details": {},
    }
    entry = load_tree(tree).plugins.job_types["test"].settings
    assert entry.environment("here", doubles.NoSettings) == doubles.NoSettings()


def test_a_mistake_in_details_for_every_resource_stands_once(tree: Tree, mistakes_of: Mistakes) -> None:
    change(tree, (*JOB_TYPE, "environment_details"), {"module_manager": "lmod", "environment": "lab"})
    (mistake,) = mistakes_of(tree)
    assert mistake.path == "$.available_job_types.jupyter_lab.environment_details.environment"
    assert mistake.hint == "environment_name"


def test_parameters_are_dumped_as_they_were_written(tree: Tree, load_tree: Load) -> None:
    (parameter,) = load_tree(tree).config.parameters
    assert parameter.model_dump(mode="json", exclude_unset=True) == tree["parameters"][0]


def test_the_original_shape_of_the_contract_loads(tree: Tree, load_tree: Load) -> None:
    tree["available_resources"]["cluster"] = {
        "name": "Cluster",
        "resource_type": f"{DOUBLES}.DoubleCluster",
        "storage": "local",
        "user_authentication": "local",
        "passthrough_domain": "https://uws.example.org",
        "parameter_mapping": {"num_cpus": "cpus_per_task"},
        "time_pending_catch": 600,
        "cpu_partition": "cpu",
        "connection_details": {"root_url": "https://slurm.example.org", "api_token": "${SLURM_TOKEN}"},
    }
    tree["main_resource"] = "cluster"
    change(
        tree,
        (*JOB_TYPE, "environment_details", "cluster"),
        {"module_manager": "tar", "tar_file_path": "/srv/lab.tar", "time_limit": "30"},
    )
    loaded = load_tree(tree, {"SLURM_TOKEN": "hunter2"})
    spec = loaded.plugins.resources["cluster"]
    assert isinstance(spec.settings, doubles.ClusterEntry)
    assert spec.settings.connection_details.api_token.get_secret_value() == "hunter2"
    assert (spec.settings.cpu_partition, spec.settings.time_pending_catch) == ("cpu", 600)
    assert [str(warning) for warning in loaded.warnings] == [
        "config.json: $.available_resources.cluster.passthrough_domain: "
        "accepted, but without effect: running jobs are served at server.jobs_domain"
    ]


@pytest.mark.parametrize(
    ("keys", "value", "id", "path"),
    [
        (
            ("available_user_authentication", "local", "connection_details"),
            {"operating_system": "linux"},
            "without_effect",
            "$.available_user_authentication.local.connection_details.operating_system",
        ),
        (
            ("parameters", 0, "variable_name"),
            "time_limit_min",
            "time_limit_name",
            "$.parameters[0].variable_name",
        ),
        (
            (*STORAGE, "data_collections"),
            [{"name": "Data", "path": "nowhere"}],
            "missing_collection",
            "$.available_storage.local.data_collections[0].path",
        ),
        (
            ("available_resources", "there"),
            {
                "name": "There",
                "resource_type": "LocalResource",
                "storage": "local",
                "user_authentication": "local",
                "passthrough_domain": "x",
            },
            "without_effect",
            "$.available_resources.there.passthrough_domain",
        ),
    ],
)
def test_what_is_likely_not_meant_so_is_a_warning(
    keys: tuple[Any, ...], value: Any, id: str, path: str, tree: Tree, load_tree: Load
) -> None:
    (warning,) = load_tree(change(tree, keys, value)).warnings
    assert (warning.id, warning.path) == (id, path)


def test_a_job_type_with_nothing_for_the_main_resource_is_a_warning(tree: Tree, load_tree: Load) -> None:
    tree["available_resources"]["there"] = copy.deepcopy(tree["available_resources"]["here"])
    tree["main_resource"] = "there"
    (warning,) = load_tree(tree).warnings
    assert (warning.id, warning.path) == (
        "no_environment",
        "$.available_job_types.jupyter_lab.environment_details",
    )


def test_a_resource_on_another_storage_is_a_warning(tree: Tree, load_tree: Load) -> None:
    tree["available_storage"]["other"] = copy.deepcopy(tree["available_storage"]["local"])
    tree["available_resources"]["here"]["storage"] = "other"
    (warning,) = load_tree(tree).warnings
    assert (warning.id, warning.path) == ("other_storage", "$.available_resources.here.storage")


def test_every_key_of_the_configuration_is_documented() -> None:
    keys = {key.path: key for key in documented_keys(Config)}
    assert not [path for path, key in keys.items() if not key.description.endswith((".", "?"))]
    assert keys["server.limits.sign_in_link_minutes"].default == "15"
    assert keys["available_storage.<key>.data_collections[].path"].default is None
    assert keys["parameters[].validation.min"].type == "a number or null"
    assert keys["available_resources.<key>.passthrough_domain"].without_effect
    assert keys["server.hosts"].default == '["localhost", "127.0.0.1", "[::1]"]'


def test_a_plugin_s_own_keys_can_be_documented() -> None:
    keys = {key.path: key for key in documented_keys(doubles.ClusterEntry)}
    assert keys["connection_details.api_token"].type == "a string or file:/path"

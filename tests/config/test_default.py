"""What the first start writes."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

from tests.config.conftest import Load
from uws.config.default import default_config, default_config_text
from uws.config.deployment import prepare_data_directory
from uws.config.load import load


def test_the_default_fits_the_machine() -> None:
    parameters = {p["variable_name"]: p for p in default_config(cpu_count=6, memory_mb=16000)["parameters"]}
    assert parameters["num_cpus"]["validation"] == {"type": "int", "min": 1, "max": 6}
    assert parameters["memory_mb"]["validation"]["max"] == 16000
    assert parameters["memory_mb"]["default_value"] == 2048
    assert parameters["time_limit_minutes"]["validation"]["max"] == 720


def test_the_default_loads_without_mistakes_and_warnings(load_tree: Load, tmp_path: Path) -> None:
    prepare_data_directory(tmp_path)
    loaded = load_tree(default_config())
    assert loaded.warnings == ()
    assert {"jupyter_lab", "local_test_job"} <= set(loaded.plugins.job_types)
    assert loaded.config.available_storage["local"].data_collections[0].path == tmp_path / "data"


def test_the_default_loads_with_the_classes_that_are_installed(tmp_path: Path) -> None:
    prepare_data_directory(tmp_path)
    (tmp_path / "config.json").write_text(default_config_text())
    loaded = load(None, data_dir=tmp_path, environ={})
    assert loaded.warnings == ()
    found_by = {spec.found_by for spec in loaded.plugins.job_types.values()}
    assert found_by == {f"entry point of user-workspaces-server {version('user-workspaces-server')}"}


def test_the_default_fits_a_small_machine(load_tree: Load) -> None:
    tree = default_config(cpu_count=1, memory_mb=200)
    tree["available_job_types"] = {"local_test_job": tree["available_job_types"]["local_test_job"]}
    assert load_tree(tree).config.parameters[1].default_value == 256


def test_the_text_is_the_tree_in_readable_json() -> None:
    text = default_config_text(cpu_count=2, memory_mb=4096)
    assert json.loads(text) == default_config(cpu_count=2, memory_mb=4096)
    assert text.endswith("}\n")
    assert text.count("\n") > 50

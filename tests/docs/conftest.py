"""What the tests of examples run against: a server that is ready at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.conftest import CONFIG
from tests.docs.pages import DOCS
from tests.server.conftest import serve as serve  # the fixture


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An installation whose `jupyter_lab` is a small application: the walk is the same, without a build."""
    shown = json.loads((DOCS / "examples/applications/http_server.json").read_text())
    application = shown["available_job_types"]["file_server"]
    path = tmp_path / "data-dir"
    path.mkdir(mode=0o700)
    config = CONFIG | {"available_job_types": {**CONFIG["available_job_types"], "jupyter_lab": application}}
    (path / "config.json").write_text(json.dumps(config))
    return path

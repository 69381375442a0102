from __future__ import annotations

from pathlib import Path

import pytest

from uws.config.deployment import Deployment
from uws.testing.job_types import build_deployment


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return build_deployment(tmp_path / "data")

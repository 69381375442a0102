"""The real data set of the browser tests and the tutorial: 700 blood cells, inside scanpy's wheel.

A tenth of the fresh 68k PBMC data of Zheng et al. 2017 (doi:10.1038/ncomms14049), with cell types, as
`scanpy.datasets.pbmc68k_reduced` opens it. It is fetched as a file; scanpy itself is never installed.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WHEEL = "scanpy-1.11.4-py3-none-any.whl"
REQUIREMENT = (
    "scanpy==1.11.4 --hash=sha256:f4ab68ab89e97e88a4faed07b1bc51533fb2e67f797a65a4683591910abfab95\n"
)
MEMBER = "scanpy/datasets/10x_pbmc68k_reduced.h5ad"
FILE_NAME = "pbmc68k_reduced.h5ad"
SIZE_BYTES = 1_772_368

# Read off this very file with anndata 0.12 (`read_h5ad`; `obs.bulk_labels.value_counts()`; mean of
# `raw[:, "CD79A"].X` by `bulk_labels`), which is not what the notebook reads it with. CD79A is a B cells' marker.
EXPECTED_RESULT = {
    "cells": 700,
    "genes": 765,
    "most_frequent_cell_type": "Dendritic",
    "cells_of_that_type": 240,
    "cd79a_is_highest_in": "CD19+ B",
    "cd79a_mean_there": 3.1483,
}

# The notebook that computes it stands in the tutorial.
NOTEBOOK = Path(__file__).parents[2] / "docs" / "tutorial" / "blood-cells.ipynb"


def cache_directory() -> Path:
    """Return where what is fetched or built once is kept: `UWS_TEST_CACHE`, else a git-ignored directory."""
    chosen = os.environ.get("UWS_TEST_CACHE")
    path = Path(chosen) if chosen else Path(__file__).parents[2] / ".test-services" / "cache"
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


@contextmanager
def held(cache: Path) -> Iterator[None]:
    """One test process at a time fills the cache; the others wait, and find it filled."""
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fetch(cache: Path) -> Path:
    """Return the data set's file below `cache`, fetched with pip from the configured index where it is not there."""
    with held(cache):
        return _fetch(cache)


def _fetch(cache: Path) -> Path:
    data = cache / FILE_NAME
    if data.exists() and data.stat().st_size == SIZE_BYTES:
        return data
    requirements = cache / "scanpy-wheel.txt"
    requirements.write_text(REQUIREMENT)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    subprocess.run(
        [*command, "--dest", str(cache), "--requirement", str(requirements)], check=True, timeout=300
    )
    part = data.with_suffix(".part")
    with zipfile.ZipFile(cache / WHEEL) as wheel:
        part.write_bytes(wheel.read(MEMBER))
    part.rename(data)
    return data

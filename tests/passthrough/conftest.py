from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.passthrough.doubles import JOB, Directory, Way, serving


@pytest.fixture(scope="package")
def served() -> Iterator[tuple[Directory, Way]]:
    """One passthrough for all tests: starting and draining one takes a third of a second."""
    directory = Directory()
    with serving(directory) as way:
        yield directory, way


@pytest.fixture
def directory(served: tuple[Directory, Way]) -> Directory:
    directory, way = served
    directory.clear()
    way.application.forget(JOB)
    return directory


@pytest.fixture
def way(served: tuple[Directory, Way], directory: Directory) -> Way:
    return served[1]

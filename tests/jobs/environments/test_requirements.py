from __future__ import annotations

import pytest

from uws.jobs.environments.requirements import check_python_version, package_name, with_packages


@pytest.mark.parametrize(
    ("requirement", "name"),
    [
        ("numpy", "numpy"),
        ("Jupyter_Lab >= 4", "jupyter-lab"),
        ("ruamel.yaml[jinja2]==0.18; python_version < '3.13'", "ruamel-yaml"),
        ("thing @ https://example.org/thing-1-py3-none-any.whl", "thing"),
    ],
)
def test_a_requirement_is_known_by_its_normalised_name(requirement: str, name: str) -> None:
    assert package_name(requirement) == name


@pytest.mark.parametrize(
    "text",
    ["", " ", "-r other.txt", "--index-url https://example.org", "./numpy", "/srv/x.whl", "numpy pandas", "numpy\n-r x",
     "https://example.org/x.whl", "numpy\0", "numpy # c"],
)  # fmt: skip
def test_what_is_no_requirement_is_refused_by_its_text(text: str) -> None:
    with pytest.raises(ValueError, match="is no requirement"):
        package_name(text)


def test_only_packages_that_are_not_named_yet_are_added() -> None:
    assert with_packages(("JupyterLab>=4",), ("jupyterlab", "ipykernel")) == ("JupyterLab>=4", "ipykernel")


@pytest.mark.parametrize("version", ["", "3", "2.7", "3.11 ", "3.11.2.1", "python3.11", "3.11\n", "3.\u0661"])
def test_what_is_no_python_version_is_refused(version: str) -> None:
    with pytest.raises(ValueError, match="is no Python version"):
        check_python_version(version)

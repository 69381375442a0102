"""Requirement strings, checked and named: what an environment is asked to contain."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_PYTHON_VERSION = re.compile(r"3\.[0-9]{1,2}(?:\.[0-9]{1,2})?")


def package_name(requirement: str) -> str:
    """Return the normalised project name that a requirement (PEP 508) is about: `Jupyter_Lab>=4` is `jupyter-lab`.

    Raises `ValueError`, for readers, where the text is no requirement: options of pip and uv (`--index-url …`),
    file names and bare addresses are refused, since they would change what every other package comes from.
    """
    text = requirement.strip()
    name = _NAME.match(text)
    if name is None or not text.isprintable():
        raise ValueError(f"{requirement!r} is no requirement: expected a package's name, such as 'numpy>=2'")
    rest = text[name.end() :].lstrip()
    if rest and rest[0] not in "[<>=!~;@(":
        raise ValueError(
            f"{requirement!r} is no requirement: after {name[0]!r} expected a version, such as '>=2'"
        )
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def with_packages(requirements: tuple[str, ...], needed: tuple[str, ...]) -> tuple[str, ...]:
    """Return the requirements, and those of `needed` whose project is not named yet."""
    named = {package_name(requirement) for requirement in requirements}
    return (*requirements, *(package for package in needed if package_name(package) not in named))


def check_python_version(version: str) -> str:
    """Return a version such as `3.12` or `3.12.4` as it is. Raises `ValueError` for anything else."""
    if not _PYTHON_VERSION.fullmatch(version):
        raise ValueError(f"{version!r} is no Python version: expected one such as '3.12'")
    return version

"""The original's `config.json` and `django_config.json`, as the importer reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from uws.config.mistakes import ConfigError, Place, json_path
from uws.config.reading import read_config
from uws.moving.errors import OriginalConfigProblem


class Verdict(StrEnum):
    """What became of a key of the original's configuration."""

    KEPT = "kept"
    TRANSLATED = "translated"
    IGNORED = "ignored"
    SUSPICIOUS = "suspicious"


@dataclass(frozen=True)
class Finding:
    """One key of the original's configuration: its file, its JSONPath, and what became of it. Never a secret."""

    source: str
    path: str
    verdict: Verdict
    sentence: str

    def __str__(self) -> str:
        return f"{self.verdict:10}  {self.source}: {self.path}: {self.sentence}"


@dataclass
class Findings:
    """Collects the findings about one file."""

    source: str
    found: list[Finding] = field(default_factory=list)

    def add(self, verdict: Verdict, place: Place, sentence: str) -> None:
        self.found.append(Finding(self.source, json_path(place), verdict, sentence))


@dataclass(frozen=True)
class OriginalConfig:
    """What the import of the records needs of the original's `config.json`; empty where there is none."""

    main_resource: str = ""
    resource_classes: Mapping[str, str] = field(default_factory=dict)
    parameter_mappings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: Mapping[str, Any]) -> OriginalConfig:
        """Read it from the file's tree; what has another shape is left out."""
        resources = tree.get("available_resources")
        entries = {
            key: entry
            for key, entry in (resources.items() if isinstance(resources, dict) else ())
            if isinstance(entry, dict)
        }
        main = tree.get("main_resource")
        return cls(
            main_resource=main if isinstance(main, str) else "",
            resource_classes={key: str(entry.get("resource_type", "")) for key, entry in entries.items()},
            parameter_mappings={
                key: _mapping(entry.get("parameter_mapping")) for key, entry in entries.items()
            },
        )


def _mapping(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {key: name for key, name in value.items() if isinstance(name, str)}


def read_tree(path: Path) -> dict[str, Any]:
    """Read one of the two files. Raises `OriginalConfigProblem` naming the first mistake."""
    try:
        tree, mistakes, _ = read_config(path)
    except ConfigError as error:
        raise OriginalConfigProblem(f"{error.mistakes[0]}.") from error
    if mistakes:
        raise OriginalConfigProblem(f"{mistakes[0]}.")
    return tree

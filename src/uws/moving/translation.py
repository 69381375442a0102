"""Both configuration files of the original, translated, reported and written as one of ours."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uws.config.load import load
from uws.config.mistakes import ConfigError
from uws.moving.errors import OriginalConfigProblem
from uws.moving.original_config import Finding, OriginalConfig, Verdict, read_tree
from uws.moving.translate_django import translate_django_config
from uws.moving.translate_plugins import translate_config


@dataclass(frozen=True)
class Translation:
    """Our configuration made of the original's. `original` is what the import of the records needs of it."""

    tree: Mapping[str, Any]
    findings: Sequence[Finding]
    original: OriginalConfig


def translate(config: Path | None, django_config: Path | None) -> Translation:
    """Read and translate the files that are named. Raises `OriginalConfigProblem`."""
    findings: list[Finding] = []
    tree: dict[str, Any] = {"server": {}}
    original = OriginalConfig()
    if config is not None:
        before = read_tree(config)
        tree, about_config = translate_config(before)
        original = OriginalConfig.of(before)
        findings += about_config.found
    if django_config is not None:
        findings += translate_django_config(read_tree(django_config), tree["server"]).found
    return Translation(tree, _by_weight(findings), original)


def _by_weight(findings: Sequence[Finding]) -> list[Finding]:
    order = (Verdict.SUSPICIOUS, Verdict.TRANSLATED, Verdict.IGNORED, Verdict.KEPT)
    return sorted(findings, key=lambda finding: order.index(finding.verdict))


def write_config(translation: Translation, target: Path, data_dir: Path) -> list[str]:
    """Write our `config.json` (mode 0600: it may hold secrets) and return what still stops a start with it.

    Raises `OriginalConfigProblem` where `target` exists or can't be written.
    """
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise OriginalConfigProblem(f"{target} exists; choose another name.") from None
    except OSError as error:
        raise OriginalConfigProblem(f"{target} can't be written: {error.strerror}.") from error
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(translation.tree, file, indent=2, ensure_ascii=False)
        file.write("\n")
    try:
        load(target, data_dir=data_dir)
    except ConfigError as error:
        return [str(mistake) for mistake in error.mistakes]
    return []

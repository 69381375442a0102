"""What the tests of the documents read."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def read(page: str) -> str:
    return (DOCS / page).read_text("utf-8")


def blocks(page: str, language: str) -> list[str]:
    """Return the page's code blocks in one language, in order."""
    return [found[2] for found in _BLOCK.finditer(read(page)) if found[1] == language]


def pages() -> list[Path]:
    """Return every page of the documents, and the README."""
    return [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
        DOCS.rglob("*.md")
    )

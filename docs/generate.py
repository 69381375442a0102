"""Writes the generated pages: `python -m docs.generate` writes them, `--check` names those that are not up to date.

`docs/reference/` is generated as a whole. In hand-written pages, whatever stands between
`<!-- include: PATH -->` and `<!-- end of include -->` is replaced by that file.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.generators.commands import command_line_page
from docs.generators.configuration import configuration_page
from docs.generators.environment import environment_variables_page
from docs.generators.events import events_page
from docs.generators.http_api import http_api_page, openapi_document
from docs.generators.plugins import plugins_page
from docs.generators.states import states_page

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
NOTICE = "<!-- Generated from the code by `python -m docs.generate`: change the code, not this page. -->\n\n"

PAGES: Mapping[str, Callable[[], str]] = {
    "command-line.md": command_line_page,
    "configuration.md": configuration_page,
    "environment-variables.md": environment_variables_page,
    "events.md": events_page,
    "http-api.md": http_api_page,
    "plugins.md": plugins_page,
    "states.md": states_page,
}

_INCLUDE = re.compile(r"(<!-- include: (?P<path>\S+) -->\n).*?(<!-- end of include -->)", re.DOTALL)
_LANGUAGES = {".py": "python", ".json": "json", ".sh": "sh"}


def with_includes(text: str) -> str:
    """Return a page with each included file as it is now. Raises `FileNotFoundError` for one that is gone."""

    def included(found: re.Match[str]) -> str:
        path = ROOT / found["path"]
        language = _LANGUAGES.get(path.suffix, "")
        return f"{found[1]}```{language}\n{path.read_text('utf-8').rstrip()}\n```\n{found[3]}"

    return _INCLUDE.sub(included, text)


def wanted_pages() -> dict[Path, str]:
    """Return every generated page, and every page with includes, as it should be."""
    pages = {REFERENCE / name: NOTICE + page().rstrip() + "\n" for name, page in PAGES.items()}
    pages[REFERENCE / "openapi.json"] = openapi_document()
    for path in sorted(DOCS.rglob("*.md")):
        if path not in pages:
            text = path.read_text("utf-8")
            if _INCLUDE.search(text):
                pages[path] = with_includes(text)
    return pages


def stale_pages() -> list[Path]:
    """Return the pages that are not as they should be, and pages in `docs/reference/` that nothing makes."""
    wanted = wanted_pages()
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
    return [*stale, *(path for path in sorted(REFERENCE.glob("*.md")) if path not in wanted)]


def main(arguments: list[str]) -> int:
    """Write what has changed, or with `--check` only tell. Returns the exit code."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m docs.generate [--check]", file=sys.stderr)
        return 2
    if arguments:
        stale = stale_pages()
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not up to date: run python -m docs.generate")
        return 1 if stale else 0
    REFERENCE.mkdir(exist_ok=True)
    for path, text in wanted_pages().items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            print(f"{path.relative_to(ROOT)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

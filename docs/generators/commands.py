"""`reference/command-line.md`: the help of every command, as it prints it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main

from uws.cli.main import app

WIDTH = 100

_HEAD = """\
# The command line

Exit codes: 0 done, 1 failed (one sentence on standard error says why), 2 the command line is wrong, 78 the
configuration is wrong. Commands over the API (`uws workspaces`, `uws jobs` and the like) also have 3 not found, 4 not
allowed and 6 not in time. What a command prints to be read by others (tokens, links, JSON) stands alone on standard
output.
"""


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command's full name and its context, groups before what is in them."""
    root = typer.main.get_command(app)
    yield from _walk(root, _context(root, "uws", None))


def command_line_page() -> str:
    """Return the page."""
    parts = [_HEAD]
    for name, context in commands():
        text = "\n".join(line.rstrip() for line in context.command.get_help(context).strip().splitlines())
        parts.append(f"## `{name}`\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def _context(command: Any, name: str, parent: Any) -> Any:
    return command.context_class(
        command, info_name=name, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH
    )


def _walk(command: Any, context: Any) -> Iterator[tuple[str, Any]]:
    yield context.command_path, context
    for name, child in getattr(command, "commands", {}).items():
        yield from _walk(child, _context(child, name, context))

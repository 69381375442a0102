"""Placeholders in an application's command, environment, probe and headers.

| placeholder | becomes |
|---|---|
| `{port}`, `{host}` | the port and the address to listen on; known on the node |
| `{job_directory}` | the job's own hidden directory; known on the node |
| `{workspace_directory}` | the workspace's directory |
| `{python}` | the Python of the workspace's layer over `packages`; without packages `python3` |
| `{environment}` | the directory of the shared environment; only with packages |
| `{token}` | the application's own access token; not in `command`, where `ps` shows it |
| `{token_file}` | a file with that token, mode 0600 |
| `{parameters.NAME}` | the start's own `job_details.NAME`; a list or a number as JSON, true as `true` |

Each is replaced once, by its text alone: what a value holds is never read again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

ON_THE_NODE = ("port", "host", "job_directory")
PLACEHOLDERS = (*ON_THE_NODE, "workspace_directory", "python", "environment", "token", "token_file")
PARAMETER = "parameters."

_PLACEHOLDER = re.compile(r"\{([a-z_]+(?:\.[A-Za-z0-9_]+)?)\}")


class Placeholders:
    """Fills texts. Those that are known on the node only are left for the shepherd."""

    def __init__(self, values: Mapping[str, str], parameters: Mapping[str, object] | None = None) -> None:
        self._values = {
            **values,
            **{f"{PARAMETER}{name}": as_text(v) for name, v in (parameters or {}).items()},
        }

    def __call__(self, text: str) -> str:
        """Return the text with every placeholder that has a value replaced."""
        return _PLACEHOLDER.sub(lambda found: self._values.get(found[1], found[0]), text)


def names_in(text: str) -> Iterator[str]:
    """Yield the names of the placeholders in a text, known or not."""
    for found in _PLACEHOLDER.finditer(text):
        yield found[1]


def as_text(value: object) -> str:
    """Return a parameter as the text of one argument: a string as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

"""`reference/environment-variables.md`: what is read from the environment."""

from __future__ import annotations

from collections.abc import Iterator

from docs.generators.commands import commands
from docs.generators.tables import code, table

from uws.config.models import Config
from uws.config.schema import DocumentedKey, documented_keys

PREFIX = "UWS_SERVER__"

_HEAD = """\
# Environment variables

An option on the command line wins over its variable, and a variable over `config.json`.
"""
_CLIENT = """\
## Of the commands over the API

`UWS_URL` and `UWS_TOKEN` name the server and the token for `uws workspaces`, `uws jobs` and the like, and win over what
`uws login` kept. `NO_COLOR` takes the colours away.
"""
_SERVER = """\
## Settings of the server

Every key below `server` of `config.json` has a variable: `UWS_SERVER__` and the key in capitals, with `__` for each
dot. Lists and objects are written as JSON. A name that fits no key stops the start, with the nearest key.
"""
_OTHERS = """\
## Passed on

The building of environments hands `UV_*`, `PIP_*`, `SSL_*` and `XDG_*` variables and the proxies' to uv: for instance
`UV_DEFAULT_INDEX` names a site's own package index. Jobs inherit no variable of the server.
"""


def environment_variables_page() -> str:
    """Return the page."""
    options = table(("variable", "option", "meaning"), command_variables())
    server = table(
        ("variable", "type", "default", "meaning"),
        (
            (code(variable), key.type, code(key.default or ""), key.description)
            for variable, key in server_variables()
        ),
    )
    return "\n".join([_HEAD, "## Options of commands\n", options, _CLIENT, _SERVER, server, _OTHERS])


def command_variables() -> list[tuple[str, str, str]]:
    """Return the variables that stand for an option: their name, the option, its meaning."""
    found: dict[str, tuple[str, str, str]] = {}
    for _, context in commands():
        for parameter in context.command.params:
            names = parameter.envvar
            for name in [names] if isinstance(names, str) else names or []:
                option = next((text for text in parameter.opts if text.startswith("--")), parameter.name)
                found.setdefault(name, (code(name), code(option), parameter.help or ""))
    return [found[name] for name in sorted(found)]


def server_variables() -> Iterator[tuple[str, DocumentedKey]]:
    """Yield the variable of each value below `server`, with its key."""
    keys = [key for key in documented_keys(Config) if key.path.startswith("server.")]
    groups = {key.path.rpartition(".")[0] for key in keys}
    for key in keys:
        if key.path not in groups:
            yield PREFIX + key.path.removeprefix("server.").replace(".", "__").upper(), key

"""`reference/configuration.md`: every key of `config.json`, and those of each built-in plugin."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from importlib.metadata import entry_points

from docs.generators.tables import code, table
from pydantic import BaseModel

from uws.config.models import Config
from uws.config.resolver import PluginKind, resolve
from uws.config.schema import DocumentedKey, documented_keys, keys_of

KIND_TITLES = {
    PluginKind.AUTHENTICATION: "Authentication methods",
    PluginKind.STORAGE: "Storage methods",
    PluginKind.RESOURCE: "Resources",
    PluginKind.JOB_TYPE: "Job types",
}

_HEAD = """\
# Configuration

Everything stands in one file, `config.json` in the data directory (`--config` or `UWS_CONFIG` names another). The
first start writes one that works. A key that does not exist, is missing or has the wrong type stops the start with
one line for each mistake: where it is, what was found, what was expected. `uws admin check` tells the same without
starting.

In any string, `${NAME}` becomes the environment variable's value (`$${NAME}` writes the text itself), and
`${DATA_DIR}` the data directory. A key of the type *a string or file:/path* may name a file that holds its value.
Relative paths lie in the data directory. Each key below `server` can be set by an [environment
variable](environment-variables.md) as well. How to do common things: [Configure](../how-to/configure.md).

`<key>` stands for a name that you choose, `[]` for each item of a list.
"""


def built_in_plugins(kind: PluginKind) -> list[str]:
    """Return the names of this package's own plugins of a kind, sorted."""
    return sorted(point.name for point in entry_points(group=kind.value) if point.value.startswith("uws."))


def configuration_page() -> str:
    """Return the page."""
    keys = list(documented_keys(Config))
    parts = [_HEAD, "## The top of the file\n", _keys(key for key in keys if "." not in key.path)]
    for kind in PluginKind:
        parts += [
            f"## {KIND_TITLES[kind]}: `{kind.config_key}`\n",
            "Keys of every entry:\n",
            _keys(key for key in keys if key.path.startswith(f"{kind.config_key}.")),
            *_plugins(kind),
        ]
    parts += [
        "## Options of a start: `parameters`\n",
        _keys(key for key in keys if key.path.startswith("parameters[]")),
        "The server itself understands `num_cpus`, `memory_mb`, `time_limit_minutes` (also `time_limit_min`) and\n"
        "`gpu_enabled`; others reach a resource under the name that its `parameter_mapping` gives them.\n",
        "## The server: `server`\n",
        _keys(key for key in keys if key.path.startswith("server.")),
    ]
    return "\n".join(parts)


def plugin_keys(kind: PluginKind, name: str) -> list[DocumentedKey]:
    """Return the keys that a built-in plugin has beside those of every entry of its kind."""
    cls = resolve(kind, name).cls
    entry = f"{kind.config_key}.<key>."
    common = {key.path for key in documented_keys(kind.entry_model, entry)}
    own = [key for key in documented_keys(cls.Settings, entry) if key.path not in common]
    model = getattr(cls, "EnvironmentSettings", None)
    if isinstance(model, type) and issubclass(model, BaseModel) and keys_of(model):
        own += documented_keys(model, f"{entry}environment_details.<resource>.")
    return own


def _plugins(kind: PluginKind) -> Iterable[str]:
    for name in built_in_plugins(kind):
        own = plugin_keys(kind, name)
        summary = inspect.cleandoc(resolve(kind, name).cls.__doc__ or "")
        yield f"### `{name}`\n\n{summary}\n"
        yield _keys(own) if own else "No keys of its own.\n"


def _keys(keys: Iterable[DocumentedKey]) -> str:
    return table(("key", "type", "default", "meaning"), (_row(key) for key in keys))


def _row(key: DocumentedKey) -> tuple[str, str, str, str]:
    default = "required" if key.default is None else code(key.default)
    without = f" Without effect: {key.without_effect}." if key.without_effect else ""
    return code(key.path), key.type, default, key.description + without

"""`reference/plugins.md`: the four abstract base classes, what they hand around and what they may raise."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from enum import Enum
from types import ModuleType

from docs.generators.tables import code, table

import uws.accounts.authentication.base
import uws.jobs.resources.base
import uws.jobs.types.base
import uws.workspaces.storage.base

CONTRACTS: dict[type, ModuleType] = {
    uws.accounts.authentication.base.AuthenticationMethod: uws.accounts.authentication.base,
    uws.workspaces.storage.base.StorageMethod: uws.workspaces.storage.base,
    uws.jobs.resources.base.Resource: uws.jobs.resources.base,
    uws.jobs.types.base.JobType: uws.jobs.types.base,
}

_HEAD = """\
# Plugins

An authentication method, a storage, a resource and a job type are classes that you can write yourself: [Write a
plugin](../how-to/write-a-plugin.md). These are their contracts, word for word from the code. A method marked
*abstract* has to be written; the others have a default.
"""


def plugins_page() -> str:
    """Return the page."""
    parts = [_HEAD]
    for base, module in CONTRACTS.items():
        parts += [
            f"## `{base.__name__}`\n",
            f"Module `{module.__name__}`.\n",
            _without_headline(module),
            *_members(base),
            f"### Values of `{base.__name__}`\n",
            *(_value(cls) for cls in _classes(module, base) if not issubclass(cls, Exception)),
            f"### Errors of `{base.__name__}`\n",
            table(
                ("error", "is a", "meaning"),
                (
                    (code(cls.__name__), code(cls.__base__.__name__ if cls.__base__ else ""), _text(cls))
                    for cls in _classes(module, base)
                    if issubclass(cls, Exception)
                ),
            ),
        ]
    return "\n".join(parts)


def methods(base: type) -> Iterator[tuple[str, object]]:
    """Yield the public methods and properties that a base class has itself, in the order of its code."""
    for name, member in vars(base).items():
        if (inspect.isfunction(member) or isinstance(member, property)) and (
            name == "__init__" or not name.startswith("_")
        ):
            yield name, member


def _members(base: type) -> Iterator[str]:
    for name, member in methods(base):
        abstract = " (abstract)" if getattr(member, "__isabstractmethod__", False) else ""
        if isinstance(member, property):
            assert member.fget is not None
            returns = inspect.signature(member.fget).return_annotation
            yield f"### `{base.__name__}.{name}`{abstract}\n\n```python\n@property\n{name}: {returns}\n```\n"
        else:
            assert inspect.isfunction(member)
            yield f"### `{base.__name__}.{name}`{abstract}\n\n```python\n{_definition(name, member)}\n```\n"
        yield inspect.cleandoc(member.__doc__ or "") + "\n"


def _definition(name: str, function: object) -> str:
    assert inspect.isfunction(function)
    signature = inspect.signature(function)
    parts = [_plain(parameter) for parameter in signature.parameters.values()]
    line = f"def {name}({', '.join(parts)}) -> {signature.return_annotation}"
    if len(line) <= 100:
        return line
    parameters = "".join(f"    {part},\n" for part in parts)
    return f"def {name}(\n{parameters}) -> {signature.return_annotation}"


def _plain(parameter: inspect.Parameter) -> str:
    """Return a parameter as it is written: the annotations of these modules are texts."""
    if parameter.annotation is inspect.Parameter.empty:
        return parameter.name
    default = "" if parameter.default is inspect.Parameter.empty else f" = {parameter.default!r}"
    return f"{parameter.name}: {parameter.annotation}{default}"


def _classes(module: ModuleType, base: type) -> Iterator[type]:
    for name, member in vars(module).items():
        public = isinstance(member, type) and not name.startswith("_")
        if public and member.__module__ == module.__name__ and member is not base:
            yield member


def _value(cls: type) -> str:
    parts = [f"#### `{cls.__name__}`\n", f"{_text(cls)}\n"]
    if issubclass(cls, Enum):
        parts.append(", ".join(code(member.value) for member in cls) + "\n")
    elif dataclasses.is_dataclass(cls):
        rows = ((code(item.name), code(str(item.type)), _default(item)) for item in dataclasses.fields(cls))
        parts.append(table(("field", "type", "default"), rows))
    else:
        parts += [
            f"```python\n{_definition(name, member)}\n```\n"
            for name, member in methods(cls)
            if name != "__init__"
        ]
    return "\n".join(parts)


def _default(item: dataclasses.Field[object]) -> str:
    if item.default is not dataclasses.MISSING:
        return code(repr(item.default))
    return "empty" if item.default_factory is not dataclasses.MISSING else "required"


def _text(cls: type) -> str:
    return inspect.cleandoc(cls.__doc__ or "")


def _without_headline(module: ModuleType) -> str:
    return (module.__doc__ or "").strip().partition("\n")[2].strip() + "\n"

"""Values that stand elsewhere: `${NAME}` in strings, `file:/path` for secrets, paths in the data directory.

* `${NAME}` inside any string value becomes the environment variable's content; `${DATA_DIR}` is the data
  directory. `$${NAME}` is how to write `${NAME}` itself. Anything else with a dollar sign is left as it is.
* A field declared as `Secret` whose whole value is `file:/path` holds that file's content instead, without
  the white space around it. Only `Secret` fields are read so: in any other field `file:` is plain text.
* A field declared as `DataPath` may be relative: to the data directory.

The last two work while a model is validated; `load` passes a `ReferenceContext` along. Without one (a
plugin's tests, a program) relative paths stay as they are.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationInfo
from pydantic_core import PydanticCustomError

_REFERENCE = re.compile(r"\$(\$)?\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_FILE_BYTES = 65536


@dataclass
class ReferenceContext:
    """What validation needs to know of the installation, and what it has to tell of the references it met."""

    data_dir: Path
    readable_secret_files: set[str] = field(default_factory=set)
    """Secret files that other accounts of the machine can read."""


def substitute(text: str, variables: Mapping[str, str]) -> tuple[str, list[str]]:
    """Replace every `${NAME}` in a string.

    Returns the new text and the names that are not among `variables` (their references are left standing).
    """
    missing: list[str] = []

    def replacement(match: re.Match[str]) -> str:
        escaped, name = match.groups()
        if escaped:
            return match.group(0)[1:]
        if name in variables:
            return variables[name]
        missing.append(name)
        return match.group(0)

    return _REFERENCE.sub(replacement, text), missing


def has_reference(text: str) -> bool:
    """True where `substitute` would change the text or miss a variable."""
    return _REFERENCE.search(text) is not None


def _read_secret_file(path: Path) -> tuple[str, bool]:
    """Return a secret file's content and whether others can read it. Raises `OSError` and `ValueError`."""
    # Non-blocking: a FIFO in its place must not hold the start for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a regular file")
        content = file.read(_SECRET_FILE_BYTES + 1)
    if len(content) > _SECRET_FILE_BYTES:
        raise ValueError(f"it is larger than {_SECRET_FILE_BYTES} bytes")
    text = content.decode().strip()
    if not text:
        raise ValueError("it is empty")
    if "\0" in text:
        raise ValueError("it holds a NUL character")
    return text, bool(status.st_mode & stat.S_IROTH)


def config_problem(expected: str, *, found: str = "", id: str = "wrong_value") -> PydanticCustomError:
    """Return the error that a validator of a configuration model raises, for a readable line about it.

    `expected` and `found` end the sentence "found …; expected …"; an empty `found` shows the value as it is
    (so a secret must name something else). `id` is the mistake's id.
    """
    return PydanticCustomError(
        "config_problem", "expected {expected}", {"id": id, "found": found, "expected": expected}
    )


def _resolve_secret(value: object, info: ValidationInfo) -> object:
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, str):
        found = "a value that is not a string (not shown)"
        raise config_problem("a string or file:/path", found=found, id="wrong_type")
    context = info.context if isinstance(info.context, ReferenceContext) else None
    if not value.startswith("file:"):
        return value
    name = value.removeprefix("file:")
    path = Path(name.removeprefix("//") if name.startswith("///") else name)
    if context is not None:
        path = context.data_dir / path
    expected = "a file with the secret, readable by the account that runs the server"
    try:
        text, readable_by_others = _read_secret_file(path)
    except UnicodeDecodeError:
        problem = "it is not UTF-8"
    except OSError as error:
        problem = f"it can't be read ({error.strerror})"
    except ValueError as error:
        problem = str(error)
    else:
        if context is not None and readable_by_others:
            context.readable_secret_files.add(str(path))
        return text
    raise config_problem(expected, found=f'"{value}", but {problem}', id="unreadable_secret")


_A_PATH = "an absolute path, or one relative to the data directory"


def _refuse_empty_path(value: object) -> object:
    # Before it becomes a `Path`: that would read "" as ".".
    if isinstance(value, str) and not value.strip():
        raise config_problem(_A_PATH)
    return value


def _resolve_path(value: Path, info: ValidationInfo) -> Path:
    text = str(value)
    if "\0" in text:
        raise config_problem(_A_PATH, found="a path with a NUL character")
    if text.startswith("~"):
        raise config_problem(f"{_A_PATH} (${{HOME}} stands for the home directory)")
    if isinstance(info.context, ReferenceContext):
        return info.context.data_dir / value
    return value


Secret = Annotated[SecretStr, BeforeValidator(_resolve_secret)]
"""A string that is never shown; `file:/path` stands for that file's content."""

DataPath = Annotated[Path, BeforeValidator(_refuse_empty_path), AfterValidator(_resolve_path)]
"""A path; a relative one lies below the data directory."""

"""From the bytes of `config.json` to a checked tree of plain values, with every mistake's place.

What JSON leaves open is decided here: duplicate keys, NaN and infinities, numbers of thousands of digits,
lone surrogates and NUL are mistakes; size and depth are bounded before anything is parsed.
"""

from __future__ import annotations

import json
import math
import os
import stat
from collections import Counter
from pathlib import Path
from typing import Any

from uws.config.mistakes import ConfigError, Mistake, Place, json_path, shown

LARGEST_FILE_BYTES = 1024 * 1024
DEEPEST_LEVEL = 40
_MOST_DIGITS = 40

_AN_OBJECT = "an object with main_storage, main_resource and so on"


class _Object(dict[str, Any]):
    """A JSON object that remembers which of its keys stood more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        counts = Counter(name for name, _ in pairs)
        self.duplicates = [name for name, count in counts.items() if count > 1]


class _Refused:
    """Stands in the tree for a number that JSON does not have or nobody means."""

    def __init__(self, text: str) -> None:
        self.text = text if len(text) <= _MOST_DIGITS else f"a number of {len(text)} digits"


def read_config(path: Path) -> tuple[dict[str, Any], list[Mistake], bool]:
    """Read and parse a configuration file.

    Returns the tree, the mistakes found in it (null stands for their values), and whether other
    accounts of the machine can read the file. Raises `ConfigError` where there is no tree to go on with.
    """
    content, readable_by_others = _read_file(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"the byte 0x{content[error.start]:02x} at position {error.start}"
        raise _fatal(path, "not_utf8", found, "UTF-8 text") from None
    tree, mistakes = parse_config(text, path)
    return tree, mistakes, readable_by_others


def parse_config(text: str, path: Path) -> tuple[dict[str, Any], list[Mistake]]:
    """Parse a configuration's text. `path` is for messages. Returns and raises as `read_config`."""
    if not text.strip():
        raise _fatal(path, "not_json", "an empty file", _AN_OBJECT)
    if _depth(text) > DEEPEST_LEVEL:
        raise _fatal(
            path, "too_deep", f"more than {DEEPEST_LEVEL} levels", "objects and lists less deeply nested"
        )
    try:
        tree = json.loads(
            text,
            object_pairs_hook=_Object,
            parse_constant=_Refused,
            parse_int=lambda digits: int(digits) if len(digits) <= _MOST_DIGITS else _Refused(digits),
            parse_float=lambda digits: number if math.isfinite(number := float(digits)) else _Refused(digits),
        )
    except json.JSONDecodeError as error:
        found = f"a mistake at line {error.lineno}, column {error.colno} ({error.msg})"
        raise _fatal(path, "not_json", found, "JSON") from None
    if not isinstance(tree, dict):
        found = tree.text if isinstance(tree, _Refused) else shown(tree)
        raise ConfigError([Mistake("not_an_object", "$", found, _AN_OBJECT, source=str(path.name))])
    mistakes: list[Mistake] = []
    plain = _plain(tree, (), mistakes, path.name)
    assert isinstance(plain, dict)
    return plain, mistakes


def _read_file(path: Path) -> tuple[bytes, bool]:
    try:
        # Non-blocking: a FIFO in its place must not hold the start for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        found = f"no file at {path}" if isinstance(error, FileNotFoundError) else f"{path}: {error.strerror}"
        raise _fatal(path, "unreadable", found, "a file that the server's account can read") from None
    with os.fdopen(descriptor, "rb", closefd=True) as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _fatal(path, "unreadable", f"something else than a file at {path}", "a file")
        content = file.read(LARGEST_FILE_BYTES + 1)
    if len(content) > LARGEST_FILE_BYTES:
        raise _fatal(path, "too_large", "a larger file", f"at most {LARGEST_FILE_BYTES} bytes")
    return content, bool(status.st_mode & stat.S_IROTH)


def _fatal(path: Path, id: str, found: str, expected: str) -> ConfigError:
    return ConfigError([Mistake(id, "", found, expected, source=path.name)])


def _depth(text: str) -> int:
    deepest = level = 0
    inside_string = escaped = False
    for character in text:
        if inside_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                inside_string = False
        elif character == '"':
            inside_string = True
        elif character in "[{":
            level += 1
            deepest = max(deepest, level)
        elif character in "]}":
            level -= 1
    return deepest


def _plain(value: Any, place: Place, mistakes: list[Mistake], source: str) -> Any:
    """Return the value as plain dictionaries and lists, with null for what was refused."""
    if isinstance(value, _Object):
        for name in value.duplicates:
            where = json_path((*place, _printable(name)))
            mistakes.append(
                Mistake("duplicate_key", where, "the key more than once", "it once", source=source)
            )
        return {
            name: _plain(item, (*place, _printable(name)), mistakes, source)
            for name, item in value.items()
            if _good_text(name, (*place, _printable(name)), mistakes, source)
        }
    if isinstance(value, list):
        return [_plain(item, (*place, index), mistakes, source) for index, item in enumerate(value)]
    if isinstance(value, _Refused):
        expected = "a number of at most 40 digits"
        mistakes.append(Mistake("not_a_number", json_path(place), value.text, expected, source=source))
        return None
    if isinstance(value, str) and not _good_text(value, place, mistakes, source):
        return None
    return value


def _printable(name: str) -> str:
    return name.encode("ascii", "backslashreplace").decode() if not name.isprintable() else name


def _good_text(text: str, place: Place, mistakes: list[Mistake], source: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        found = "half a character (a lone surrogate)"
    else:
        if "\0" not in text:
            return True
        found = "a NUL character"
    mistakes.append(Mistake("bad_text", json_path(place), found, "text without it", source=source))
    return False

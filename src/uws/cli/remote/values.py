"""What people type for amounts, times and settings, read; a mistake is a usage error that says what was expected."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Annotated

import typer

WorkspaceId = Annotated[int, typer.Argument(metavar="WORKSPACE", min=1, help="The workspace's number.")]
JobId = Annotated[int, typer.Argument(metavar="JOB", min=1, help="The job's number.")]

_AMOUNT = re.compile(r"([1-9][0-9]{0,8})\s*([A-Za-z]*)", re.ASCII)
_MEBIBYTES = {"m": 1, "mb": 1, "mib": 1, "g": 1024, "gb": 1024, "gib": 1024, "t": 1024**2, "tb": 1024**2}
_MEBIBYTES["tib"] = _MEBIBYTES["t"]
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def memory_mb(text: str) -> int:
    """Read `512M`, `4G` or `1T` as megabytes (of 1024² bytes, as the server counts them)."""
    return _amount(text, _MEBIBYTES, "--memory", "a whole number and M, G or T, such as 4G")


def minutes(text: str) -> int:
    """Read `90m`, `2h` or `1d` as minutes."""
    units = {unit: seconds // 60 for unit, seconds in _SECONDS.items() if seconds >= 60}
    return _amount(text, units, "--time", "a whole number and m, h or d, such as 2h")


def seconds(text: str) -> int:
    """Read `30s`, `10m` or `2h` as seconds."""
    return _amount(text, _SECONDS, "--timeout", "a whole number and s, m, h or d, such as 10m")


def _amount(text: str, units: dict[str, int], option: str, expected: str) -> int:
    match = _AMOUNT.fullmatch(text.strip())
    if match is None or match[2].lower() not in units:
        raise typer.BadParameter(f"found {text!r}; expected {expected}.", param_hint=option)
    return int(match[1]) * units[match[2].lower()]


def settings(pairs: Sequence[str], option: str) -> dict[str, object]:
    """Read `KEY=JSON` pairs. What is not JSON is taken as text, so that `path=a.ipynb` needs no quotes.

    What begins as a JSON object, list or string must be one.
    """
    read: dict[str, object] = {}
    for key, written in split_pairs(pairs, option, "JSON").items():
        try:
            read[key] = json.loads(written, parse_constant=_refuse_constant)
        except ValueError as error:
            if written.lstrip()[:1] in ("{", "[", '"'):
                message = f"the value of {key!r} is not JSON ({error})."
                raise typer.BadParameter(message, param_hint=option) from None
            read[key] = written
    return read


def _refuse_constant(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


def split_pairs(pairs: Sequence[str], option: str, right: str) -> dict[str, str]:
    """Split `KEY=VALUE` texts at their first `=`; each key at most once."""
    read: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals or not value:
            raise typer.BadParameter(f"found {pair!r}; expected NAME={right}.", param_hint=option)
        if key in read:
            raise typer.BadParameter(f"{key!r} is given twice.", param_hint=option)
        read[key] = value
    return read

"""Sizes, durations, instants and signals as people read them. Pure; the pages' filters call it."""

from __future__ import annotations

import re
import signal as signals
from datetime import UTC, datetime

_SIZE_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def size_text(size_bytes: int | float | None, *, binary: bool = False) -> str:
    """Return a size in the largest unit that keeps it at 1 or more: `0 bytes`, `1 byte`, `12.4 MB`.

    Args:
        size_bytes: a number of bytes, or None where nobody knows, which reads `unknown`.
        binary: count in 1024s, as memory is asked for and limited (1024 MB are 1 GB); else in 1000s.
    """
    if size_bytes is None:
        return "unknown"
    base, units = 1024 if binary else 1000, _SIZE_UNITS
    amount = float(size_bytes)
    index = 0
    while abs(amount) >= base and index < len(units) - 1:
        amount /= base
        index += 1
    if index and round(amount, 1) >= base and index < len(units) - 1:
        amount /= base
        index += 1
    if index == 0:
        return "1 byte" if size_bytes == 1 else f"{int(amount)} bytes"
    return f"{_short_number(amount)} {units[index]}"


def duration_text(seconds: float | None) -> str:
    """Return a length of time in at most two units: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 04 min`, `3 d 1 h`.

    Args:
        seconds: a length in seconds; None reads `unknown`, and what a clock's step made negative is 0.
    """
    if seconds is None:
        return "unknown"
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{_short_number(seconds)} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = whole // 60
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = minutes // 60
    return f"{hours // 24} d {hours % 24} h"


def limit_text(seconds: float | None) -> str:
    """Return a limit as people set it, without zeros after it: `4 h`, `90 min`, `45 s`."""
    if seconds is None:
        return "none"
    whole = round(seconds)
    if whole and whole % 3600 == 0:
        return f"{whole // 3600} h"
    if whole and whole % 60 == 0:
        return f"{whole // 60} min"
    return duration_text(whole)


def instant_text(instant: datetime | None) -> str:
    """Return an instant in UTC, as it reads before (or without) the script that shows it in local time."""
    if instant is None:
        return "never"
    moment = instant.astimezone(UTC)
    return f"{moment.day} {moment:%b %Y, %H:%M} UTC"


def wire_instant(instant: datetime) -> str:
    """Return an instant as the wire writes it: UTC, milliseconds, `Z`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"


def count_text(count: int, singular: str, plural: str = "") -> str:
    """Return a count with its noun: `1 file`, `3 files`, `2 entries`."""
    return f"{count} {singular if count == 1 else plural or singular + 's'}"


def signal_text(number: int) -> str:
    """Return a signal's name with its number: `SIGKILL (9)`; an unknown one is `signal 99`."""
    try:
        return f"{signals.Signals(number).name} ({number})"
    except ValueError:
        return f"signal {number}"


def link_name(title: str) -> str:
    """Return a name for a link in a workspace, made from a title: `Cell sample` → `Cell-sample`."""
    name = re.sub(r"[^\w.-]+", "-", title, flags=re.UNICODE).strip("-.")
    return re.sub(r"\.{2,}", ".", name)[:100] or "data"


def _short_number(amount: float) -> str:
    """One digit after the point below 100, none where it is zero or above."""
    text = f"{amount:.1f}" if abs(amount) < 99.95 else f"{amount:.0f}"
    return text.removesuffix(".0")

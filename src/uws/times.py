"""Times as the wire writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def wire_time(moment: datetime | None) -> str | None:
    """Format as UTC ISO 8601 with milliseconds and `Z`; no fraction where it is zero (contract §1)."""
    if moment is None:
        return None
    moment = moment.astimezone(UTC)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    milliseconds = moment.microsecond // 1000
    return f"{text}.{milliseconds:03d}Z" if milliseconds else f"{text}Z"


def from_epoch(seconds: float | None) -> datetime | None:
    """Turn seconds since the epoch into an aware UTC datetime; None stays None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)

"""What every plugin answers when it is asked how it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Health:
    """The state of one plugin, as `GET /status/` and the console show it.

    `message` is one sentence for an operator, without secrets; it is published to anybody.
    """

    connected: bool
    message: str

"""What can go wrong with environments.

EnvironmentBuildFailed    an environment could not be made; nothing of it can be found afterwards
"""

from __future__ import annotations


class EnvironmentBuildFailed(Exception):
    """An environment could not be built.

    `message` is one sentence for researchers and operators; `log_tail` the last lines that uv said, with
    passwords taken out of addresses; `unreachable` is True where the index did not answer, so that it is worth
    trying again later and not now.
    """

    def __init__(self, message: str, log_tail: str = "", *, unreachable: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.log_tail = log_tail
        self.unreachable = unreachable

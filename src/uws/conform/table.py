"""The table of checks: one small function each, under an id, a section of the contract, a sentence, a severity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from uws.conform.run import Run
from uws.conform.verdicts import Severity

CheckFunction = Callable[[Run], None]


@dataclass(frozen=True)
class Check:
    """One check. `sentence` is what the contract promises."""

    id: str
    section: str
    sentence: str
    severity: Severity
    function: CheckFunction


class Group:
    """The checks of one section, in the order in which they are made."""

    def __init__(self, prefix: str, section: str) -> None:
        self._prefix = prefix
        self._section = section
        self.checks: list[Check] = []

    def check(
        self, name: str, sentence: str, severity: Severity = Severity.breaks, section: str | None = None
    ) -> Callable[[CheckFunction], CheckFunction]:
        """Put the decorated function into the table, as `<prefix>.<name>`."""

        def register(function: CheckFunction) -> CheckFunction:
            made = Check(f"{self._prefix}.{name}", section or self._section, sentence, severity, function)
            self.checks.append(made)
            return function

        return register

"""What a check says of a server.

Deviation        the server answered something else than the contract says; the check goes no further
└── NoAnswer     it did not answer at all
Skip             the check cannot be made here, for example without a second user's token
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a client meets where a check fails."""

    breaks = "breaks clients"
    misleads = "misleads clients"
    detail = "detail"


class Verdict(StrEnum):
    """How a check ended."""

    ok = "ok"
    failed = "FAILED"
    known_fault = "known fault"
    skipped = "skipped"


@dataclass(frozen=True)
class Finding:
    """One difference: the request, what came back, what the contract says."""

    request: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.request}: found {self.found}; expected {self.expected}"


class Deviation(Exception):
    """The answer is not the contract's, and nothing further can be asked."""

    def __init__(self, request: str, found: str, expected: str) -> None:
        self.finding = Finding(request, found, expected)
        super().__init__(str(self.finding))


class NoAnswer(Deviation):
    """The server cut the connection, did not answer in time, or sent more than is read."""


class Skip(Exception):
    """The check cannot be made; the message says why."""


@dataclass(frozen=True)
class Result:
    """One check's outcome. `findings` are failures; `known_faults` are the original's own, which fail nothing."""

    id: str
    section: str
    sentence: str
    severity: Severity
    verdict: Verdict
    findings: Sequence[Finding] = ()
    known_faults: Sequence[Finding] = ()
    reason: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return the result as JSON's objects."""
        return {
            "id": self.id,
            "section": self.section,
            "sentence": self.sentence,
            "severity": self.severity.value,
            "verdict": self.verdict.value,
            "findings": [vars(finding) for finding in self.findings],
            "known_faults": [vars(finding) for finding in self.known_faults],
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Report:
    """A whole run. `left_over` names what could not be removed again."""

    url: str
    results: Sequence[Result]
    request_count: int
    most_requests: int
    left_over: Sequence[str]
    duration_seconds: float

    @property
    def failed(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.verdict is Verdict.failed)

    def count(self, verdict: Verdict) -> int:
        """Return how many checks ended so."""
        return sum(result.verdict is verdict for result in self.results)

    def as_dict(self) -> dict[str, object]:
        """Return the report as JSON's objects."""
        return {
            "url": self.url,
            "conforms": not self.failed,
            "counts": {verdict.value: self.count(verdict) for verdict in Verdict},
            "request_count": self.request_count,
            "most_requests": self.most_requests,
            "duration_seconds": round(self.duration_seconds, 1),
            "left_over": list(self.left_over),
            "results": [result.as_dict() for result in self.results],
        }

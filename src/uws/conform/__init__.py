"""The wire contract as a runnable check against any server: ours, the original, a staging gateway.

>>> from uws.conform import Plan, conform
>>> report = conform("http://localhost:8000", Plan(token="…"))  # doctest: +SKIP
>>> report.failed  # doctest: +SKIP
()
"""

from uws.conform.conversation import ServerUnreachable
from uws.conform.plan import Person, Plan
from uws.conform.runner import conform
from uws.conform.verdicts import Finding, Report, Result, Severity, Verdict

__all__ = [
    "Finding",
    "Person",
    "Plan",
    "Report",
    "Result",
    "ServerUnreachable",
    "Severity",
    "Verdict",
    "conform",
]

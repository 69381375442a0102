"""Makes the checks one after the other, and removes what they made."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import httpx2

from uws.conform.checks import ALL_CHECKS
from uws.conform.conversation import Conversation
from uws.conform.plan import KEPT_FOR_CLEANING, Plan
from uws.conform.run import Run
from uws.conform.table import Check
from uws.conform.verdicts import Deviation, Finding, Report, Result, Skip, Verdict

Told = Callable[[Result], None]
UNREADABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError)


def conform(
    url: str,
    plan: Plan,
    *,
    told: Told = lambda result: None,
    checks: Sequence[Check] = ALL_CHECKS,
    transport: httpx2.BaseTransport | None = None,
) -> Report:
    """Check the server at `url` and return what was found. `told` hears each result as soon as it is there.

    Everything that the checks make is removed at the end, also after a failure or an interrupt; what could not be
    removed stands in the report. Raises `ServerUnreachable`, and `uws.client.BadAddress` for a malformed `url`.
    """
    began = time.monotonic()
    conversation = Conversation(
        url, plan.most_requests, KEPT_FOR_CLEANING, plan.answer_seconds, transport=transport
    )
    chosen = [check for check in checks if not plan.only or check.id.startswith(plan.only)]
    run = Run(conversation, plan)
    results = []
    left_over: list[str] = []
    try:
        conversation.require_connection()
        for check in chosen:
            results.append(_made(check, run))
            told(results[-1])
    finally:
        left_over = run.clean()
        conversation.close()
    duration_seconds = time.monotonic() - began
    return Report(
        conversation.url, results, conversation.request_count, plan.most_requests, left_over, duration_seconds
    )


def _made(check: Check, run: Run) -> Result:
    run.begin()
    reason = ""
    try:
        check.function(run)
    except Deviation as deviation:
        run.findings.append(deviation.finding)
    except Skip as skip:
        reason = str(skip)
    except UNREADABLE as error:
        # A check reads on in an answer that it takes to be of the contract's shape: here it was not.
        found = f"an answer of another shape ({type(error).__name__}: {error})"
        run.findings.append(Finding(run.conversation.last_request, found, "the contract's objects"))
    if run.findings:
        verdict = Verdict.failed
    elif run.known_faults:
        verdict = Verdict.known_fault
    else:
        verdict = Verdict.skipped if reason else Verdict.ok
    return Result(
        check.id,
        check.section,
        check.sentence,
        check.severity,
        verdict,
        tuple(run.findings),
        tuple(run.known_faults),
        reason,
    )

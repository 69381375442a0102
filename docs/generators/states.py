"""`reference/states.md`: the state machines, drawn from their tables."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from docs.generators.tables import code, table

from uws.jobs import states as jobs
from uws.jobs.observe import END_SENTENCES
from uws.jobs.resources.base import EndReason
from uws.workspaces import states as workspaces

State = TypeVar("State", bound=StrEnum)

_HEAD = """\
# States

The words on the wire are closed sets: a client meets no other. Each change is written by one compare-and-set on the
row, with an [event](events.md) in the same transaction, and states only go along the arrows.
"""
_STEPS = {
    jobs.JobStep.QUEUED: "waits to be launched",
    jobs.JobStep.ENVIRONMENT: "its software environment is being made ready",
    jobs.JobStep.PROCESS: "has been launched; its application does not answer yet, or it is a batch job",
    jobs.JobStep.READY: "its application answers and can be opened",
    jobs.JobStep.ENDED: "is over",
}


def states_page() -> str:
    """Return the page."""
    final = ", ".join(code(state) for state in jobs.FINAL)
    reasons = ((code(reason), END_SENTENCES[reason]) for reason in EndReason)
    steps = ((code(step), _STEPS[step]) for step in jobs.JobStep)
    return "\n".join(
        [
            _HEAD,
            "## Workspaces\n",
            _diagram(workspaces.TRANSITIONS, workspaces.WorkspaceState.INITIALIZING),
            _transitions(workspaces.TRANSITIONS),
            "A deleted workspace has no state: its row is gone. The same holds for one that could not be made.\n",
            "## Jobs\n",
            _diagram(jobs.TRANSITIONS, jobs.JobState.PENDING),
            _transitions(jobs.TRANSITIONS),
            f"Final: {final}.\n",
            "### Steps\n",
            "How far a job has come, in finer words: `job_details.current_job_details.step`.\n",
            table(("step", "the job"), steps),
            "### Reasons of an end\n",
            "`job_details.current_job_details.reason`. A job that succeeded or was stopped is `complete`, every other\n"
            "end is `failed`. `message` has the resource's own words where it has any, else this sentence.\n",
            table(("reason", "meaning"), reasons),
        ]
    )


def _diagram(transitions: Mapping[tuple[State, State], str], first: State) -> str:
    lines = [f"    [*] --> {first}", *(f"    {old} --> {new}" for old, new in transitions)]
    return "```mermaid\nstateDiagram-v2\n" + "\n".join(lines) + "\n```\n"


def _transitions(transitions: Mapping[tuple[State, State], str]) -> str:
    return table(
        ("from", "to", "when"), ((code(old), code(new), why) for (old, new), why in transitions.items())
    )

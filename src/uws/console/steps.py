"""A job's way, told for people: its steps with how long each took, and what it is doing in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from uws.console.formats import limit_text, signal_text
from uws.jobs.models import Job
from uws.jobs.observe import END_SENTENCES
from uws.jobs.resources.base import EndReason
from uws.jobs.states import FINAL, JobState, JobStep

StepState = Literal["done", "skipped", "current", "waiting", "failed"]

_ORDER = (JobStep.QUEUED, JobStep.ENVIRONMENT, JobStep.PROCESS, JobStep.READY)
_WAITS_FOR = {
    JobStep.QUEUED: "Waiting for its turn on the machine.",
    JobStep.ENVIRONMENT: "Waiting for the software environment to be built. Only the first start needs this.",
    JobStep.PROCESS: "The program is starting. It can be opened as soon as it answers.",
    JobStep.READY: "It answers and can be opened.",
}


@dataclass(frozen=True)
class Step:
    """One step of a job: `seconds` is how long it took or, for the current one, has taken since `began`."""

    key: str
    title: str
    state: StepState
    began: datetime | None = None
    seconds: float | None = None


def has_ended(job: Job) -> bool:
    return job.status in FINAL


def steps_of(job: Job, *, is_web_application: bool, now: datetime) -> list[Step]:
    """Return the steps of a job in their order, with times.

    Args:
        job: the row, as read.
        is_web_application: whether the job has a page to open; a batch script has no step `ready`.
        now: the instant up to which the current step is timed.
    """
    process_title = "Program starts" if is_web_application else "Program runs"
    titles = {
        JobStep.QUEUED: "Queue",
        JobStep.ENVIRONMENT: "Environment",
        JobStep.PROCESS: process_title,
        JobStep.READY: "Ready to use",
    }
    order = _ORDER if is_web_application else _ORDER[:-1]
    began = _beginnings(job)
    reached = [key for key in order if began[key] is not None]
    steps: list[Step] = []
    for key in order:
        start = began[key]
        later = [instant for other in order[order.index(key) + 1 :] if (instant := began[other]) is not None]
        if start is None:
            steps.append(Step(key, titles[key], "skipped" if later else "waiting"))
            continue
        is_last = key == reached[-1]
        end = later[0] if later else job.ended
        state: StepState = "done"
        if is_last and not has_ended(job):
            state, end = "current", end or now
        elif is_last and job.status == JobState.FAILED:
            state = "failed"
        seconds = (end - start).total_seconds() if end is not None else None
        steps.append(Step(key, titles[key], state, start, seconds))
    return steps


def _beginnings(job: Job) -> dict[JobStep, datetime | None]:
    """Return when each step began; None where it did not (yet)."""
    return {
        JobStep.QUEUED: job.created,
        JobStep.ENVIRONMENT: job.environment_began,
        # Until the resource says when it started, the launch is the best that is known of it.
        JobStep.PROCESS: job.started or (job.launch_began if job.step != JobStep.QUEUED else None),
        JobStep.READY: job.ready,
    }


def headline(job: Job, *, is_web_application: bool) -> str:
    """Return a job's state in a word or two, in the interface's words rather than the wire's."""
    if job.status == JobState.COMPLETE:
        return "Stopped" if job.stop_requested or job.reason == "cancelled" else "Finished"
    if job.status == JobState.FAILED:
        return "Failed"
    if job.status == JobState.STOPPING:
        return "Stopping"
    if job.step == JobStep.READY:
        return "Ready"
    if job.step == JobStep.ENVIRONMENT:
        return "Preparing environment"
    if job.step == JobStep.PROCESS:
        return "Starting" if is_web_application else "Running"
    return "Queued"


def tone(job: Job) -> str:
    """Return the colour family of a job's state: `good`, `busy`, `bad` or `quiet`."""
    if job.status == JobState.FAILED:
        return "bad"
    if job.status == JobState.COMPLETE:
        return "quiet"
    return "good" if job.step == JobStep.READY and job.status == JobState.RUNNING else "busy"


def sentence(job: Job, *, is_web_application: bool) -> str:
    """Return what a job waits for or how it ended, in a sentence: the row's message where it has one."""
    if job.message and job.status != JobState.STOPPING:
        return job.message
    if has_ended(job):
        return _ending(job)
    if job.status == JobState.STOPPING:
        return "It is being stopped: waiting for the program to end."
    if job.step == JobStep.PROCESS and not is_web_application:
        limit = limit_text(job.time_limit_seconds)
        return f"The program runs. It ends by itself, or at its time limit of {limit}."
    if job.step in _WAITS_FOR:
        return _WAITS_FOR[JobStep(job.step)]
    return ""


def _ending(job: Job) -> str:
    if job.reason in {reason.value for reason in END_SENTENCES}:
        return END_SENTENCES[EndReason(job.reason)]
    if job.stop_requested:
        return "It was stopped."
    if job.signal:
        return f"Its program was ended by {signal_text(job.signal)}."
    if job.exit_code:
        return f"Its program ended with exit code {job.exit_code}."
    if job.status == JobState.FAILED:
        return "It failed, and left no reason."
    return "Its program ended by itself."

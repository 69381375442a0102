"""What the templates show of jobs and job types: plain values, made from rows and the site's plugins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from uws.console import steps
from uws.console.formats import signal_text
from uws.console.steps import Step
from uws.jobs.models import Job
from uws.jobs.states import JobState, JobStep
from uws.jobs.types.base import JobType
from uws.site import Site


@dataclass(frozen=True)
class JobView:
    """One job as a page shows it."""

    job: Job
    type_name: str
    icon: str
    is_web_application: bool
    headline: str
    tone: str
    sentence: str
    steps: list[Step]
    ended: bool
    can_stop: bool
    can_open: bool
    duration_seconds: float | None
    running_since: datetime | None
    signal: str

    @property
    def current_step(self) -> Step | None:
        return next((step for step in self.steps if step.state == "current"), None)


def job_view(site: Site, job: Job, now: datetime | None = None) -> JobView:
    """Return what to show of a job. All comes from the row and the configuration."""
    job_type = site.job_types.get(job.job_type)
    is_web = job_type.is_web_application if job_type is not None else job.ready is not None
    moment = now or timezone.now()
    ended = steps.has_ended(job)
    running_since = job.started or job.seen_running or job.launched
    until = job.ended or moment
    return JobView(
        job=job,
        type_name=type_name(job_type, job.job_type),
        icon=type_icon(job_type),
        is_web_application=is_web,
        headline=steps.headline(job, is_web_application=is_web),
        tone=steps.tone(job),
        sentence=steps.sentence(job, is_web_application=is_web),
        steps=steps.steps_of(job, is_web_application=is_web, now=moment),
        ended=ended,
        can_stop=job.status in (JobState.PENDING, JobState.RUNNING),
        can_open=is_web and job.status == JobState.RUNNING and job.step == JobStep.READY,
        duration_seconds=(until - running_since).total_seconds() if running_since else None,
        running_since=running_since,
        signal=signal_text(job.signal) if job.signal else "",
    )


def job_views(site: Site, jobs: Iterable[Job]) -> list[JobView]:
    now = timezone.now()
    return [job_view(site, job, now) for job in jobs]


@dataclass(frozen=True)
class JobTypeView:
    """One job type as a card shows it."""

    key: str
    name: str
    description: str
    icon: str
    is_web_application: bool


def job_type_views(site: Site) -> list[JobTypeView]:
    return [
        JobTypeView(
            key=key,
            name=type_name(job_type, key),
            description=job_type.settings.description,
            icon=type_icon(job_type),
            is_web_application=job_type.is_web_application,
        )
        for key, job_type in site.job_types.items()
    ]


def type_name(job_type: JobType | None, key: str) -> str:
    return (job_type.settings.name if job_type is not None else "") or key


KNOWN_ICONS = ("notebook", "jupyter", "application", "script", "test", "chart", "terminal")


def type_icon(job_type: JobType | None) -> str:
    """Return the icon's name in `icons.svg`, or the operator's own short text (an emoji) as it is."""
    if job_type is None:
        return "application"
    wanted = job_type.settings.icon.strip()
    if wanted in KNOWN_ICONS or (wanted and len(wanted) <= 2):
        return wanted
    return "application" if job_type.is_web_application else "script"

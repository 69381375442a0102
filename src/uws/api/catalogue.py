"""`/job_types/` and `/parameters/`: what can be started, and with what options (contract §5)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router

from uws.api import examples
from uws.api.answers import success
from uws.api.callers import site_of
from uws.api.description import described
from uws.api.schemas import JobTypeAnswer, ParameterAnswer

_JOB_TYPES = examples.success("Successful.", {"job_types": examples.JOB_TYPES})
_PARAMETERS = examples.success("Successful.", {"parameters": examples.PARAMETERS})

job_types = Router(tags=["job types"])
parameters = Router(tags=["parameters"])


@job_types.get("/", **described("List job types", JobTypeAnswer, example=_JOB_TYPES))
def list_job_types(request: HttpRequest) -> HttpResponse:
    """Return the job types that can be started, as an object by key. Needs no token."""
    offered = {
        key: {"id": key, "name": job_type.settings.name}
        for key, job_type in site_of(request).job_types.items()
    }
    return success("Successful.", {"job_types": offered})


@parameters.get("/", **described("List parameters", ParameterAnswer, example=_PARAMETERS))
def list_parameters(request: HttpRequest) -> HttpResponse:
    """Return the options that a start takes, as they are configured. Needs no token."""
    configured = site_of(request).loaded.config.parameters
    # Only what the operator wrote: the contract has the entries as they stand in the file.
    entries = [parameter.model_dump(mode="json", exclude_unset=True) for parameter in configured]
    return success("Successful.", {"parameters": entries})

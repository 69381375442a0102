"""The local resource: jobs on the machine that the server runs on."""

from uws.jobs.resources.local.resource import LocalResource

__all__ = ["LocalResource"]

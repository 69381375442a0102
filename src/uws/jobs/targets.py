"""A running job as the passthrough sees it: a plain value, without Django."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Target:
    """A job as the passthrough sees it.

    `status` is one of the contract's words; `step` and `message` are shown to people as they stand. `host` and `port`
    are None until the application has answered. `headers` carry the application's own token and are added to every
    request. `log_tail` is the end of the job's log.
    """

    job_id: int
    owner_id: int
    status: str
    step: str
    message: str
    job_type_name: str
    workspace_id: int
    workspace_name: str
    host: str | None
    port: int | None
    headers: Mapping[str, str] = field(repr=False)
    log_tail: str = ""

    @property
    def is_over(self) -> bool:
        """True once the job can never answer again."""
        return self.status in ("complete", "failed")

    @property
    def is_open(self) -> bool:
        """True while there is an address to carry requests to."""
        return self.status in ("running", "stopping") and self.host is not None and self.port is not None

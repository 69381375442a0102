"""What a run may use, and how far it may go."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_REQUESTS = 600
KEPT_FOR_CLEANING = 100
ANSWER_SECONDS = 30.0
JOB_SECONDS = 120.0


@dataclass(frozen=True)
class Person:
    """A user whom an API client vouches for at `POST /tokens/`."""

    username: str
    email: str


@dataclass(frozen=True)
class Plan:
    """What a run may use.

    `token` and `second_token` are two ordinary users' tokens. `client_token` is an API client's: with it the tokens
    of `first_person` and `second_person` are asked for where they are not given, and that of `third_person`, to whom
    nothing belongs. That makes these users on the server, and nothing in the contract removes a user.

    `job_type` must end by itself within `job_seconds`. `link_source` is a path on the server that may be linked to;
    without it no link is made. `only` are prefixes of check ids. `most_requests` bounds the whole run;
    `KEPT_FOR_CLEANING` of them are kept for removing what it made.
    """

    token: str | None = field(default=None, repr=False)
    second_token: str | None = field(default=None, repr=False)
    client_token: str | None = field(default=None, repr=False)
    first_person: Person = Person("uws-conform-1", "uws-conform-1@example.org")
    second_person: Person = Person("uws-conform-2", "uws-conform-2@example.org")
    third_person: Person = Person("uws-conform-3", "uws-conform-3@example.org")
    job_type: str = "local_test_job"
    link_source: str | None = None
    only: tuple[str, ...] = ()
    most_requests: int = MOST_REQUESTS
    answer_seconds: float = ANSWER_SECONDS
    job_seconds: float = JOB_SECONDS

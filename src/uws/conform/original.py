"""The faults of the original that the contract lists as BUG, each known by how its answer looks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from uws.conform.conversation import Answer

NAIVE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?")


@dataclass(frozen=True)
class OriginalFault:
    """A fault of the original. `fits` tells whether an answer is that fault's."""

    fits: Callable[[Answer], bool]


def _redirects_to_slash(answer: Answer) -> bool:
    path, _, query = answer.request.partition(" ")[2].partition("?")
    target = f"{path}/?{query}" if query else f"{path}/"
    return answer.status == 301 and answer.headers.get("location", "").endswith(target)


PAGE_500 = OriginalFault(lambda answer: answer.status == 500 and not answer.is_envelope)
"""An unhandled exception: a page (text under DEBUG off), without the envelope (contract §1)."""

ANY_500 = OriginalFault(lambda answer: answer.status == 500)
"""The caller's mistake answered as the server's, with or without the envelope."""

REDIRECT = OriginalFault(_redirects_to_slash)
"""Without its final slash, a path is answered with 301 (contract §1)."""

PAGE_404 = OriginalFault(lambda answer: answer.status == 404 and not answer.is_envelope)
"""A path that does not exist is answered with a page (contract §1)."""

ACCEPTED = OriginalFault(lambda answer: answer.status == 200 and answer.is_envelope)
"""The original takes what it should refuse."""

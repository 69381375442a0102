"""From what the agent and the storage say to what a request is answered."""

from __future__ import annotations

from uws.agent.errors import AgentDiedError, AgentError
from uws.refusals import BadRequest, Refusal, Unavailable


def is_away(error: Exception) -> bool:
    """True where something below did not answer, which is no refusal: it may be tried again."""
    return isinstance(error, (AgentDiedError, Unavailable)) or (
        isinstance(error, AgentError) and error.code == "no_root"
    )


def refusal_of(error: AgentError, before: str = "") -> Refusal:
    """Turn what the agent says into the answer: the message names the path as the user wrote it."""
    return Unavailable(f"{before}{error}") if is_away(error) else BadRequest(f"{before}{error}")

"""What the templates show of shares: plain values, made from rows for the one who looks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from uws.accounts.models import User
from uws.accounts.person import Person
from uws.console.formats import count_text, size_text
from uws.sharing.models import Share
from uws.workspaces.models import Workspace
from uws.workspaces.states import WorkspaceState


@dataclass(frozen=True)
class ShareView:
    """One share as a page shows it to one of its two sides."""

    share: Share
    copy: Workspace
    is_received: bool
    other_name: str
    headline: str
    tone: str
    sentence: str
    can_accept: bool
    can_end: bool
    is_ready: bool


def share_view(share: Share, person: Person) -> ShareView:
    """Return what to show of a share. Who shared with themselves sees it as received."""
    copy = share.copy
    is_received = share.recipient_id == person.id
    is_ready = copy.status in (WorkspaceState.IDLE, WorkspaceState.ACTIVE)
    other = share.sender if is_received else share.recipient
    headline, tone, sentence = _state(share, is_received=is_received)
    return ShareView(
        share=share,
        copy=copy,
        is_received=is_received,
        other_name="you" if other.pk == person.id else person_name(other),
        headline=headline,
        tone=tone,
        sentence=sentence,
        can_accept=is_received and not share.is_accepted and copy.status != WorkspaceState.ERROR,
        can_end=not share.is_accepted,
        is_ready=is_ready,
    )


def share_views(shares: Iterable[Share], person: Person) -> list[ShareView]:
    return [share_view(share, person) for share in shares]


def person_name(user: User) -> str:
    """Return how a person is called on a page: the full name, else the user name."""
    return user.get_full_name().strip() or user.username


def _state(share: Share, *, is_received: bool) -> tuple[str, str, str]:
    """Return a share's headline, tone and sentence."""
    if share.copy.status == WorkspaceState.ERROR:
        return "Failed", "bad", share.copy.status_message
    if share.copy.status == WorkspaceState.INITIALIZING:
        return "Copying", "busy", _copying(share)
    if share.is_accepted:
        text = "It is one of your workspaces." if is_received else "They have it among their workspaces."
        return "Accepted", "good", text
    if is_received:
        return "Waits for you", "busy", "Look into it, then accept or decline it."
    return "Not answered yet", "", "Until they accept it, you can take it back."


def _copying(share: Share) -> str:
    if not share.copied_files:
        return "The copy is being made."
    done = f"{count_text(share.copied_files, 'entry', 'entries')}, {size_text(share.copied_bytes)}"
    if share.expected_bytes <= share.copied_bytes:
        return f"The copy is being made: {done} so far."
    return f"The copy is being made: {done} of at most {size_text(share.expected_bytes)} so far."

"""What happens to shares, told to both sides."""

from __future__ import annotations

from uws.events import log
from uws.sharing.models import Share


def record(share: Share, kind: str, *, actor: str, **more: object) -> None:
    """Append an event about a share for its recipient, and one for its sender, in the caller's transaction.

    `share` has its `copy`, `sender` and `recipient` loaded: the event keeps their names by value.
    """
    payload = {
        "workspace": share.copy.name,
        "original_id": share.original_id,
        "sender": share.sender.username,
        "recipient": share.recipient.username,
        **more,
    }
    subject = f"shares/{share.copy_id}"
    for owner_id in dict.fromkeys((share.recipient_id, share.sender_id)):
        log.append(kind, subject, owner_id=owner_id, actor=actor, payload=payload)

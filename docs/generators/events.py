"""`reference/events.md`: every kind of event."""

from __future__ import annotations

from docs.generators.tables import code, table

from uws.events.kinds import KINDS

SUBJECTS = {
    "workspace": "`workspaces/<id>`",
    "job": "`jobs/<id>`",
    "share": "`shares/<id>`",
    "user": "`users/<id>`",
    "session": "`users/<id>`",
    "token": "`users/<id>`, or `tokens` for a refusal",
    "resource": "`resource/<key>`",
    "storage": "`storage/<key>`",
    "authentication": "`authentication/<key>`",
}

_HEAD = """\
# Events

An event has a position, a time, a kind, a subject, the id of the user whom it concerns, an actor (a user name,
`server`, or the key of an authentication method) and a small payload. The table is closed: the log takes no other
kind. What events are for: [The event log](../explanation/events.md).
"""


def events_page() -> str:
    """Return the page."""
    parts = [_HEAD]
    for group in dict.fromkeys(kind.partition(".")[0] for kind in KINDS):
        rows = ((code(kind), sentence) for kind, sentence in KINDS.items() if kind.partition(".")[0] == group)
        parts += [f"## `{group}`\n", f"Subject: {SUBJECTS[group]}.\n", table(("kind", "meaning"), rows)]
    return "\n".join(parts)

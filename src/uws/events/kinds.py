"""Every kind of event there is, each with one sentence. The log takes no other."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "workspace.created": "A workspace was asked for; its directory is being made.",
        "workspace.refused": "A workspace could not be made, and nothing of it is left.",
        "workspace.idle": "A workspace is ready, and no job is pending or running in it.",
        "workspace.active": "A job was started in a workspace.",
        "workspace.changed": "A workspace's name, text, files or links were changed by a request.",
        "workspace.scanned": "A scan found other files, links or another size than were known.",
        "workspace.deleting": "The deletion of a workspace was accepted.",
        "workspace.deleted": "A workspace's directory and record are gone.",
        "workspace.error": "A workspace could not be made or deleted; `message` says why.",
        "job.created": "A job was asked for; nothing runs yet.",
        "job.environment": "A job waits for its software environment; `message` says how far it is.",
        "job.waiting": "The resource did not answer a job's launch; it is looked up and tried again.",
        "job.launched": "The resource has taken the job on.",
        "job.running": "The resource says that the job runs.",
        "job.ready": "The job's application has answered and can be opened.",
        "job.stopping": "Somebody asked the job to stop.",
        "job.complete": "The job has ended well, or was stopped; `reason` says which.",
        "job.failed": "The job has ended badly or was never started; `reason` and `message` say why.",
        "share.created": "A workspace was shared with somebody; their copy is being made.",
        "share.copying": "A shared workspace's copy is being made; `files` and `bytes` say how far it is.",
        "share.ready": "A shared workspace's copy is whole, and can be accepted or declined.",
        "share.failed": "A shared workspace's copy could not be made; `message` says why.",
        "share.accepted": "A shared workspace was accepted: the copy is now an ordinary workspace.",
        "share.declined": "A shared workspace was declined by its recipient; the copy is being deleted.",
        "share.cancelled": "A shared workspace was taken back by its sender; the copy is being deleted.",
        "share.mailed": "The recipient of a shared workspace was told by e-mail.",
        "share.mail_failed": "The e-mail about a shared workspace could not be sent, and is not tried again.",
        "user.created": "A user or an API client was made.",
        "user.imported": "A user, or something of theirs, was brought here from the original server.",
        "session.started": "Somebody signed in to the console.",
        "token.created": "An access token was made; `kind` says of which kind. Never the token.",
        "token.revoked": "An access token was revoked by its owner.",
        "token.refused": "Requests for a token were refused: `count` of them, since the last such event; "
        "`reason` says why the last one was. At most one a minute for an account and for an address.",
        "resource.connected": "A resource answers its health check, for the first time or again.",
        "resource.disconnected": "A resource does not answer its health check; `message` says what is wrong.",
        "storage.connected": "A storage answers its health check, for the first time or again.",
        "storage.disconnected": "A storage does not answer its health check; `message` says what is wrong.",
        "authentication.connected": "An authentication method answers its health check, for the first time or again.",
        "authentication.disconnected": "An authentication method does not answer its health check; `message` says "
        "what is wrong.",
    }
)
"""Kind to sentence. The part before the dot says what the subject is."""

"""The parts of the OpenAPI document that no single route tells: tags, tokens, headers, links, sockets, health."""

from __future__ import annotations

from typing import Any

JsonObject = dict[str, Any]

DESCRIPTION = """\
Paths work with and without their final slash. Bodies are JSON whatever their `Content-Type`, but for uploads.
A good answer is `{"success": true, "message": …, "data": …}`; a refusal is `{"success": false, "message": …}` with the
members of RFC 9457 beside it, as `application/problem+json` where `Accept` names that. Every origin may call (CORS);
cookies are never read.

What isn't yours answers exactly like what doesn't exist. Unknown query parameters and members are ignored.
The API grows by addition only: expect new members in answers."""

TAGS = {
    "tokens": "A portal asks for the token of one of its users.",
    "workspaces": "Directories with files and links to data, in which jobs run.",
    "jobs": "What runs, ran, or waits to run in a workspace.",
    "job types": "What can be started.",
    "parameters": "The options of a start.",
    "users": "The people one can share with.",
    "shared workspaces": "Copies of workspaces, sent from one person to another.",
    "status": "How the server is, and what it depends on.",
    "about": "The server's health and this description.",
}

SECURITY_SCHEMES: JsonObject = {
    "UwsAuthorization": {
        "type": "apiKey",
        "in": "header",
        "name": "UWS-Authorization",
        "description": "`Token <token>`: a token from `POST /tokens/`, or a named one made in the console.",
    },
    "PersonalToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "A named token, which begins with `uws_`. Anything else in `Authorization` is ignored.",
    },
}
SECURITY: list[JsonObject] = [{"UwsAuthorization": []}, {"PersonalToken": []}]

IDEMPOTENCY_KEY: JsonObject = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": "A new random key for each new request. Sent again with the same request within 24 hours, it gets "
    "the first answer again, and nothing is done twice: 409 while the first is under way, 422 with another request. "
    "Kept are good answers and a 500; after another refusal the request may be sent again.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,255}$"},
    "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
}
IF_NONE_MATCH: JsonObject = {
    "in": "header",
    "name": "If-None-Match",
    "required": False,
    "description": "The `ETag` of an earlier answer: 304 where nothing has changed since.",
    "schema": {"type": "string", "pattern": '^"[0-9a-f]{32}"$'},
    "example": '"c3499c2729730a7f807efb8676a92dcb"',
}

_TEXT = {"type": "string"}
RESPONSE_HEADERS: JsonObject = {
    "ETag": {
        "description": "A strong tag of this answer; it changes with anything that the answer shows.",
        "schema": _TEXT,
    },
    "Link": {
        "description": 'Address of the next page, with `rel="next"`; missing on the last one.',
        "schema": _TEXT,
    },
    "Idempotency-Replayed": {
        "description": "`true` where an earlier answer is given again; else missing.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Retry-After": {"description": "After so many seconds the request may be tried again.", "schema": _TEXT},
    "WWW-Authenticate": {"description": "Always `Token`.", "schema": _TEXT},
}


def _link(operation_id: str, parameter: str, pointer: str, text: str) -> JsonObject:
    return {
        "operationId": operation_id,
        "parameters": {parameter: f"$response.body#{pointer}"},
        "description": text,
    }


_WORKSPACE = ("workspace_id", "/data/workspace/id")
_JOB = ("job_id", "/data/job/id")
_SHARE = ("shared_workspace_id", "/data/shared_workspaces/0/shared_workspace_id/id")
LINKS: JsonObject = {
    "create_workspace": {
        "GetWorkspace": _link("get_workspace", *_WORKSPACE, "Read it."),
        "UpdateWorkspace": _link("update_workspace", *_WORKSPACE, "Change it."),
        "StartJob": _link("start_job", *_WORKSPACE, "Start a job in it."),
        "UploadFiles": _link("upload_files", *_WORKSPACE, "Upload files into it."),
        "DeleteWorkspace": _link("delete_workspace", *_WORKSPACE, "Delete it."),
    },
    "start_job": {
        "GetJob": _link("get_job", *_JOB, "Read it."),
        "ReadLog": _link("read_log", *_JOB, "Read its log."),
        "StopJob": _link("stop_job", *_JOB, "Stop it."),
    },
    "create_shares": {
        "GetShare": _link("get_share", *_SHARE, "Read the first one."),
        "AcceptShare": _link("accept_share", *_SHARE, "Accept it, as its recipient."),
        "DeleteShare": _link("delete_share", *_SHARE, "Take it back."),
    },
}
"""By the operation whose answer has the number: what can be done with it."""

SOCKETS: dict[tuple[str, str], JsonObject] = {
    ("get", "/jobs/{job_id}/"): {
        "response": {
            "description": "The connection is a WebSocket now, where the request asked for one with `Upgrade`."
        },
        "x-websocket": {
            "description": "The job's state on connect, and then on each change. Programs send `UWS-Authorization` "
            'with the handshake; browsers, which cannot, send `{"authorization": "Token …"}` as their first '
            "message within ten seconds. What else the client sends is ignored.",
            "message": {"$ref": "#/components/schemas/JobSocketMessage"},
            "example": {"status": "running", "current_job_details": {"message": "Webserver not ready."}},
            "closeCodes": {
                "4401": "No right to it, or not any more.",
                "4404": "The caller has no such job.",
                "4408": "The client reads too slowly; connect again and start from the snapshot.",
            },
        },
    }
}
"""WebSockets, by the operation that shares their path."""


def _get(operation_id: str, summary: str, text: str, responses: JsonObject, **more: Any) -> JsonObject:
    operation = {
        "operationId": operation_id,
        "summary": summary,
        "description": text,
        "tags": ["about"],
        "security": [],
        "parameters": more.get("parameters", []),
        "responses": responses,
    }
    return {"get": operation}


def _content(media_type: str, description: str, schema: JsonObject, example: Any) -> JsonObject:
    return {
        "description": description,
        "content": {media_type: {"schema": schema, "example": example}},
    }


_READINESS: JsonObject = {
    "type": "object",
    "required": ["ready", "database"],
    "properties": {
        "ready": {"type": "boolean", "description": "Whether requests can be served."},
        "database": {"type": "string", "description": "Whether the database answers."},
        "migrations": {"type": "string", "description": "Whether the database is at this version."},
        "queue_oldest_seconds": {
            "type": ["number", "null"],
            "description": "How long the oldest background task has waited, seconds.",
        },
        "queue": {"type": "string", "description": "Whether background work is in time."},
    },
}
_READY_EXAMPLE = {
    "ready": True,
    "database": "answers",
    "migrations": "applied",
    "queue_oldest_seconds": None,
    "queue": "in time",
}
_PROBLEM_KIND: JsonObject = {
    "type": "object",
    "required": ["type", "status", "title", "meaning", "remedy"],
    "properties": {
        "type": {"type": "string", "description": "What `type` is in such a refusal."},
        "status": {"type": "integer", "description": "Its HTTP status."},
        "title": {"type": "string", "description": "The kind in words."},
        "meaning": {"type": "string", "description": "When it happens."},
        "remedy": {"type": "string", "description": "What to do about it."},
    },
}
_KIND_EXAMPLE = {
    "type": "/problems/not-found",
    "status": 404,
    "title": "Not found",
    "meaning": "It does not exist, or belongs to somebody else: the answer is the same.",
    "remedy": "Check the number in the path, and whose token was sent.",
}
_KIND_PARAMETER: JsonObject = {
    "in": "path",
    "name": "kind",
    "required": True,
    "description": "The kind's name, the last part of `type`.",
    "schema": {"type": "string", "pattern": "^[a-z-]+$"},
    "example": "not-found",
}
OPERATORS_PATHS: JsonObject = {
    "/healthz": _get(
        "health",
        "See whether a process lives",
        "Says that a web process answers. Asks nothing else.",
        {"200": _content("text/plain", "It lives.", {"type": "string"}, "ok\n")},
    ),
    "/readyz": _get(
        "readiness",
        "See whether requests can be served",
        "Says whether the database answers and is at this version, and how long background work waits.",
        {
            "200": _content("application/json", "It is ready.", _READINESS, _READY_EXAMPLE),
            "503": _content(
                "application/json",
                "It is not ready.",
                _READINESS,
                {"ready": False, "database": "does not answer"},
            ),
        },
    ),
    "/openapi.json": _get(
        "openapi",
        "Get this document",
        "Returns the OpenAPI 3.1 document of this server's version.",
        {
            "200": _content(
                "application/json",
                "The document.",
                {"type": "object", "description": "OpenAPI 3.1."},
                {"openapi": "3.1.0", "info": {"title": "User Workspaces Server", "version": "0.1.0"}},
            )
        },
    ),
    "/problems/": _get(
        "list_problems",
        "List the kinds of refusals",
        "Returns every kind of refusal that this server gives; a page where the client prefers HTML.",
        {
            "200": _content(
                "application/json", "All kinds.", {"type": "array", "items": _PROBLEM_KIND}, [_KIND_EXAMPLE]
            )
        },
    ),
    "/problems/{kind}": _get(
        "get_problem",
        "Explain a kind of refusal",
        "Returns what a refusal's `type` means and what to do about it; a page where the client prefers HTML.",
        {
            "200": _content("application/json", "The kind.", _PROBLEM_KIND, _KIND_EXAMPLE),
            "404": {"$ref": "#/components/responses/Problem404"},
        },
        parameters=[_KIND_PARAMETER],
    ),
}
"""What is served beside the contract, without a token."""

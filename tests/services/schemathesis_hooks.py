"""What schemathesis cannot know of an installation: its job types, its people, what has been made so far.

Every other generated body is given such values, so that operations are reached behind their first checks. Named in
`SCHEMATHESIS_HOOKS`; the process that runs it gets client token and ids in its environment.
"""

from __future__ import annotations

import os
from itertools import count
from typing import Any

import schemathesis

CLIENT_TOKEN = os.environ.get("UWS_SCHEMATHESIS_CLIENT", "")
RECIPIENT = int(os.environ.get("UWS_SCHEMATHESIS_RECIPIENT", "0"))

made_workspaces: list[int] = []
turns = count()


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    operation = case.operation.definition.raw["operationId"]
    # Other methods of the path are tried under its name too, and some of them are answered.
    if operation == "create_workspace" and response.status_code == 200 and case.method == "POST":
        made_workspaces.append(response.json()["data"]["workspace"]["id"])


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    if not isinstance(body, dict) or next(turns) % 2:
        return body
    operation = context.operation.definition.raw["operationId"]
    if operation in ("create_workspace", "update_workspace"):
        return body | {"default_job_type": "brief", "workspace_details": {}}
    if operation == "start_job":
        return body | {"job_type": "brief", "job_details": {}, "resource_options": {"num_cpus": 1}}
    if operation == "issue_token":
        who = {"username": "ada", "email": "ada@example.org"}
        return body | {"client_token": CLIENT_TOKEN, "user_info": who}
    if operation == "create_shares" and made_workspaces:
        return body | {"original_workspace_id": made_workspaces[-1], "shared_user_ids": [RECIPIENT]}
    return body

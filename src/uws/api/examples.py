"""The examples in the OpenAPI document. A test holds each against its schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Example = dict[str, Any]

WORKSPACE: Example = {
    "id": 12,
    "name": "Kidney atlas",
    "description": "Cell types of the kidney.",
    "disk_space": 20480,
    "datetime_created": "2026-11-23T23:36:45.604Z",
    "datetime_last_modified": None,
    "datetime_last_job_launch": "2026-11-23T23:40:02.117Z",
    "workspace_details": {
        "request_workspace_details": {
            "files": [{"name": "notebook.ipynb"}],
            "symlinks": [{"name": "datasets/atlas", "source_path": "/srv/data/atlas"}],
        },
        "current_workspace_details": {
            "files": [{"name": "/notebook.ipynb"}],
            "symlinks": [{"name": "/datasets/atlas"}],
        },
    },
    "status": "active",
    "default_job_type": "jupyter_lab",
}
NEW_WORKSPACE: Example = {
    "name": "Kidney atlas",
    "description": "Cell types of the kidney.",
    "default_job_type": "jupyter_lab",
    "workspace_details": {
        "files": [{"name": "notes/first.txt", "content": "Look at the podocytes."}],
        "symlinks": [],
    },
}
WORKSPACE_CHANGE: Example = {"name": "Kidney atlas, second draft"}

JOB_START: Example = {
    "job_type": "jupyter_lab",
    "job_details": {},
    "resource_options": {"num_cpus": 2, "memory_mb": 4096, "time_limit_minutes": 60},
}
NEW_JOB: Example = {
    "id": 7,
    "workspace_id": 12,
    "resource_job_id": 48213,
    "job_type": "jupyter_lab",
    "status": "pending",
    "datetime_created": "2026-11-23T23:40:02.117Z",
    "datetime_start": None,
    "datetime_end": None,
    "core_hours": 0,
    "job_details": {
        "metrics": {},
        "request_job_details": {
            "resource_options": {"num_cpus": 2, "memory_mb": 4096, "time_limit_minutes": 60}
        },
        "current_job_details": {},
    },
}
JOB: Example = {
    **NEW_JOB,
    "status": "running",
    "datetime_start": "2026-11-23T23:40:02.301Z",
    "core_hours": "0.00000",
    "job_details": {
        "metrics": {"time_pending": 0.4, "time_init": 2.1},
        "request_job_details": NEW_JOB["job_details"]["request_job_details"],
        "current_job_details": {
            "message": "Webserver ready.",
            "step": "ready",
            "cpu_seconds": 3.2,
            "peak_memory_bytes": 181403648,
            "time_left": 3540.0,
            "proxy_details": {"hostname": "127.0.0.1", "port": "40123", "path": "/lab"},
            "connection_details": {
                "url_path": "/lab?ticket=uws.3.5980412.signature",
                "url_domain": "http://job-7.localhost:8001",
            },
        },
    },
}
JOB_TYPES: Example = {"jupyter_lab": {"id": "jupyter_lab", "name": "JupyterLab"}}
PARAMETERS: list[Example] = [
    {
        "display_name": "CPUs",
        "description": "Number of processors.",
        "variable_name": "num_cpus",
        "default_value": 1,
        "validation": {"type": "int", "min": 1, "max": 8},
    }
]
USER: Example = {
    "id": 4,
    "first_name": "Grace",
    "last_name": "Hopper",
    "username": "grace",
    "email": "grace@example.org",
}
NEW_SHARE: Example = {"original_workspace_id": 12, "shared_user_ids": [4]}
SHARE: Example = {
    "original_workspace_id": {
        "id": 12,
        "name": "Kidney atlas",
        "description": "Cell types of the kidney.",
        "workspace_details": WORKSPACE["workspace_details"],
        "user_id": {
            "username": "ada",
            "first_name": "Ada",
            "last_name": "Lovelace",
            "email": "ada@example.org",
        },
    },
    "shared_workspace_id": {
        "id": 15,
        "name": "Kidney atlas",
        "description": "Cell types of the kidney.",
        "workspace_details": WORKSPACE["workspace_details"],
        "user_id": {key: value for key, value in USER.items() if key != "id"},
    },
    "last_resource_options": {"num_cpus": 2, "memory_mb": 4096, "time_limit_minutes": 60},
    "last_job_type": "jupyter_lab",
    "is_accepted": False,
    "datetime_share_created": "2026-11-23T23:41:12.604118Z",
}
LOG: Example = {
    "text": "Hello World\n",
    "offset": 0,
    "next_offset": 12,
    "size": 12,
    "is_complete": True,
}
TOKEN_REQUEST: Example = {
    "client_token": "0123456789abcdef0123456789abcdef01234567",
    "user_info": {
        "username": "ada",
        "email": "ada@example.org",
        "first_name": "Ada",
        "last_name": "Lovelace",
    },
}
TOKEN_ANSWER: Example = {
    "success": True,
    "message": "Successful authentication.",
    "token": "89abcdef0123456789abcdef0123456789abcdef",
}
_HEALTHY: Example = {"connected": True, "message": "Accounts are kept by this server.", "latency_ms": 0.2}
STATUS: Example = {
    "message": "",
    "success": True,
    "version": "0.1.0",
    "build": "0.1.0",
    "dependencies": {
        "main_resource": _HEALTHY,
        "api_user_authentication": _HEALTHY,
        "resources": {"local": _HEALTHY},
        "storage_methods": {"local": _HEALTHY},
        "user_authentication_methods": {"local": _HEALTHY},
    },
}


def success(message: str, data: Mapping[str, Any] | None = None) -> Example:
    """Return a whole good answer."""
    return {"message": message, "success": True} | ({} if data is None else {"data": dict(data)})

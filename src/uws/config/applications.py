"""The applications of the shipped configuration that come from JSON alone: examples to copy and change."""

from __future__ import annotations

from typing import Any

# One environment for notebooks and scripts: what somebody installs from a notebook is there for their scripts too.
JUPYTER_ENVIRONMENT_NAME = "jupyter"
JUPYTER_PACKAGES = ["jupyterlab", "ipykernel", "ipywidgets", "numpy", "pandas", "matplotlib", "h5py"]
MARIMO_PACKAGES = ["marimo", "numpy", "pandas", "matplotlib", "h5py"]

# Becomes the script, so that its exit code and signals are the job's. Python for .py, bash for all else.
_RUN_SCRIPT = """\
import json, os, sys
script, arguments = sys.argv[1], json.loads(sys.argv[2])
interpreter = [sys.executable, "-u"] if script.endswith(".py") else ["/bin/bash"]
os.execv(interpreter[0], [*interpreter, os.path.join(".", script), *arguments])
"""


def shipped_applications(resource: str = "local") -> dict[str, dict[str, Any]]:
    """Return the entries of `available_job_types` for a web application and a batch job, on one resource's key."""
    return {"marimo": _marimo(resource), "script": _script(resource)}


def _marimo(resource: str) -> dict[str, Any]:
    bearer = {"Authorization": "Bearer {token}"}
    return {
        "name": "marimo",
        "job_type": "ApplicationJob",
        "description": "Reactive notebooks, kept as plain Python files.",
        "icon": "marimo",
        "environment_details": {
            resource: {
                "environment_name": "marimo",
                "packages": MARIMO_PACKAGES,
                "command": [
                    *("{python}", "-m", "marimo", "--quiet", "edit", "--headless", "--skip-update-check"),
                    *("--host", "{host}", "--port", "{port}", "--token-password-file", "{token_file}"),
                ],
                "environment": {
                    "XDG_CONFIG_HOME": "{workspace_directory}/.uws/marimo/config",
                    "XDG_STATE_HOME": "{workspace_directory}/.uws/marimo/state",
                    "XDG_CACHE_HOME": "{workspace_directory}/.uws/marimo/cache",
                },
                "probe": {"path": "/api/status", "headers": bearer},
                "connection": {"path": "/", "headers": bearer},
            }
        },
    }


def _script(resource: str) -> dict[str, Any]:
    return {
        "name": "Script",
        "job_type": "ApplicationJob",
        "description": "Runs a Python or shell script of the workspace from beginning to end.",
        "icon": "script",
        "environment_details": {
            resource: {
                "environment_name": JUPYTER_ENVIRONMENT_NAME,
                "packages": JUPYTER_PACKAGES,
                "command": [
                    "{python}",
                    "-I",
                    "-c",
                    _RUN_SCRIPT,
                    "{parameters.script}",
                    "{parameters.arguments}",
                ],
                "parameters": {
                    "type": "object",
                    "required": ["script"],
                    "properties": {
                        "script": {
                            "type": "string",
                            "title": "Script",
                            "description": "a file inside the workspace, such as analysis/count.py",
                            "minLength": 1,
                            "maxLength": 1024,
                            "pattern": r"^(?!/)(?!(.*/)?\.\.(/|$))[^\x00-\x1f]*$",
                        },
                        "arguments": {
                            "type": "array",
                            "title": "Arguments",
                            "description": "what the script is given, one text for each argument",
                            "items": {"type": "string", "pattern": r"^[^\x00]*$"},
                            "maxItems": 200,
                            "default": [],
                        },
                    },
                },
            }
        },
    }

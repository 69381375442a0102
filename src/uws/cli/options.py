"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def default_data_dir() -> Path:
    """Return `~/.local/share/uws`, or what `XDG_DATA_HOME` makes of it."""
    import platformdirs

    return Path(platformdirs.user_data_dir("uws"))


DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        envvar="UWS_DATA_DIR",
        default_factory=default_data_dir,
        show_default="~/.local/share/uws",
        help="Everything that the server keeps.",
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", envvar="UWS_CONFIG", show_default="DATA_DIR/config.json", help="The configuration."
    ),
]
Host = Annotated[str, typer.Option("--host", help="The address to listen on.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="The port of the console and the API.")]
JobsPort = Annotated[
    int | None,
    typer.Option(
        "--jobs-port", min=0, max=65535, show_default="PORT + 1", help="The port of the running jobs."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

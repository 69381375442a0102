"""Running uv: what it may see of the server's environment, what it says while it works, what its failures mean."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import uv

from uws.jobs.environments.errors import EnvironmentBuildFailed

Progress = Callable[[str], None]
"""Called with one short line for people at each step; from the thread that called `build`."""

BUILD_TIMEOUT_SECONDS = 1800.0
_LOG_LINES = 60

# Indexes, proxies and certificates of the machine are the operator's settings and must work for builds too;
# nothing else of the server's environment is uv's business.
_PREFIXES = ("UV_", "PIP_", "SSL_", "XDG_")
_NAMES = ("HOME", "PATH", "TMPDIR", "LANG", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC")

_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")
_SPOKEN = re.compile(r"^\s*(Downloading|Prepared|Building|Installed|Bytecode compiled)\b.*")
_ORNAMENT = re.compile(r"^[\s\u00d7╰│├─▶>]*(?:Caused by:\s*|error:\s*)?")
_NETWORK = re.compile(
    r"failed to fetch|failed to download|request failed|error sending request|dns error|network|connection|timed out"
    r"|certificate",
    re.IGNORECASE,
)


def machine_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what of the server's environment uv is given."""
    return {
        name: value
        for name, value in environ.items()
        if name.startswith(_PREFIXES) or name.upper().endswith("_PROXY") or name in _NAMES
    }


def run_uv(
    arguments: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
    progress: Progress,
    keep_open: Sequence[int] = (),
    timeout_seconds: float = BUILD_TIMEOUT_SECONDS,
) -> None:
    """Run uv and wait for it. Raises `EnvironmentBuildFailed` with what its output means.

    uv inherits the descriptors `keep_open`: a lock among them is held until uv too has ended, also where its
    parent was killed.
    """
    command = [uv.find_uv_bin(), "--color=never", *arguments]
    said: deque[str] = deque(maxlen=_LOG_LINES)
    try:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=dict(environment),
            pass_fds=tuple(keep_open),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise EnvironmentBuildFailed(f"uv could not be started: {error.strerror or error}.") from error
    expired = threading.Event()

    def end() -> None:
        expired.set()
        process.kill()

    timer = threading.Timer(timeout_seconds, end)
    timer.daemon = True
    timer.start()
    try:
        with process:
            assert process.stdout is not None
            for raw in process.stdout:
                line = _CREDENTIALS.sub("", raw.rstrip())
                said.append(line)
                if _SPOKEN.match(line):
                    progress(line.strip())
    except BaseException:
        process.kill()
        raise
    finally:
        timer.cancel()
    if expired.is_set():
        message = f"The environment was not ready after {timeout_seconds / 60:.0f} min."
        raise EnvironmentBuildFailed(message, "\n".join(said))
    if process.returncode != 0:
        raise failure(list(said))


def failure(lines: Sequence[str]) -> EnvironmentBuildFailed:
    """Return what uv's last lines mean, as one sentence."""
    text = "\n".join(lines)
    plain = [_ORNAMENT.sub("", line).strip() for line in lines]
    plain = [line for line in plain if line]
    last = _sentence(plain[-1] if plain else "uv said nothing")
    unreachable = False
    if "No space left on device" in text:
        message = "The disk is full: the packages could not be installed."
    elif "no interpreter found" in text.lower() or "No download found for request" in text:
        message = f"That version of Python is not available on this server: {last}"
    elif "No solution found" in text:
        start = next(index for index, line in enumerate(plain) if "No solution found" in line)
        because = " ".join(line for line in plain[start + 1 :] if not line.startswith("hint:"))
        message = f"These packages do not exist or do not fit together: {_sentence(because)}"
    elif _NETWORK.search(text):
        unreachable = True
        message = f"The packages could not be downloaded: {last}"
    else:
        message = f"The packages could not be installed: {last}"
    return EnvironmentBuildFailed(message[:1000], text, unreachable=unreachable)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def server_environment(environments: Path) -> dict[str, str]:
    """Return the environment of every uv process: the machine's settings, and this server's own choices."""
    chosen = machine_environment(os.environ)
    # Where uv has to download a Python, it must lie where jobs can run it, not in the server's home.
    chosen.setdefault("UV_PYTHON_INSTALL_DIR", str(environments / "pythons"))
    chosen["UV_NO_PROGRESS"] = "1"
    return chosen

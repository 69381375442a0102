"""Every block of `docs/how-to/use-the-api.md` is run, in order, in one shell, against a real server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.docs.pages import blocks
from tests.server.conftest import Serve, environment
from tests.services.servers.required import required

ADDRESS = "UWS=http://localhost:8000"
DEADLINE_SECONDS = 60
OPENED = """curl --silent --output /dev/null --write-out 'opened: %{http_code}\\n' "$ADDRESS"\n"""


@pytest.mark.services
def test_every_block_does_what_the_page_says(serve: Serve, data_dir: Path, tmp_path: Path) -> None:
    curl = required("UWS_TEST_CURL")
    page = blocks("how-to/use-the-api.md", "sh")
    assert page[0].startswith(ADDRESS)
    served = serve(data_dir)
    page[0] = page[0].replace(ADDRESS, f"UWS={served.url}")
    script = "\n".join(
        ["set -eu", *(block + OPENED if "Open in a browser" in block else block for block in page)]
    )
    commands = f"{Path(sys.executable).parent}:{Path(curl).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=tmp_path,
        env={**environment(), "PATH": commands, "UWS_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    address = re.search(r"Open in a browser: (http://job-\d+\.localhost:\d+/\?ticket=\S+)", done.stdout)
    assert address, done.stdout
    assert "opened: 303" in done.stdout, "the ticket becomes a cookie, and the browser is sent on"
    assert '"Successful upload."' in done.stdout
    assert "unchanged: 304" in done.stdout
    assert "Invalid description" in done.stdout or "double dots" in done.stdout
    assert re.fullmatch(r"[0-9a-f]{40}", json.loads((tmp_path / "token.json").read_text())["token"])

"""The blocks of `docs/how-to/use-the-python-client.md` are one script, run against a real server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.client.serving import token
from tests.docs.pages import blocks
from tests.server.conftest import Serve, environment

DEADLINE_SECONDS = 60


def test_the_blocks_are_a_script_that_works(serve: Serve, data_dir: Path, tmp_path: Path) -> None:
    served = serve(data_dir)
    assert served.get("/healthz").status_code == 200
    access = {"UWS_URL": served.url, "UWS_TOKEN": token(data_dir, "ada"), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks("how-to/use-the-python-client.md", "python"))],
        cwd=tmp_path,
        env=environment() | access,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert "jupyter_lab" in lines[0]
    assert lines[1] == "('/notes/plan.md', '/table.csv')"
    assert lines[2].startswith("Open in a browser: http://job-1.localhost:")
    ended = next(line for line in lines[3:] if line.startswith("complete cancelled "))
    assert ended.split()[3].isdigit(), "bytes of memory"
    assert any(line.startswith("400 /") for line in lines)
    assert lines[-1].startswith("Job 1 ended before it was ready: complete.")

"""A stop that comes while the shepherd's interpreter still starts waits until somebody is there to hear it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conformance.test_built_in_plugins import local_storage
from tests.conftest import wait_until

from uws.config.models import ResourceEntry
from uws.jobs.resources.base import JobHandle, JobPlace
from uws.jobs.resources.local import LocalResource
from uws.jobs.resources.local.resource import _boot_id
from uws.testing.deployment import deployment_in
from uws.testing.storage import ADAS_ACCOUNT

SLOW_TO_LISTEN = """
import pathlib, signal, sys, time
time.sleep(0.3)
here = pathlib.Path(sys.argv[1])
def heard(number, frame):
    (here / "heard").touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, heard)
(here / "claim").touch()
time.sleep(60)
"""


def test_a_stop_is_heard_by_a_shepherd_that_is_slow_to_listen(tmp_path: Path) -> None:
    deployment = deployment_in(tmp_path / "uws")
    storage = local_storage(deployment)
    entry = ResourceEntry(
        name="Local", resource_type="LocalResource", storage="local", user_authentication="local"
    )
    resource = LocalResource("local", entry, storage, storage.authentication, deployment)
    place = JobPlace(storage.identity(ADAS_ACCOUNT), storage.root, "ada/1", ".1")
    place.job_directory.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", SLOW_TO_LISTEN, str(place.job_directory)]) as process:
        try:
            ticks = int(Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19])
            state = {"pid": process.pid, "start_time_ticks": ticks, "boot_id": _boot_id()}
            resource.stop(JobHandle("uws-0123456789abcdef", 1, place, process.pid, state), grace_seconds=1)
            wait_until(lambda: process.poll() is not None)
        finally:
            process.kill()
    assert (place.job_directory / "heard").exists()

"""The file itself: copied to a node alone, run by its Python, hundreds of times."""

from __future__ import annotations

import ast
import shutil
import subprocess
from pathlib import Path

from tests.jobs.shepherd.jobs import KEY, PYTHON, SHEPHERD, Job

from uws.jobs.shepherd_record import shepherd_command

DEAR = {
    "contextlib",
    "ctypes",
    "dataclasses",
    "enum",
    "json",
    "re",
    "signal",
    "socket",
    "subprocess",
    "typing",
}


def test_it_is_written_for_python_3_9() -> None:
    ast.parse(SHEPHERD.read_text(), feature_version=(3, 9))


def test_it_imports_nothing_that_is_dear(tmp_path: Path) -> None:
    shutil.copy(SHEPHERD, tmp_path)
    program = f"import sys; sys.path.append({str(tmp_path)!r}); import shepherd; print(*sys.modules)"
    done = subprocess.run([PYTHON, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    assert DEAR & set(done.stdout.split()) == set()


def test_a_running_shepherd_is_small(job: Job) -> None:
    job.prepare(["sleep", "60"])
    job.start()
    job.reaches("running")
    rollup = Path(f"/proc/{job.starters[0].pid}/smaps_rollup").read_text()
    anonymous = int(rollup.split("Anonymous:")[1].split()[0]) * 1024
    assert anonymous < 4 << 20


def test_a_copy_of_the_file_runs_a_job_alone(job: Job) -> None:
    node = job.directory / "node"
    node.mkdir()
    shutil.copy(SHEPHERD, node)
    job.prepare(["echo", "here"])
    argv = shepherd_command(PYTHON, node / "shepherd.py", KEY, job.directory)
    job.starters.append(subprocess.Popen(argv))
    assert job.ends().reason == "success"


def test_it_may_be_run_as_a_script_too(job: Job) -> None:
    job.prepare(["echo", "here"])
    argv = [PYTHON, "-I", "-S", str(SHEPHERD), "--key", KEY, str(job.directory)]
    job.starters.append(subprocess.Popen(argv))
    assert job.ends().reason == "success"


def test_wrong_arguments_are_answered_with_the_usage(tmp_path: Path) -> None:
    done = subprocess.run([PYTHON, "-I", "-S", str(SHEPHERD), str(tmp_path)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (64, "usage: shepherd.py --key LAUNCH_KEY JOB_DIRECTORY\n")
    assert list(tmp_path.iterdir()) == []

"""Shared environments on disk: found in a few stats, built once by uv, read-only afterwards.

    <directory>/jupyter-3f2a9c0b1d2e/            one environment; ready once `environment.json` is in it
    <directory>/.jupyter-3f2a9c0b1d2e.lock       held while it is being built

An environment is built where it will lie (its scripts and byte code hold that path) and is found only by its
manifest, which is written last and atomically: what a killed build leaves is taken away by the next one.
The directory must lie on a file system with working locks, not on NFS.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import stat
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from uws.jobs.environments import locks
from uws.jobs.environments.errors import EnvironmentBuildFailed
from uws.jobs.environments.interpreter import choose_interpreter, version_in_path
from uws.jobs.environments.requirements import check_python_version, with_packages
from uws.jobs.environments.uv import Progress, run_uv, server_environment
from uws.jobs.types.base import EnvironmentRequest, ReadyEnvironment

FORMAT = 1
MANIFEST = "environment.json"
LOCK = "requirements.lock"
_MANIFEST_LIMIT_BYTES = 1_000_000


class EnvironmentStore:
    """The shared environments below one directory. May be used by any number of threads and processes."""

    def __init__(self, directory: Path) -> None:
        """Keep `directory`; it is made by the first build. Calls nothing."""
        self.directory = directory

    def find(self, request: EnvironmentRequest) -> ReadyEnvironment | None:
        """Return the environment that was built for an equal request, or None. A few stats: for requests.

        None also where its interpreter has gone, for instance by an upgrade of the distribution. Raises
        `EnvironmentBuildFailed` for a request that can never be built (a text that is no requirement, no Python).
        """
        return _read(self._place(request, _interpreter(request)))

    def build(self, request: EnvironmentRequest, progress: Progress) -> ReadyEnvironment:
        """Make the environment, or wait for whoever is making it. Takes seconds to minutes.

        `progress` is called with short lines for people. A repeated call returns what is there. Raises
        `EnvironmentBuildFailed`; nothing that `find` would take is left then.
        """
        interpreter = _interpreter(request)
        place = self._place(request, interpreter)
        try:
            self.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
            with _locked(self.directory / f".{place.name}.lock", progress) as lock:
                ready = _read(place)
                if ready is not None:
                    return ready
                remove_environment(place)
                return _Build(request, interpreter, place, lock, progress).run()
        except OSError as error:
            reason = error.strerror or str(error)
            raise EnvironmentBuildFailed(
                f"The environment {place.name} could not be written: {reason}."
            ) from error

    def _place(self, request: EnvironmentRequest, interpreter: str) -> Path:
        asked = [FORMAT, sorted(_requirements(request)), interpreter, sysconfig.get_platform()]
        digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", request.name).strip("-")[:40] or "environment"
        return self.directory / f"{name}-{digest[:12]}"


class _Build:
    """One build, under its lock."""

    def __init__(
        self, request: EnvironmentRequest, interpreter: str, place: Path, lock: int, progress: Progress
    ) -> None:
        self._request = request
        self._requirements = _requirements(request)
        self._interpreter = interpreter
        self._place = place
        self._lock = lock
        self._progress = progress
        self._uv_environment = server_environment(place.parent)

    def run(self) -> ReadyEnvironment:
        began = time.time()
        try:
            self._uv("venv", "--quiet", "--python", self._interpreter, str(self._place))
            package_count = self._install()
            self._progress("Making the environment read-only")
            ready = self._ready()
            _make_read_only(self._place)
            self._write_manifest(ready, package_count, began)
        except BaseException:
            remove_environment(self._place)
            raise
        self._progress(f"Ready after {time.time() - began:.1f} s")
        return ready

    def _uv(self, *arguments: str, progress: Progress | None = None) -> None:
        run_uv(
            arguments,
            directory=self._place.parent,
            environment=self._uv_environment,
            progress=progress or self._progress,
            keep_open=(self._lock,),
        )

    def _install(self) -> int:
        lock = self._place / LOCK
        shipped = locks.find(self._requirements)
        if shipped is not None:
            lock.write_bytes(shipped)
            try:
                return self._sync(lock)
            except EnvironmentBuildFailed as failure:
                if failure.unreachable:
                    raise
                # The machine's own index may have other versions than the one the lock was made from.
                self._progress(
                    f"The shipped versions are not to be had here ({failure.message}) Choosing anew"
                )
                lock.unlink()
        self._progress(f"Resolving {len(self._requirements)} packages")
        asked = self._place / "requirements.in"
        asked.write_text("".join(f"{requirement}\n" for requirement in self._requirements))
        self._uv(
            *("pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate"),
            *("--python", str(self._place / "bin" / "python")),
            *("--output-file", str(lock), str(asked)),
        )
        return self._sync(lock)

    def _sync(self, lock: Path) -> int:
        count = len(re.findall(r"^[A-Za-z0-9][^;\n]*==", lock.read_text(), re.MULTILINE))
        self._progress(f"Downloading and installing up to {count} packages")
        self._uv(
            *("pip", "sync", "--require-hashes", "--compile-bytecode"),
            *("--python", str(self._place / "bin" / "python"), str(lock)),
            progress=self._say_what_follows,
        )
        return len(list(_site_packages(self._place).glob("*.dist-info")))

    def _say_what_follows(self, line: str) -> None:
        self._progress(line)
        if line.startswith("Installed"):  # uv says nothing before its longest step
            self._progress("Compiling the packages, so that they start fast")

    def _ready(self) -> ReadyEnvironment:
        lock = (self._place / LOCK).read_bytes()
        return ReadyEnvironment(
            directory=self._place,
            python=self._place / "bin" / "python",
            site_packages=_site_packages(self._place),
            lock_hash=hashlib.sha256(lock).hexdigest(),
        )

    def _write_manifest(self, ready: ReadyEnvironment, package_count: int, began: float) -> None:
        now = time.time()
        manifest = {
            "format": FORMAT,
            "name": self._request.name,
            "packages": list(self._requirements),
            "python": str(os.path.realpath(ready.python)),
            "python_version": version_in_path(str(os.path.realpath(ready.python))),
            "site_packages": str(ready.site_packages.relative_to(self._place)),
            "lock_hash": ready.lock_hash,
            "package_count": package_count,
            "uv_version": metadata.version("uv"),
            "built_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
            "build_seconds": round(now - began, 2),
        }
        self._place.chmod(0o755)
        temporary = self._place / f".{MANIFEST}"
        temporary.write_text(json.dumps(manifest, indent=2) + "\n")
        temporary.chmod(0o444)
        temporary.rename(self._place / MANIFEST)
        self._place.chmod(0o555)


def _requirements(request: EnvironmentRequest) -> tuple[str, ...]:
    """Return the packages asked for, checked, and pip, which notebooks install with."""
    try:
        return with_packages(tuple(package.strip() for package in request.packages), ("pip",))
    except ValueError as error:
        raise EnvironmentBuildFailed(f"The environment {request.name}: {error}.") from error


def _interpreter(request: EnvironmentRequest) -> str:
    try:
        return choose_interpreter(None if request.python is None else check_python_version(request.python))
    except (ValueError, LookupError) as error:
        raise EnvironmentBuildFailed(f"The environment {request.name}: {error}.") from error


def _read(place: Path) -> ReadyEnvironment | None:
    try:
        with open(place / MANIFEST, "rb") as file:
            manifest = json.loads(file.read(_MANIFEST_LIMIT_BYTES))
    except (OSError, ValueError):
        return None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        return None
    ready = ReadyEnvironment(
        directory=place,
        python=place / "bin" / "python",
        site_packages=place / str(manifest.get("site_packages")),
        lock_hash=str(manifest.get("lock_hash")),
    )
    same_interpreter = os.path.realpath(ready.python) == manifest.get("python")
    return ready if same_interpreter and os.access(ready.python, os.X_OK) else None


def _site_packages(place: Path) -> Path:
    return next((place / "lib").glob("python3*/site-packages"))


@contextmanager
def _locked(path: Path, progress: Progress) -> Iterator[int]:
    """Hold the lock, as a descriptor."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("Waiting for another build of the same environment")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _make_read_only(place: Path) -> None:
    """Take every right to write away, and let every account read: nothing changes an environment that is shared."""
    for directory, _, names in os.walk(place):
        for name in names:
            path = os.path.join(directory, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISREG(mode):
                os.chmod(path, 0o555 if mode & 0o100 else 0o444)
        os.chmod(directory, 0o555)  # noqa: S103 - read-only for all is the purpose


def remove_environment(place: Path) -> None:
    """Remove an environment, ready or half built. It must not be in use. One that is not there is no mistake."""
    for directory, names, _ in os.walk(place):
        os.chmod(directory, 0o700)
        # Directories come before what is in them, so that each can be entered once it is opened.
        names[:] = [name for name in names if not os.path.islink(os.path.join(directory, name))]
    for directory, names, files in os.walk(place, topdown=False):
        for name in files:
            os.unlink(os.path.join(directory, name))
        for name in names:
            path = os.path.join(directory, name)
            if os.path.islink(path):
                os.unlink(path)
            else:
                os.rmdir(path)
    if os.path.isdir(place):
        os.rmdir(place)

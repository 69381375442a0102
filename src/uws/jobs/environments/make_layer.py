"""Make a workspace's layer over a shared environment. Runs on the job's node, as the job's user, before the job.

    python -I -S make_layer.py LAYER ENVIRONMENT SITE_PACKAGES

Imports nothing of uws: this file is copied into the job's directory. Every file is written beside and renamed,
so it may be repeated, run twice at once, and repairs what a user broke.
"""

import os
import sys

# Found beside its own python, also when the workspace has moved.
PIP = '#!/bin/sh\nexec "$(dirname -- "$0")/python" -m pip "$@"\n'


def write(path: str, content: str, mode: int = 0o644) -> None:
    try:
        with open(path) as file:
            if file.read() == content:
                return
    except (OSError, ValueError):
        pass
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w") as file:
        file.write(content)
    os.chmod(temporary, mode)
    os.replace(temporary, path)


def link(path: str, target: str) -> None:
    try:
        if os.readlink(path) == target:
            return
    except OSError:
        pass
    temporary = f"{path}.{os.getpid()}"
    os.symlink(target, temporary)
    os.replace(temporary, path)


def main(layer: str, environment: str, site_packages: str) -> None:
    own = os.path.join(layer, os.path.relpath(site_packages, environment))
    binaries = os.path.join(layer, "bin")
    os.makedirs(own, exist_ok=True)
    os.makedirs(binaries, exist_ok=True)
    if os.path.islink(os.path.join(environment, "lib64")):
        link(os.path.join(layer, "lib64"), "lib")

    interpreter = os.path.realpath(os.path.join(environment, "bin", "python"))
    link(os.path.join(binaries, "python"), interpreter)
    for name in ("python3", f"python{sys.version_info[0]}.{sys.version_info[1]}"):
        link(os.path.join(binaries, name), "python")
    for name in ("pip", "pip3"):
        write(os.path.join(binaries, name), PIP, 0o755)

    # addsitedir, not the bare path: the shared packages' own .pth files count as well. It adds at the end, so
    # that what is installed here comes first.
    write(os.path.join(own, "_uws_environment.pth"), f"import site; site.addsitedir({site_packages!r})\n")
    write(
        os.path.join(layer, "pyvenv.cfg"),
        f"home = {os.path.dirname(interpreter)}\n"
        "include-system-site-packages = false\n"
        f"version = {'.'.join(str(part) for part in sys.version_info[:3])}\n",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

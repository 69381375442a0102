"""Environments that are not the server's own: environment modules (Lmod and its kin) and conda-pack archives.

They need a shell, since modules and conda change the shell's environment. The script is written here, every value
in it quoted; it ends by becoming the job's command, which it gets as arguments.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

SCRIPT_NAME = "start.sh"

_HEAD = """\
#!/bin/bash
# Prepares the environment, then becomes the command given as arguments.
set -e
"""

_INIT_MODULES = """\
if ! command -v module >/dev/null 2>&1; then
    for init in "${LMOD_PKG:-}/init/bash" "${MODULESHOME:-}/init/bash" \\
            /usr/share/lmod/lmod/init/bash /etc/profile.d/lmod.sh /etc/profile.d/modules.sh; do
        if [ -r "$init" ]; then . "$init"; break; fi
    done
fi
"""

# conda's and modules' own scripts use unset variables and failing commands: no `set -u`, activation under `set +e`.
_CONDA = """\
prefix={prefix}
export PYTHONNOUSERSITE=1
if [ ! -e "$prefix/.uws-ready" ]; then
    echo "Making the conda environment"
    rm -rf -- "$prefix"
    mkdir -p -- "$(dirname -- "$prefix")"
    conda create --yes --quiet --prefix "$prefix" {python}
fi
set +e
. activate "$prefix"
set -e
if [ ! -e "$prefix/.uws-ready" ]; then
    python -m pip install --quiet {packages}
    : >"$prefix/.uws-ready"
fi
"""

_ARCHIVE = """\
prefix={prefix}
archive={archive}
if [ ! -e "$prefix/.uws-ready" ]; then
    echo "Unpacking $archive"
    rm -rf -- "$prefix"
    mkdir -p -- "$prefix"
    tar -x -f "$archive" -C "$prefix"
    set +e
    . "$prefix/bin/activate"
    set -e
    "$prefix/bin/conda-unpack"
    : >"$prefix/.uws-ready"
else
    set +e
    . "$prefix/bin/activate"
    set -e
fi
"""


def module_script(
    *,
    prefix: Path,
    modules: Sequence[str] = (),
    archive: str | None = None,
    conda_packages: Sequence[str] | None = None,
    python_version: str | None = None,
) -> str:
    """Return the bash script that prepares an environment and executes its arguments in it.

    `prefix` is where an environment of the workspace's own is made: from `archive` (conda-pack), or by conda with
    `conda_packages` and `python_version` after the `modules` were loaded. It is made once, and again if a job was
    stopped while it was being made.
    """
    parts = [_HEAD]
    if modules:
        parts.append(_INIT_MODULES)
        parts += [f"module load {shlex.quote(module)}\n" for module in modules]
    if conda_packages is not None:
        python = "python" if python_version is None else f"python={python_version}"
        parts.append(
            _CONDA.format(
                prefix=shlex.quote(str(prefix)),
                python=shlex.quote(python),
                packages=" ".join(shlex.quote(package) for package in conda_packages),
            )
        )
    if archive is not None:
        parts.append(_ARCHIVE.format(prefix=shlex.quote(str(prefix)), archive=shlex.quote(archive)))
    parts.append('exec "$@"\n')
    return "".join(parts)

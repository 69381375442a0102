"""A workspace's own layer over a shared environment: what people install lands here, what is shared stays as it is.

The layer is a virtual environment of a few files in `<workspace>/.uws/layer-<lock>/`: links to the interpreter,
`pyvenv.cfg`, and one `.pth` file that names the shared site-packages. `pip install` in a notebook or a terminal
goes into it (pip leaves alone what lies outside its prefix), and one workspace's packages never meet another's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from uws.jobs.resources.base import JobFile
from uws.jobs.types.base import ReadyEnvironment

_SCRIPT_NAME = "make_layer.py"
_SCRIPT = (Path(__file__).parent / _SCRIPT_NAME).read_bytes()
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True)
class Layer:
    """The layer of one workspace over one environment. It is made on the job's node, by `prologue`."""

    directory: Path
    environment: ReadyEnvironment

    @classmethod
    def of(cls, workspace_directory: Path, environment: ReadyEnvironment) -> Layer:
        """Return the layer that a workspace has over an environment; another lock is another layer."""
        return cls(workspace_directory / ".uws" / f"layer-{environment.lock_hash[:12]}", environment)

    @property
    def python(self) -> Path:
        """The interpreter to run people's code with."""
        return self.directory / "bin" / "python"

    @property
    def share(self) -> Path:
        """Where packages in the layer put their Jupyter kernels and extensions."""
        return self.directory / "share" / "jupyter"

    @property
    def variables(self) -> dict[str, str]:
        """What the job's environment needs: the layer's commands come first, then the environment's, the system's.

        `VIRTUAL_ENV` is for uv and other tools that ask it where to install.
        """
        return {
            "PATH": f"{self.directory / 'bin'}:{self.environment.directory / 'bin'}:{_SYSTEM_PATH}",
            "VIRTUAL_ENV": str(self.directory),
        }

    def file(self) -> JobFile:
        """The script that makes the layer, to lie in the job's directory."""
        return JobFile(_SCRIPT_NAME, _SCRIPT)

    def prologue(self) -> Sequence[str]:
        """The command that makes the layer or repairs it, as the job's user; takes about 15 ms."""
        return (
            *(str(self.environment.python), "-I", "-S", f"{{job_directory}}/{_SCRIPT_NAME}"),
            *(str(self.directory), str(self.environment.directory), str(self.environment.site_packages)),
        )

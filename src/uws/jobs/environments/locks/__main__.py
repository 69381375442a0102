"""Make the shipped locks anew: `python -m uws.jobs.environments.locks`."""

from __future__ import annotations

from uws.jobs.environments.locks import DIRECTORY
from uws.jobs.environments.uv import run_uv, server_environment


def main() -> None:
    for asked in sorted(DIRECTORY.glob("*.in")):
        lock = asked.with_suffix(".lock")
        print(f"Resolving {asked.name}", flush=True)
        run_uv(
            [
                *("pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--upgrade"),
                *("--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url"),
                *("--output-file", str(lock), str(asked)),
            ],
            directory=DIRECTORY,
            environment=server_environment(DIRECTORY),
            progress=print,
        )


if __name__ == "__main__":
    main()

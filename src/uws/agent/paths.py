"""The relative paths that a user may name: one check, without touching a disk."""

from __future__ import annotations

from uws.agent.errors import PathError

LONGEST_COMPONENT_BYTES = 255
LONGEST_PATH_BYTES = 4096
DEEPEST_PATH_COMPONENTS = 64


def check_relative_path(text: str) -> str:
    """Return `text`, a path as a user wrote it, normalised: POSIX, relative, without `.` components.

    At most 64 components of 255 bytes, 4096 bytes in all (`NAME_MAX` and `PATH_MAX` of limits.h). Raises
    `PathError` saying what was found and what was expected. A path that passes may still meet a link on the
    disk: that is the agent's to refuse.
    """
    if not isinstance(text, str):
        raise PathError(f"A path must be text, not {type(text).__name__}.")
    if not text:
        raise PathError("A path is empty; a relative path such as 'data/table.csv' was expected.")
    if "\0" in text:
        raise PathError(f"{_shown(text)} contains a NUL character, which no file name can hold.")
    try:
        encoded = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise PathError(
            f"{_shown(text)} is not valid Unicode: it contains half of a surrogate pair."
        ) from error
    if len(encoded) > LONGEST_PATH_BYTES:
        raise PathError(f"{_shown(text)} has {len(encoded)} bytes; at most {LONGEST_PATH_BYTES} fit.")
    if text.startswith("/"):
        raise PathError(f"{_shown(text)} is absolute; a path relative to the workspace was expected.")
    if text.endswith("/"):
        raise PathError(f"{_shown(text)} ends with a slash; the name of a file or directory was expected.")
    components = [component for component in text.split("/") if component != "."]
    _check_components(text, components)
    return "/".join(components)


def _check_components(text: str, components: list[str]) -> None:
    if not components:
        raise PathError(f"{_shown(text)} names the workspace itself; something inside it was expected.")
    if len(components) > DEEPEST_PATH_COMPONENTS:
        raise PathError(
            f"{_shown(text)} is {len(components)} levels deep; at most {DEEPEST_PATH_COMPONENTS} fit."
        )
    for component in components:
        if component == "..":
            raise PathError(f"{_shown(text)} contains '..'; a path that stays inside was expected.")
        if not component:
            raise PathError(f"{_shown(text)} contains an empty name ('//'); single slashes were expected.")
        size = len(component.encode("utf-8"))
        if size > LONGEST_COMPONENT_BYTES:
            raise PathError(
                f"The name {_shown(component)} has {size} bytes; at most {LONGEST_COMPONENT_BYTES} fit."
            )


def _shown(text: str) -> str:
    """`text` in quotes, control characters and surrogates escaped, cut to what fits a message."""
    return repr(text if len(text) <= 120 else text[:117] + "...")

"""The checks of a workspace's creation and change, in the contract's order (§3.2), before anything is made."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from uws.accounts.names import is_text
from uws.agent.errors import AgentError
from uws.agent.paths import check_relative_path
from uws.refusals import BadRequest, FieldError
from uws.workspaces.storage.base import LinkRequest

NAME_LENGTH = 64
DESCRIPTION_LENGTH = 20_000


@dataclass(frozen=True)
class FileRequest:
    """One file to be written. `name` is a checked relative path."""

    name: str
    content: bytes


@dataclass(frozen=True)
class DetailsRequest:
    """A checked `workspace_details`: what to write and link, and what is kept of the request."""

    files: Sequence[FileRequest] = ()
    links: Sequence[LinkRequest] = ()
    details: Mapping[str, object] = field(default_factory=dict)

    def kept(self, targets: Mapping[str, str]) -> dict[str, object]:
        """Return what is stored as `request_workspace_details`: no contents, no tokens.

        `targets` are the looked-up sources by link name, added where the request had none.
        """
        links = []
        for link in self.links:
            entry = dict(link.source)
            if "source_path" not in entry and link.name in targets:
                entry["source_path"] = targets[link.name]
            links.append(entry)
        return {"files": [{"name": file.name} for file in self.files], "symlinks": links}


def required_text(body: Mapping[str, object], key: str, limit: int) -> str:
    """Return a text field of at most `limit` characters. Numbers are taken as text (contract §1)."""
    value = body[key]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise _wrong(f"/{key}", _kind(value), "a string")
    if len(value) > limit:
        raise _wrong(f"/{key}", f"{len(value)} characters", f"at most {limit} characters")
    if not is_text(value):  # the API's parser refuses these too; forms come here without it
        raise _wrong(f"/{key}", repr(value[:60]), "text without NUL")
    return value


def check_job_type(value: object, known: Collection[str]) -> str | None:
    """Check `default_job_type`: a configured key, or null or empty for none."""
    if value is None or value == "":
        return value
    if not isinstance(value, str) or value not in known:
        raise BadRequest(
            f"{str(value)[:128]} is not in the list of available job types.",
            errors=[FieldError("/default_job_type", _kind(value), f"one of: {', '.join(known)}")],
        )
    return value


def check_is_object(details: object) -> Mapping[str, object]:
    if not isinstance(details, dict):
        raise BadRequest(
            "Workspace details not JSON.",
            errors=[FieldError("/workspace_details", _kind(details), "an object")],
        )
    return details


def read_details(details: Mapping[str, object]) -> DetailsRequest:
    """Check `files` and `symlinks` whole. Raises `BadRequest` for the first mistake, links first."""
    links, files = details.get("symlinks", []), details.get("files", [])
    if not isinstance(links, list):
        raise BadRequest(
            "'symlinks' index must contain a list.",
            errors=[FieldError("/workspace_details/symlinks", _kind(links), "a list")],
        )
    if not isinstance(files, list):
        raise BadRequest(
            "'files' index must contain a list.",
            errors=[FieldError("/workspace_details/files", _kind(files), "a list")],
        )
    return DetailsRequest(
        files=[_file(entry, index) for index, entry in enumerate(files)],
        links=[_link(entry, index) for index, entry in enumerate(links)],
        details=details,
    )


def _file(entry: object, index: int) -> FileRequest:
    pointer = f"/workspace_details/files/{index}"
    name = _entry_name(entry, pointer)
    assert isinstance(entry, dict)
    if ".." in name:
        raise BadRequest("File name cannot contain double dots.", errors=[_path_error(pointer, name)])
    try:
        name = check_relative_path(name)
    except AgentError as error:
        raise BadRequest(
            f"Invalid file path specified {name[:200]}: {error}", errors=[_path_error(pointer, name)]
        ) from error
    content = entry.get("content", "")
    if content is None:
        content = ""
    if not isinstance(content, str):
        raise _wrong(f"{pointer}/content", _kind(content), "a string")
    return FileRequest(name, content.encode())


def _link(entry: object, index: int) -> LinkRequest:
    pointer = f"/workspace_details/symlinks/{index}"
    name = _entry_name(entry, pointer)
    assert isinstance(entry, dict)
    if ".." in name:
        raise BadRequest("Symlink name cannot contain double dots.", errors=[_path_error(pointer, name)])
    try:
        checked = check_relative_path(name)
    except AgentError as error:
        raise BadRequest(
            f"Invalid symlink destination path specified {name.rpartition('/')[2][:200]}: {error}",
            errors=[_path_error(pointer, name)],
        ) from error
    return LinkRequest(checked, entry)


def _entry_name(entry: object, pointer: str) -> str:
    if not isinstance(entry, dict):
        raise _wrong(pointer, _kind(entry), "an object with a name")
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        found = "nothing" if "name" not in entry else _kind(name)
        raise _wrong(f"{pointer}/name", found, "a relative path")
    return name


def _path_error(pointer: str, name: str) -> FieldError:
    return FieldError(f"{pointer}/name", repr(name[:200]), "a relative path without '..'")


def _wrong(pointer: str, found: str, expected: str) -> BadRequest:
    field_name = pointer.strip("/").replace("/", ".")
    return BadRequest(
        f"Invalid {field_name}: found {found}; expected {expected}.",
        errors=[FieldError(pointer, found, expected)],
    )


def _kind(value: object) -> str:
    if value is None:
        return "null"
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "an object",
    }
    text = ""
    if isinstance(value, str):
        text = f" ({value[:60]!r})"
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        text = f" ({str(value)[:60]})"
    return "an empty string" if value == "" else names.get(type(value), type(value).__name__) + text

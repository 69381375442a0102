"""What the agent may answer instead of a result.

    AgentError                  base: the operating system refused for a reason without a class of its own
    ├── PathError               a path that can never be right: `..`, absolute, NUL, too long, too deep
    ├── OutsideError            a link stands in the way; links are never followed
    ├── NotFoundError           nothing there
    ├── ExistsError             something is there already
    ├── WrongKindError          a directory where a file was expected, a FIFO, a file where a directory was
    ├── TooLargeError           more bytes than the caller takes
    ├── IncompleteError         fewer bytes arrived than were announced; nothing was written
    ├── NoSpaceError            the disk is full, or the owner's quota used up
    ├── PermissionRefusedError  the operating system says no to this user
    └── AgentDiedError          the agent ended, broke the protocol or did not answer: nothing is known of
        │                       the call's outcome, the session is over, the next session works
        └── AgentTimeoutError   it did not answer in time

`message` is a sentence for the person whose file it is: it names the path as they know it, never a directory
of the server's.
"""

from __future__ import annotations

from typing import ClassVar


class AgentError(Exception):
    """File or process work that was not done. `code` is the same word on both sides of the socket."""

    default_code: ClassVar[str] = "failed"

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code


class PathError(AgentError):
    """The path is not a relative path that can be used; raised before anything is touched."""

    default_code = "bad_path"


class OutsideError(AgentError):
    """A component of the path is a symbolic link: what it names may lie outside."""

    default_code = "outside"


class NotFoundError(AgentError):
    """The path or a directory on the way does not exist; code `no_root`: the storage itself is away."""

    default_code = "not_found"


class ExistsError(AgentError):
    """The path exists, and the caller asked for a new one."""

    default_code = "exists"


class WrongKindError(AgentError):
    """What is there is not of the kind that the call is for."""

    default_code = "wrong_kind"


class TooLargeError(AgentError):
    """The file has more bytes than the caller is ready to take."""

    default_code = "too_large"


class IncompleteError(AgentError):
    """The source ended before the announced size; the old file is whole."""

    default_code = "incomplete"


class NoSpaceError(AgentError):
    """ENOSPC or EDQUOT; the old file is whole."""

    default_code = "no_space"


class PermissionRefusedError(AgentError):
    """EACCES, EPERM or EROFS; or the server cannot become the user that it was asked to be."""

    default_code = "permission"


class AgentDiedError(AgentError):
    """The agent is gone. `detail` is for the log: its last words, which may name the server's directories."""

    default_code = "died"

    def __init__(self, message: str, code: str | None = None, *, detail: str = "") -> None:
        super().__init__(message, code)
        self.detail = detail


class AgentTimeoutError(AgentDiedError):
    """The agent said nothing for longer than the session waits."""

    default_code = "timeout"


_CLASSES: dict[str, type[AgentError]] = {
    error.default_code: error
    for error in (
        PathError,
        OutsideError,
        NotFoundError,
        ExistsError,
        WrongKindError,
        TooLargeError,
        IncompleteError,
        NoSpaceError,
        PermissionRefusedError,
    )
}
_CLASSES["no_root"] = NotFoundError
_LONGEST_MESSAGE_CHARACTERS = 2000


def error_from(code: object, message: object) -> AgentError:
    """Build the error that an agent's answer stands for; the agent is not trusted to send sense."""
    if not isinstance(code, str) or not isinstance(message, str):
        return AgentError("The work on the files failed, and the reason was unreadable.")
    return _CLASSES.get(code, AgentError)(message[:_LONGEST_MESSAGE_CHARACTERS], code[:40])

"""An operator's mistake is one sentence on standard error and an exit code, never a traceback.

Exit codes: 1 it failed; 2 the command line is wrong; 78 the configuration is wrong (`EX_CONFIG`, sysexits.h).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

FAILED = 1
WRONG_CONFIGURATION = 78


@contextmanager
def readable_failures() -> Iterator[None]:
    """Turn the failures that an operator can mend into their sentences and `SystemExit`."""
    try:
        yield
    except Exception as error:
        lines, code = _explained(error)
        if not lines:
            raise
        for line in lines:
            print(line, file=sys.stderr)
        raise SystemExit(code) from None


def _explained(error: Exception) -> tuple[list[str], int]:
    """Return the lines and the exit code for an error; no lines where it is a fault of ours."""
    # Imported here: most commands never fail, and importing costs time.
    from uws.config.deployment import DataDirectoryError, SecretFileError
    from uws.config.mistakes import ConfigError
    from uws.moving.errors import MovingProblem
    from uws.server.backup import BackupProblem
    from uws.server.migrations import DatabaseTooNew
    from uws.server.processes import AddressUnusable, AlreadyServing
    from uws.server.settings import DatabaseUrlError
    from uws.server.start import DatabaseUnreachable, NotMigrated

    if isinstance(error, ConfigError):
        return [str(mistake) for mistake in error.mistakes], WRONG_CONFIGURATION
    if isinstance(error, DatabaseUrlError):
        return [str(error)], WRONG_CONFIGURATION
    sentences = (
        AddressUnusable,
        AlreadyServing,
        BackupProblem,
        DataDirectoryError,
        DatabaseTooNew,
        DatabaseUnreachable,
        MovingProblem,
        NotMigrated,
        SecretFileError,
    )
    if isinstance(error, sentences):
        return [str(error)], FAILED
    return _explained_by_domain(error)


def _explained_by_domain(error: Exception) -> tuple[list[str], int]:
    from django.conf import settings

    if not settings.configured:  # nothing of the domain can have been asked yet
        return [], FAILED
    from uws.accounts.errors import AccountProblem
    from uws.jobs.environments.errors import EnvironmentBuildFailed

    if isinstance(error, AccountProblem):
        return [f"{str(error).rstrip('.')}."], FAILED
    if isinstance(error, EnvironmentBuildFailed):
        return [error.message], FAILED
    return [], FAILED

"""What stops an import, each with one sentence for the operator. Nothing has been written then.

MovingProblem
├── OriginalUnreadable     the original's database can't be read: away, locked, or no such database
├── OriginalIncomplete     a table or column that is needed is not there
├── TargetTaken            this installation has other rows with the original's numbers or names
├── OriginalConfigProblem  `config.json` or `django_config.json` of the original can't be read or written
└── ViewsProblem           the views can't be made or dropped
"""

from __future__ import annotations


class MovingProblem(Exception):
    """Base. The text is one sentence for the operator; it never holds a database's address or a secret."""


class OriginalUnreadable(MovingProblem):
    """The original's database does not answer, is locked, or is no database."""


class OriginalIncomplete(MovingProblem):
    """The database lacks a table or a column of the original server's; the message names the first."""


class TargetTaken(MovingProblem):
    """Rows with the same numbers or names were made here, not imported: nothing of theirs is overwritten."""


class OriginalConfigProblem(MovingProblem):
    """A configuration file of the original server can't be read, or the translated one can't be written."""


class ViewsProblem(MovingProblem):
    """The database refuses the views, or the schema's name can't be used."""

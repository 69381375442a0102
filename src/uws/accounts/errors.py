"""What can go wrong with accounts, for the command line and the services.

AccountProblem
├── NameRefused        a user name or e-mail address that may not be used
├── AlreadyExists      the user name or e-mail address is taken
├── UnknownUser        there is no such user
└── SecondAccount      one Unix account serves this installation and it has its person already
"""

from __future__ import annotations


class AccountProblem(Exception):
    """Base; the message is for an operator and may be shown."""


class NameRefused(AccountProblem):
    """The user name or e-mail address does not fit the rule, which the message states."""


class AlreadyExists(AccountProblem):
    """The user name (in any case) or e-mail address belongs to another user."""


class UnknownUser(AccountProblem):
    """No active user has this name."""


class SecondAccount(AccountProblem):
    """Everything runs as the server's own Unix account, and a second person could read the first one's files."""

"""All checks, in the order in which they are made."""

from uws.conform.checks import (
    authentication,
    catalogue,
    ground,
    jobs,
    shares,
    sockets,
    starts,
    tokens,
    workspace_refusals,
    workspaces,
)
from uws.conform.table import Check

ALL_CHECKS: tuple[Check, ...] = tuple(
    check
    for group in (
        ground.GROUP,
        authentication.GROUP,
        tokens.GROUP,
        catalogue.CATALOGUE,
        catalogue.USERS,
        workspaces.GROUP,
        workspace_refusals.GROUP,
        jobs.GROUP,
        starts.GROUP,
        sockets.GROUP,
        shares.GROUP,
        catalogue.STATUS,
        jobs.ENDS,
    )
    for check in group.checks
)
"""The table. Ids are `<group>.<check>`."""

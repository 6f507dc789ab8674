"""Speaks about what waits for a person's word: approvals, approve, deny."""

from typing import Annotated

import typer

from orchestrion.cli.options import (
    LISTED_ROWS,
    AtOption,
    Format,
    FormatOption,
    HomeOption,
    LimitOption,
    SessionOption,
)

ApprovalArgument = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="What waits, as `approvals` lists it: all of it, its end (fixer-1/3), or `last`."
    ),
]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Kept in the log, and told to the agent.")
]


def approvals(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also what was answered, expired or withdrawn.")] = False,
    session: SessionOption = None,
    limit: LimitOption = LISTED_ROWS,
    at: AtOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """List the calls of agents that wait for a person's word."""
    from orchestrion.cli.approving import waiting

    waiting(home, form, everything=everything, session=session, at=at, limit=limit)


def approve(
    *,
    approval: ApprovalArgument,
    reason: ReasonOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> int:
    """Let an agent's call be made.

    From any process of yours; a process that an agent started is refused. Exit 3 if nothing of that name waits, 5 if it
    was answered already or its run has ended.
    """
    from orchestrion.cli.approving import answered
    from orchestrion.cli.wiring import home_of

    return answered(home_of(home), approval, "approved", reason, form)


def deny(
    *,
    approval: ApprovalArgument,
    reason: ReasonOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> int:
    """Refuse an agent's call; the agent is told, with the reason, and goes on without it.

    From any process of yours; a process that an agent started is refused. Exit codes as for `approve`.
    """
    from orchestrion.cli.approving import answered
    from orchestrion.cli.wiring import home_of

    return answered(home_of(home), approval, "denied", reason, form)

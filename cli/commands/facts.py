"""Speaks about what agents did: agents, messages, handoffs, tools, patterns, stats."""

from enum import StrEnum
from typing import Annotated

import typer

from orchestrion.cli.options import (
    LISTED_ROWS,
    AgentOption,
    AtOption,
    Format,
    FormatOption,
    HomeOption,
    LimitOption,
    SessionOption,
    SinceOption,
)


def agents(
    *,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="new NAME | check [FOLDER]",
            help="Write a template of an agent (of a command: /NAME), or validate a folder's files.",
        ),
    ] = None,
    runner: Annotated[str, typer.Option("--runner", metavar="RUNNER", help="With new: what it runs on.")] = "process",
    session: SessionOption = None,
    agent: AgentOption = None,
    since: SinceOption = None,
    limit: LimitOption = LISTED_ROWS,
    at: AtOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> int:
    """List the runs of agents; or begin and check their files.

    `check` takes a project, or a folder of agents' and commands' files; exit 2 if one of them cannot be used.
    """
    if words:
        from orchestrion.cli.defining import defining

        return defining(words, runner, form)
    from orchestrion.cli.listing import RUNS, listed

    where = {"agent": agent}
    listed(RUNS, home=home, form=form, at=at, limit=limit, session=session, since=since, where=where)
    return 0


def messages(
    *,
    session: SessionOption = None,
    agent: AgentOption = None,
    type: Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only of this type.")] = None,
    since: SinceOption = None,
    limit: LimitOption = LISTED_ROWS,
    at: AtOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """List what agents and people said (--agent: the sender)."""
    from orchestrion.cli.listing import MESSAGES, listed

    where = {"sender": agent, "type": type}
    listed(MESSAGES, home=home, form=form, at=at, limit=limit, session=session, since=since, where=where)


def handoffs(
    *,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="show ID", help="One handoff with its whole package.")
    ] = None,
    stats: Annotated[bool, typer.Option("--stats", help="Count who hands to whom, and what becomes of it.")] = False,
    session: SessionOption = None,
    agent: AgentOption = None,
    since: SinceOption = None,
    limit: LimitOption = LISTED_ROWS,
    at: AtOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """List the work that was handed over, or show one.

    --agent is the giver.
    """
    if words:
        from orchestrion.cli.handing import shown

        return shown(words, home=home, form=form, at=at)
    if stats:
        from orchestrion.cli.handing import statistics

        return statistics(home=home, form=form, at=at)
    from orchestrion.cli.listing import HANDOFFS, listed

    where = {"giver": agent}
    return listed(HANDOFFS, home=home, form=form, at=at, limit=limit, session=session, since=since, where=where)


def tools(
    *,
    session: SessionOption = None,
    agent: AgentOption = None,
    tool: Annotated[str | None, typer.Option("--tool", metavar="NAME", help="Only of this tool.")] = None,
    status: Annotated[str | None, typer.Option("--status", metavar="STATUS", help="Only with this outcome.")] = None,
    since: SinceOption = None,
    limit: LimitOption = LISTED_ROWS,
    at: AtOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """List tool calls with duration, status and parameters."""
    from orchestrion.cli.listing import TOOLS, listed

    where = {"agent": agent, "tool": tool, "status": status}
    listed(TOOLS, home=home, form=form, at=at, limit=limit, session=session, since=since, where=where)


def patterns(
    *,
    agent: AgentOption = None,
    limit: LimitOption = LISTED_ROWS,
    at: AtOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """List the patterns that were reported, with their evidence."""
    from orchestrion.cli.listing import PATTERNS, listed

    where = {"agent": agent}
    listed(PATTERNS, home=home, form=form, at=at, limit=limit, where=where)


class Grouping(StrEnum):
    """What `stats` counts by."""

    agent = "agent"
    tool = "tool"
    message = "message"
    model = "model"
    day = "day"
    session = "session"
    source = "source"
    project = "project"


def stats(
    *,
    by: Annotated[Grouping, typer.Option("--by", help="What to count by.")] = Grouping.agent,
    session: SessionOption = None,
    since: SinceOption = None,
    at: AtOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Count runs, calls, messages, tokens and what they cost.

    Durations are medians and 95th percentiles in milliseconds. A cost is in dollars for people and in whole
    cost_microdollars for programs, by the prices that `orchestrion prices` shows. It leaves out unpriced_requests, and
    is unknown (null) where no price is known. The days are those of UTC.
    """
    from orchestrion.cli.asking import moment_of, session_of
    from orchestrion.cli.costs import priced as table
    from orchestrion.cli.statistics import question
    from orchestrion.cli.wiring import asked, home_of

    with asked(home_of(home)) as store:
        chosen = session_of(store, session, at=at) if session else None
        sql, parameters = question(by, session=chosen, since=moment_of(since) if since else None)
        table(store.query(sql, parameters, at=at), form)

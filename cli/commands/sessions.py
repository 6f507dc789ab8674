"""Speaks about sessions: sessions, show, log, report."""

from pathlib import Path
from typing import Annotated

import typer

from orchestrion.cli.options import (
    LISTED_ROWS,
    AtOption,
    Format,
    FormatOption,
    HomeOption,
    LimitOption,
    LogFormat,
    ReportFormat,
    SessionArgument,
    SinceOption,
)


def sessions(
    *,
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="Only of this product.")] = None,
    status: Annotated[str | None, typer.Option("--status", metavar="STATUS", help="Only with this status.")] = None,
    since: SinceOption = None,
    limit: LimitOption = LISTED_ROWS,
    at: AtOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """List the sessions in the log."""
    from orchestrion.cli.listing import SESSIONS, listed

    where = {"source": source, "status": status}
    listed(SESSIONS, home=home, form=form, at=at, limit=limit, since=since, where=where)


def show(
    *,
    session: SessionArgument,
    at: AtOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Show one session and the tree of its runs."""
    from orchestrion.cli.asking import session_of
    from orchestrion.cli.overview import overview
    from orchestrion.cli.wiring import asked, home_of

    with asked(home_of(home)) as store:
        overview(store, session_of(store, session, at=at), form, at=at)


def log(
    *,
    session: SessionArgument = "last",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as long as the session does.")] = False,
    at: AtOption = None,
    home: HomeOption = None,
    form: Annotated[
        LogFormat, typer.Option("--format", help="A commentary, or its events, a JSON object a line.")
    ] = LogFormat.text,
) -> None:
    """Tell a session as a running commentary.

    Starts, tools with duration and status, messages, handoffs, completions, patterns and the total, in the log's order.
    With --format jsonl every event, as it stands in the log.
    """
    from orchestrion.cli.asking import session_of
    from orchestrion.cli.storytelling import lines_of, tell
    from orchestrion.cli.wiring import asked, home_of

    with asked(home_of(home)) as store:
        told = lines_of if form is LogFormat.jsonl else tell
        told(store, session_of(store, session, at=at), follow=follow, at=at)


def report(
    *,
    session: SessionArgument = "last",
    form: Annotated[ReportFormat, typer.Option("--format", help="What to write.")] = ReportFormat.md,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it to a file.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Keep the file up to date until the session ends.")
    ] = False,
    at: AtOption = None,
    home: HomeOption = None,
) -> None:
    """Write a session up, as Markdown, HTML or JSON.

    Agents, who spoke to whom, progress, metrics, patterns, and recommendations, each with its positions in the log.
    """
    from orchestrion.cli.asking import session_of
    from orchestrion.cli.reporting import Writing, write
    from orchestrion.cli.wiring import asked, home_of

    with asked(home_of(home)) as store:
        write(store, session_of(store, session, at=at), Writing(form, output, follow, at))

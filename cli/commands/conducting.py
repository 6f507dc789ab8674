"""Speaks about sessions under way: resume, cancel."""

from typing import Annotated

import typer

from orchestrion.cli.options import Format, FormatOption, HomeOption

SessionArgument = Annotated[str, typer.Argument(metavar="SESSION", help="A session of ours, as `sessions` lists it.")]


def resume(*, session: SessionArgument, home: HomeOption = None, form: FormatOption = Format.table) -> int:
    """Go on with a session whose conductor died.

    What was answered is not done again. What was under way is done again if its step is declared idempotent, else its
    run is lost. Orphaned processes are ended first; two that resume one session do not get it both.

    Exit 0 if the session completed, 10 if it ended otherwise, 5 if it has ended or its conductor lives.
    """
    from orchestrion.cli.conducting import go_on
    from orchestrion.cli.wiring import home_of

    return go_on(home_of(home), session, form)


def cancel(
    *,
    session: SessionArgument,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Kept in the log.")] = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> int:
    """Stop a session from any process: its runs, and every process they started.

    Its conductor hears it from the log; of a dead one everything is ended from here. Exit 5 if it has ended already.
    """
    from orchestrion.cli.conducting import stop
    from orchestrion.cli.wiring import home_of

    return stop(home_of(home), session, reason, form)

"""Speaks in the log's own terms: sql, schema."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestrion.cli.options import AtOption, Format, FormatOption, HomeOption, SessionOption

MAX_QUERY_BYTES = 1_000_000


def sql(
    *,
    query: Annotated[
        str | None, typer.Argument(metavar="QUERY", help="One SELECT; `-` reads it from standard input.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", metavar="FILE", help="Read the query from a file.")] = None,
    home: HomeOption = None,
    at: AtOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Ask the views a question in DuckDB's SQL.

    It can read the views and nothing else: no files, no network, within limits of time and memory. See `schema`.
    """
    from orchestrion.cli.show import table
    from orchestrion.cli.wiring import builder, home_of, opened_log
    from orchestrion.projections import ask
    from orchestrion.projections.saved import defaults

    place = home_of(home)
    text = _query(query, file)
    with opened_log(place) as log:
        answered = ask(log, place.projections, text, at=at, params=defaults(text), build=builder(place))
    table(answered, form, empty="No rows.")


def schema(
    *,
    view: Annotated[str | None, typer.Argument(metavar="VIEW", help="Only this view, with its columns.")] = None,
    form: FormatOption = Format.table,
) -> None:
    """List the views that `sql` can ask, and their columns."""
    from orchestrion.cli.show import Sheet, table
    from orchestrion.domain.errors import NotFound
    from orchestrion.projections import VIEWS

    if view is None:
        rows = [(v.name, v.help, ", ".join(name for name, _ in v.columns)) for v in VIEWS]
        return table(Sheet(("view", "help", "columns"), rows), form)
    known = {v.name: v for v in VIEWS}
    if view not in known:
        raise NotFound(f"there is no view {view!r}; there are {', '.join(sorted(known))}")
    return table(Sheet(("column", "type"), known[view].columns), form)


def ask(
    *,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME [--PARAMETER VALUE]…", help="The query, and values of its parameters."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="Look for queries in this folder first.")
    ] = None,
    at: AtOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Ask a saved query by its name; without a name, list them.

    A saved query is a `.sql` file in the folder `queries` of the home. Its first comment is its help; parameters are
    bound, never pasted. See docs/questions.md.
    """
    from orchestrion.cli.recalling_queries import answered
    from orchestrion.cli.wiring import home_of

    answered(home_of(home), words or (), folder, at, form)


def search(
    *,
    words: Annotated[
        list[str], typer.Argument(metavar="TEXT…", help='Words; "in this order" in quotes; begin* for beginnings.')
    ],
    session: SessionOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, metavar="N", help="At most so many.")] = 20,
    at: AtOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Search requests, messages, tool parameters and results for words, best first.

    Every word must occur; accents and capitals do not matter. The first search of a long log makes the index, the later
    ones take in what is new.
    """
    from orchestrion.cli.searching import searched
    from orchestrion.cli.wiring import home_of

    searched(home_of(home), " ".join(words), session=session, limit=limit, at=at, form=form)


def assert_(
    *,
    checks: Annotated[
        list[str] | None, typer.Argument(metavar="FILE.sql", help="Files, or names of checks that come with this.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter's value; may be repeated.")
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Also write JUnit's XML.")] = None,
    at: AtOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> int:
    """Check the log, for a gate in CI: each file is a question that must have no rows.

    Exit 11 if one has rows, 6 if one cannot be asked. Without files, list the checks that come with this version.
    """
    from orchestrion.cli.checking import checked
    from orchestrion.cli.wiring import home_of

    return checked(home_of(home), checks or (), settings or (), junit=junit, at=at, form=form)


def _query(query: str | None, file: Path | None) -> str:
    """The text of the query from the one place that was named. Raises Refused or NotFound."""
    from orchestrion.domain.errors import NotFound, Refused

    if (query is None) == (file is None):
        raise Refused("say one query: orchestrion sql 'SELECT …', or `-` for standard input, or --file FILE")
    if file is not None:
        if not file.is_file():
            raise NotFound(f"there is no file {file}")
        with file.open("rb") as source:
            data = source.read(MAX_QUERY_BYTES + 1)
    elif query == "-":
        data = sys.stdin.buffer.read(MAX_QUERY_BYTES + 1)
    else:
        return query or ""
    if len(data) > MAX_QUERY_BYTES:
        raise Refused(f"the query is longer than {MAX_QUERY_BYTES} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"the query is no UTF-8 text (byte {error.start})") from error

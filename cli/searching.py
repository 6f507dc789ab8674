"""Searches the log for words, and brings the index up to date before."""

from orchestrion.cli.asking import session_of
from orchestrion.cli.options import Format
from orchestrion.cli.progress import Bar
from orchestrion.cli.show import Sheet, say, table
from orchestrion.cli.wiring import Home, opened_log, stored
from orchestrion.projections.search import MAX_CANDIDATES, SearchIndex
from orchestrion.projections.terms import expression

COLUMNS = ("position", "session", "agent", "kind", "about", "happened_at", "excerpt")
WIDE = ("run", "score")


def searched(home: Home, text: str, *, session: str | None, limit: int, at: int | None, form: Format) -> None:
    """Show what matches `text`, the best first. Raises NotFound, Refused."""
    expression(text)  # refuse before an index is made
    with opened_log(home) as log:
        chosen = None
        if session:
            with stored(log, home) as store:
                chosen = session_of(store, session, at=at)
        with SearchIndex(log, home.projections) as index:
            with Bar("indexing", " events") as bar:
                index.catch_up(bar.show)
            found = index.search(text, limit=limit, session=chosen, at=at)
    columns = COLUMNS if form is Format.table else COLUMNS + WIDE
    rows = [[getattr(hit, name) for name in columns] for hit in found.hits]
    table(Sheet(columns, rows), form, empty="Nothing in the log matches.")
    if found.more:
        say(f"Of more than {MAX_CANDIDATES} places the newest are ranked; the others follow. More words narrow it.")

"""Whole views for other tools: rows as they are fetched, or one Parquet file that DuckDB writes itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from orchestrion.domain.errors import NotFound, Refused
from orchestrion.projections.catalogue import VIEWS
from orchestrion.projections.models import View
from orchestrion.projections.store import Store

FETCHED_ROWS = 2_000


def view_named(name: str) -> View:
    """The public view of that name. Raises NotFound."""
    found = {view.name: view for view in VIEWS}
    if name not in found:
        raise NotFound(f"there is no view {name!r}; there are {', '.join(sorted(found))}")
    return found[name]


def batches(store: Store, view: View, *, session: str | None, at: int | None) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of `view`, some thousand at a time. Raises Refused if it has no sessions and one is asked for."""
    sql, params = _question(view, session)
    with store.cursor(sql, at=at) as cursor:
        cursor.execute(sql, params)
        while rows := cursor.fetchmany(FETCHED_ROWS):
            yield rows


def write_parquet(store: Store, view: View, path: Path, *, session: str | None, at: int | None) -> int:
    """Write the rows of `view` to `path` as one Parquet file; how many. Raises Refused."""
    sql, params = _question(view, session)
    with store.cursor(sql, at=at) as cursor:
        relation = cursor.sql(sql, params=params) if params else cursor.sql(sql)
        relation.write_parquet(str(path), compression="zstd")
        rows = cursor.execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchall()
    return int(rows[0][0])


def _question(view: View, session: str | None) -> tuple[str, list[Any]]:
    """All rows of a view in a steady order: that of its position or time where it has one."""
    columns = {name for name, _ in view.columns}
    if session is not None and "session" not in columns:
        raise Refused(f"the view {view.name} is not by session; export it whole")
    order = next((name for name in ("position", "happened_at", "started_at", "place") if name in columns), None)
    where = "WHERE session = ?" if session is not None else ""
    by = f'ORDER BY "{order}" NULLS FIRST' if order else "ORDER BY ALL"
    return f"SELECT * FROM {view.name} {where} {by}", [session] if session is not None else []  # noqa: S608  our own names

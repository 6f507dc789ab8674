"""Puts rows of the log into the wide table, small batches in as little time as DuckDB needs for them."""

from collections import Counter
from collections.abc import Sequence

import duckdb

from orchestrion.projections.columns import insert_wide
from orchestrion.projections.repair import Row

SMALL_BATCH_EVENTS = 1000
"""Up to here the insert itself tells what it could not read, which spares a waiting reader a millisecond."""

MAX_PREPARED = 32
"""Statements that are kept planned, one for each set of kinds that came in one batch more than once."""

BETWEEN = "\x1f"
"""Parts the values of a column on their way into DuckDB: its lists and JSON cost several times as much. JSON text never
holds it unescaped."""
_HANDED_OVER = (
    "(SELECT "
    + ", ".join(
        f"unnest(string_split(?, chr({ord(BETWEEN)})))::{kind} AS {name}"
        for name, kind in {
            "position": "BIGINT",
            "stream": "VARCHAR",
            "version": "BIGINT",
            "kind": "VARCHAR",
            "recorded_at": "VARCHAR",
            "state": "VARCHAR",
        }.items()
    )
    + ")"
)


class Arrivals:
    """Inserts into `table` of `con`, and plans the frequent inserts once: to plan one takes longer than to run it."""

    def __init__(self, con: duckdb.DuckDBPyConnection, table: str) -> None:
        self._con, self._table = con, table
        self._met: Counter[frozenset[str]] = Counter()
        self._prepared: dict[frozenset[str], str] = {}

    def put(self, rows: Sequence[Row], kinds: frozenset[str], *, forced: bool = False) -> bool:
        """Insert rows of these `kinds`; False if some may not have been read whole. `forced` as in `insert_wide`."""
        columns = _as_columns(rows)
        insert = insert_wide(self._table, _HANDED_OVER, kinds, forced=forced)
        if forced or len(rows) > SMALL_BATCH_EVENTS:
            self._con.execute(insert, columns)
            return forced
        told = f"{insert} RETURNING readable"
        name = None if any("\0" in column for column in columns) else self._planned(kinds, told)
        if name is None:
            return (False,) not in self._con.execute(told, columns).fetchall()
        return (False,) not in self._con.execute(f"EXECUTE {name}({', '.join(map(_literal, columns))})").fetchall()

    def _planned(self, kinds: frozenset[str], statement: str) -> str | None:
        """The name of the planned statement; None where it is rare, or as many are kept as may be."""
        if kinds not in self._prepared and len(self._prepared) < MAX_PREPARED:
            self._met[kinds] += 1
            if self._met[kinds] > 1:
                del self._met[kinds]
                name = f"put_{len(self._prepared)}"
                self._con.execute(f"PREPARE {name} AS {statement}")
                self._prepared[kinds] = name
        return self._prepared.get(kinds)


def _literal(text: str) -> str:
    """A text as EXECUTE takes it, which has no bound values. DuckDB's plain literals escape nothing but the quote."""
    return "'" + text.replace("'", "''") + "'"


def _as_columns(rows: Sequence[Row]) -> list[str]:
    """The rows as six texts, one a column. A name that holds the separator is shown with a stand-in for it."""
    positions, streams, versions, kinds, moments, states = zip(*rows, strict=True)
    names = [[name.replace(BETWEEN, "␟") for name in column] for column in (streams, kinds)]
    columns = (map(str, positions), names[0], map(str, versions), names[1], moments, map(_text, states))
    return [BETWEEN.join(column) for column in columns]


def _text(raw: bytes) -> str:
    """A state as text; one that is no UTF-8, or holds the separator, as the empty text, which nobody takes for JSON."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return ""
    return "" if BETWEEN in text else text

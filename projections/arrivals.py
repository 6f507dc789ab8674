"""Puts rows of the log into the wide table, small batches in as little time as DuckDB needs for them."""

from collections.abc import Sequence

import duckdb

from orchestrion.domain.events import KINDS
from orchestrion.projections.columns import ACTS, OFTEN, insert_wide
from orchestrion.projections.literals import is_literal, literal
from orchestrion.projections.repair import Row
from orchestrion.projections.undoubted import undoubted

SMALL_BATCH_EVENTS = 1000
"""Up to here to plan the insert takes longer than to run it, and the rows are looked at one by one before."""

PLANS = {"put_acts": ACTS, "put_often": OFTEN, "put_any": frozenset(KINDS)}
"""What is planned for which kinds, the least first: the next one takes half as long again."""

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
    """Inserts into `table` of `con`. The inserts of small batches are planned once."""

    def __init__(self, con: duckdb.DuckDBPyConnection, table: str) -> None:
        self._con, self._table = con, table
        self._planned = set[str]()

    def make_ready(self) -> None:
        """Plan the inserts of the kinds that come most."""
        self._plan(ACTS)
        self._plan(OFTEN)

    def put_undoubted(self, rows: Sequence[Row], kinds: frozenset[str]) -> bool:
        """Insert rows of these `kinds` by one statement if there are few and SQL reads each whole, for certain."""
        if len(rows) > SMALL_BATCH_EVENTS or not all(undoubted(row[3], row[5]) for row in rows):
            return False
        columns = _as_columns(rows)
        if not all(map(is_literal, columns)):
            return False
        self._con.execute(f"EXECUTE {self._plan(kinds)}({', '.join(map(literal, columns))})")
        return True

    def put(self, rows: Sequence[Row], kinds: frozenset[str], *, forced: bool = False) -> None:
        """Insert rows of these `kinds`; `forced` as in `insert_wide`."""
        self._con.execute(insert_wide(self._table, _HANDED_OVER, kinds, forced=forced), _as_columns(rows))

    def _plan(self, kinds: frozenset[str]) -> str:
        """The name of a planned statement for rows of these `kinds`: each has no more columns than these may fill."""
        name, planned = next((name, some) for name, some in PLANS.items() if kinds <= some)
        if name not in self._planned:
            statement = insert_wide(self._table, _HANDED_OVER, planned, forced=True)
            self._con.execute(f"PREPARE {name} AS {statement}")
            self._planned.add(name)
        return name


def _as_columns(rows: Sequence[Row]) -> list[str]:
    """The rows as six texts, one a column. A name that holds the separator is shown with a stand-in for it."""
    positions, streams, versions, kinds, moments, states = zip(*rows, strict=True)
    names = [[name.replace(BETWEEN, "␟") for name in column] for column in (streams, kinds)]
    columns = (map(str, positions), names[0], map(str, versions), names[1], moments, map(_text, states))
    return [BETWEEN.join(column) for column in columns]


def _text(raw: bytes) -> str:
    """A state as text; one that is no UTF-8, or holds the separator, as the empty text, which nobody takes for JSON.

    So is one that is no bytes: SQLite keeps what it is given, and another program can write into a file.
    """
    try:
        text = raw.decode()
    except (UnicodeDecodeError, AttributeError):
        return ""
    return "" if BETWEEN in text else text

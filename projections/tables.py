"""Keeps the tables up to date: takes rows in as they come, and makes the rows of touched keys anew.

Nothing is ever added to a row of a keyed model: the rows of every key that a batch touches are deleted and selected
again from all events of that key. So one batch or a thousand give the same tables by construction.
"""

# ruff: noqa: S608 - every name in these statements is one of our own; no text of users or of the log is in them

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from orchestrion.domain.ports import ArrowSource
from orchestrion.domain.prices import PriceTable, shipped_prices
from orchestrion.projections.columns import insert_wide
from orchestrion.projections.layout import (
    add_model_prices,
    create_as_of_base,
    create_as_of_view,
    create_live_views,
    create_tables,
)
from orchestrion.projections.models import Model, kept_models, keyed_models, read_in
from orchestrion.projections.repair import Row, repair

SMALL_BATCH_EVENTS = 1000
"""Up to here the insert itself tells what it could not read, which spares a waiting reader a millisecond."""

STRETCH_POSITIONS = 245_760
"""Two of DuckDB's row groups, one for each thread: about 100 MB on their way into a snapshot."""

REQUESTS = "requests"
"""The keyed model that prices are applied to."""

_BETWEEN = "\x1f"
"""Parts the values of a column on their way into DuckDB: its lists and JSON cost several times as much. JSON text never
holds it unescaped."""
_HANDED_OVER = (
    "(SELECT "
    + ", ".join(
        f"unnest(string_split(?, chr({ord(_BETWEEN)})))::{kind} AS {name}"
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
_ARRIVING = (
    f"(SELECT position, replace(stream::VARCHAR, chr({ord(_BETWEEN)}), '␟') AS stream, version, "
    f"replace(kind::VARCHAR, chr({ord(_BETWEEN)}), '␟') AS kind, "
    "recorded_at::VARCHAR AS recorded_at, state::VARCHAR AS state FROM arriving)"
)
"""A driver that learns types from rows has none for an empty stream."""
_DESCENDANTS = """WITH RECURSIVE kin AS (
    SELECT session FROM {own}.wide WHERE kind = 'session.forked' AND position > {after}
    UNION
    SELECT facts.session FROM live.facts JOIN kin ON facts.parent = kin.session WHERE facts.kind = 'session.forked'
) SELECT session FROM kin"""


class Tables:
    """The tables in schema `own` of `con`, over those of a read-only snapshot in schema `snap` where there is one."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, own: str, snap: str | None = None, prices: PriceTable | None = None
    ) -> None:
        self.con, self.own, self.snap = con, own, snap
        self.prices = prices if prices is not None else shipped_prices()
        self._position: int | None = None
        self._priced: set[str] = set()
        self._priced_upto = 0
        self._looking_back: set[str] | None = None
        """The models of the schema `as_of` that are made; None before anybody looked back."""

    @classmethod
    def create(
        cls,
        con: duckdb.DuckDBPyConnection,
        own: str,
        *,
        snap: str | None = None,
        prices: PriceTable | None = None,
    ) -> "Tables":
        """Empty tables, beginning after the position of `snap`."""
        create_tables(con, own, snap)
        con.execute(f"INSERT INTO {own}.meta " + (f"FROM {snap}.meta" if snap else "VALUES (NULL, NULL, 0, NULL)"))
        tables = cls.resume(con, own, snap=snap, prices=prices)
        for model in keyed_models():
            con.execute(f"INSERT INTO {own}.refreshed VALUES (?, ?)", [model.name, tables.position])
        return tables

    @classmethod
    def resume(
        cls,
        con: duckdb.DuckDBPyConnection,
        own: str,
        *,
        snap: str | None = None,
        prices: PriceTable | None = None,
    ) -> "Tables":
        """Tables that stand already, with views over them."""
        tables = cls(con, own, snap, prices)
        create_live_views(con, own, snap, tables.prices)
        return tables

    def make_as_of(self, sql: str) -> None:
        """Make the views of the schema `as_of` that `sql` reads and nobody asked before: to bind all takes long."""
        if self._looking_back is None:
            create_as_of_base(self.con, self.own, self.snap)
            self._looking_back = set()
        for model in read_in(sql):
            if model.name not in self._looking_back:
                create_as_of_view(self.con, model)
                self._looking_back.add(model.name)

    @property
    def position(self) -> int:
        """The last position taken in."""
        if self._position is None:
            self._position = int(self._one(f"SELECT position FROM {self.own}.meta"))
        return self._position

    def take_rows(self, rows: Sequence[Row]) -> None:
        """Take in rows of `Log.rows`, in one transaction with the new position."""
        if not rows:
            return
        columns = _as_columns(rows)
        kinds = frozenset(row[3] for row in rows)
        with self._transaction():
            insert = insert_wide(f"{self.own}.wide", _HANDED_OVER, kinds)
            if len(rows) > SMALL_BATCH_EVENTS:
                self.con.execute(insert, columns)
                self._look_again(rows[0][0] - 1)
            elif (False,) in self.con.execute(f"{insert} RETURNING readable", columns).fetchall():
                self._look_again(rows[0][0] - 1)
            self._note(rows[-1][0])

    def take_arrow(self, source: ArrowSource) -> None:
        """Take in what `source` holds beyond the position, each stretch in one transaction with its new position."""
        kinds, last = self._survey(source)
        while last is not None and self.position < last:
            upto = min(last, self.position + STRETCH_POSITIONS)
            # A stream is read by one thread; a table of its rows is parsed by all.
            with self._arriving(source.arrow(self.position, upto)):
                self.con.execute(f"CREATE OR REPLACE TEMP TABLE inbox AS FROM {_ARRIVING}")
            with self._transaction():
                self.con.execute(insert_wide(f"{self.own}.wide", "inbox", kinds))
                self._look_again(self.position)
                self._note(upto)
        self.con.execute("DROP TABLE IF EXISTS inbox")

    def _survey(self, source: ArrowSource) -> tuple[frozenset[str], int | None]:
        """Which kinds are to come, and up to where: naming them spares the insert all columns that stay empty."""
        with self._arriving(source.arrow(self.position)):
            rows = self.con.execute("SELECT kind::VARCHAR, max(position) FROM arriving GROUP BY kind").fetchall()
        return frozenset(row[0] for row in rows), max((row[1] for row in rows), default=None)

    @contextmanager
    def _arriving(self, stream: Any) -> Iterator[None]:
        """The stream as a relation of that name."""
        self.con.register("arriving", stream)
        try:
            yield
        finally:
            self.con.unregister("arriving")

    def refresh(self, names: Sequence[str] | None = None) -> None:
        """Make the named keyed models (all, if None) agree with the rows taken in."""
        position = self.position
        if names is not None and not names:
            return
        if names is None or REQUESTS in names:
            self.price_models()
        seen: dict[str, int] = dict(self.con.execute(f"FROM {self.own}.refreshed").fetchall())
        for model in keyed_models():
            if (names is None or model.name in names) and seen[model.name] < position:
                with self._transaction():
                    self._remake(model, seen[model.name])
                    self.con.execute(
                        f"UPDATE {self.own}.refreshed SET position = ? WHERE model = ?", [position, model.name]
                    )

    def price_models(self) -> None:
        """Look up the prices of the models that came up since the last time."""
        if self._priced_upto < (position := self.position):
            rows = self.con.execute(
                "SELECT DISTINCT model FROM live.everything "
                "WHERE kind = 'usage.recorded' AND readable AND model IS NOT NULL AND position > ?",
                [self._priced_upto],
            ).fetchall()
            new = {row[0] for row in rows} - self._priced
            add_model_prices(self.con, self.prices, sorted(new))
            self._priced |= new
            self._priced_upto = position

    def keep(self) -> None:
        """Store the rows of the views that are kept; they are true of this position alone."""
        for model in kept_models():
            self.con.execute(f"CREATE OR REPLACE TABLE {self.own}.kept_{model.name} AS FROM live.{model.name}")

    def _remake(self, model: Model, after: int) -> None:
        table = f"{self.own}.{model.name}"
        if self.snap is None and after == 0:
            self.con.execute(f"INSERT INTO {table} {model.select('live.facts', 'live.forks')}")
            return
        fresh = f"{self.own}.touched_{model.name}"
        new = (
            f'SELECT DISTINCT "{model.key}" FROM {self.own}.wide '
            f"WHERE position > {after} AND readable AND {model.wanted}"
        )
        if self._one(f"SELECT count(*) FROM {self.own}.wide WHERE position > {after} AND kind = 'session.forked'"):
            kin = _DESCENDANTS.format(own=self.own, after=after)
            new += f' UNION SELECT "{model.key}" FROM live.facts WHERE session IN ({kin}) AND {model.wanted}'
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE fresh AS SELECT DISTINCT * FROM ({new}) AS new(key)")
        self.con.execute(f'DELETE FROM {table} WHERE "{model.key}" IN (FROM fresh)')
        self.con.execute(f"INSERT INTO {table} {model.select('live.facts', 'live.forks', only='fresh')}")
        if self.snap is not None:
            self.con.execute(f"INSERT INTO {fresh} SELECT key FROM fresh ANTI JOIN {fresh} USING (key)")

    def _look_again(self, after: int) -> None:
        """Repair what was not read whole."""
        odd = self.con.execute(
            "SELECT position, stream, version, kind, strftime(recorded_at, '%Y-%m-%dT%H:%M:%S.%f'), data "
            f"FROM {self.own}.wide WHERE position > {after} AND NOT readable ORDER BY position"
        ).fetchall()
        if odd:
            self._repair([(*row[:5], (row[5] or "").encode()) for row in odd])

    def _note(self, position: int) -> None:
        """The new position, in the transaction of its rows."""
        self.con.execute(f"UPDATE {self.own}.meta SET position = ?", [position])
        self._position = position

    def _repair(self, odd: list[Row]) -> None:
        done = repair(odd)
        for letter in done.dead:
            self.con.execute(f"INSERT INTO {self.own}.unreadable VALUES (?, ?, ?, ?, ?)", letter)
        if done.readable:
            kinds = frozenset(row[3] for row in done.readable)
            statement = insert_wide(f"{self.own}.wide", _HANDED_OVER, kinds, forced=True)
            self.con.execute(statement, _as_columns(done.readable))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.con.execute("BEGIN")
        try:
            yield
            self.con.execute("COMMIT")
        except BaseException:
            self._position = None
            self.con.execute("ROLLBACK")
            raise

    def _one(self, statement: str) -> Any:
        # All of it: an unfetched rest would own the connection.
        rows = self.con.execute(statement).fetchall()
        return rows[0][0] if rows else None


def _as_columns(rows: Sequence[Row]) -> list[str]:
    """The rows as six texts, one a column. A name that holds the separator is shown with a stand-in for it."""
    positions, streams, versions, kinds, moments, states = zip(*rows, strict=True)
    names = [[name.replace(_BETWEEN, "␟") for name in column] for column in (streams, kinds)]
    columns = (map(str, positions), names[0], map(str, versions), names[1], moments, map(_text, states))
    return [_BETWEEN.join(column) for column in columns]


def _text(raw: bytes) -> str:
    """A state as text; one that is no UTF-8, or holds the separator, as the empty text, which nobody takes for JSON."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return ""
    return "" if _BETWEEN in text else text

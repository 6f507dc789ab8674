"""Keeps the tables up to date: takes rows in as they come, and makes the rows of touched keys anew.

Nothing is ever added to a row of a keyed model: the rows of every key that a batch touches are deleted and selected
again from all events of that key. So one batch or a thousand give the same tables by construction.
"""

# ruff: noqa: S608 - every name in these statements is one of our own; no text of users or of the log is in them

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import duckdb

from orchestrion.domain.events import KINDS
from orchestrion.domain.ports import ArrowSource
from orchestrion.domain.prices import PriceTable, shipped_prices
from orchestrion.projections.arrivals import BETWEEN, Arrivals
from orchestrion.projections.base import FORKED, Base
from orchestrion.projections.columns import insert_wide, quoted
from orchestrion.projections.layout import (
    all_views,
    create_schema,
    create_tables,
    create_view,
    select_forks,
    views_in,
)
from orchestrion.projections.models import kept_models, keyed_models, read_in, reading
from orchestrion.projections.price_tables import PriceTables
from orchestrion.projections.renewal import Renewal
from orchestrion.projections.repair import Row, repair

STRETCH_POSITIONS = 491_520
"""So many events are on their way into a snapshot at once, about 200 MB, for all threads to take from."""

FAR = 5
"""To go back to the first so many'th of a snapshot, it is quicker to read what had happened than what has changed."""

_ARRIVING = (
    f"(SELECT position, replace(stream::VARCHAR, chr({ord(BETWEEN)}), '␟') AS stream, version, "
    f"replace(kind::VARCHAR, chr({ord(BETWEEN)}), '␟') AS kind, "
    "recorded_at::VARCHAR AS recorded_at, state::VARCHAR AS state FROM arriving)"
)
"""A driver that learns types from rows has none for an empty stream."""


class Tables:
    """The tables in schema `own` of `con`, over those of a read-only snapshot in schema `snap` where there is one."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, own: str, snap: str | None = None, prices: PriceTable | None = None
    ) -> None:
        self.con, self.own = con, own
        self.base, self.past = Base("live", own, snap), Base("as_of", own, snap, upto=True)
        self._tail = Base("tail_alone", own)
        self._back: Base | None = None
        self._over_forks: Base | None = None
        self._forked_at: list[int] | None = None
        """Where sessions were forked; None if that must be looked up."""
        self.prices = prices if prices is not None else shipped_prices()
        self._position: int | None = None
        self._made: dict[str, set[str]] = {}
        """Schema to the views of it that are made."""
        self._arrivals = Arrivals(con, f"{own}.wide")
        self.renewal = Renewal(self.base)

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
        tables = cls(con, own, snap, prices)
        create_tables(con, tables.base)
        if snap:
            tables._back = Base("back", own, snap, upto=True, snapped=tables.position)
            tables._over_forks = replace(tables._back, schema="back_over_forks", forked=True)
        names = ", ".join(f"('{model.name}')" for model in keyed_models())
        con.execute(f"INSERT INTO {own}.refreshed SELECT name, {tables.position} FROM (VALUES {names}) AS known(name)")
        tables._begin()
        return tables

    @classmethod
    def resume(cls, con: duckdb.DuckDBPyConnection, own: str, *, prices: PriceTable | None = None) -> "Tables":
        """Tables that stand already, without a snapshot under them."""
        tables = cls(con, own, None, prices)
        tables._begin(touched=tables.position)
        return tables

    def _begin(self, touched: int | None = None) -> None:
        create_schema(self.con, self.base)
        self._priced = PriceTables(self.con, self.base, self.prices)
        self.renewal.begin(self.con, touched)

    def base_of(self, at: int | None) -> Base:
        """What the views are made from that tell how it is (None) or was as of position `at`."""
        if at is None or at >= self.position:
            return self.base
        if self._back is None or self._back.snapped is None or at * FAR < self._back.snapped:
            return self.past
        first, last = sorted((at, self._back.snapped))
        forked = any(first < fork <= last for fork in self._forks())
        return (self._over_forks if forked else self._back) or self.past

    def base_after(self, after: int, *sqls: str) -> Base:
        """What the views are made from that `sqls`, which ask of events after that position alone, read.

        To plan for a snapshot of which nothing is read takes longer than to answer from the tail.
        """
        reads_rows = any(model.key for sql in sqls for model in read_in(sql))
        if self._back is None or self._back.snapped is None or after < self._back.snapped or reads_rows:
            return self.base
        return self._tail

    def _forks(self) -> list[int]:
        if self._forked_at is None:
            forked = self.base.events("position", f"kind = '{FORKED}'")
            self._forked_at = [int(row[0]) for row in self.con.execute(forked).fetchall()]
        return self._forked_at

    def make(self, sql: str | None = None, base: Base | None = None) -> None:
        """Make the views over `base` (how it is, if None) that `sql` reads (all, if None) and nobody asked before."""
        base = base or self.base
        if base.schema not in self._made:
            self._made[base.schema] = set()
            if base is not self.base:
                create_schema(self.con, base)
        made = self._made[base.schema]
        for name in all_views() if sql is None else views_in(sql):
            if name not in made:
                create_view(self.con, base, name)
                made.add(name)
        self._priced.make(sql)

    @property
    def position(self) -> int:
        """The last position taken in."""
        if self._position is None:
            self._position = self.base.position(self.con)
        return self._position

    def make_ready(self) -> None:
        """Plan what small batches need."""
        self._arrivals.make_ready()

    def take_rows(self, rows: Sequence[Row]) -> None:
        """Take in rows of `Log.rows`, in one transaction with the new position."""
        if not rows:
            return
        kinds = frozenset(row[3] for row in rows if row[3] in KINDS)
        self._touch(kinds, rows[-1][0])
        if FORKED not in kinds and self._arrivals.put_undoubted(rows, kinds):
            self._position = rows[-1][0]
            return
        with self._transaction():
            self._arrivals.put(rows, kinds)
            self._look_again(rows[0][0] - 1)
            self._note(rows[-1][0], kinds)

    def take_arrow(self, source: ArrowSource) -> None:
        """Take in what `source` holds beyond the position, each stretch in one transaction with its new position."""
        last = source.head()
        while self.position < last:
            upto = min(last, self.position + STRETCH_POSITIONS)
            # A stream is read by one thread; a table of its rows is parsed by all.
            with self._arriving(source.arrow(self.position, upto)):
                self.con.execute(f"CREATE OR REPLACE TEMP TABLE inbox AS FROM {_ARRIVING}")
            met = self.con.execute("SELECT DISTINCT kind FROM inbox").fetchall()
            kinds = frozenset(kind for (kind,) in met if kind in KINDS)
            self._touch(kinds, upto)
            with self._transaction():
                self.con.execute(insert_wide(f"{self.own}.wide", "inbox", kinds))
                self._look_again(self.position)
                self._note(upto, kinds)
        self.con.execute("DROP TABLE IF EXISTS inbox")

    def _touch(self, kinds: Collection[str], upto: int) -> None:
        """Rows of these `kinds` are about to be taken in up to that position."""
        self.renewal.touch(reading(frozenset(kinds)), upto)
        self._priced.touch(kinds)
        if FORKED in kinds:
            self._forked_at = None

    @contextmanager
    def _arriving(self, stream: Any) -> Iterator[None]:
        """The stream as a relation of that name."""
        self.con.register("arriving", stream)
        try:
            yield
        finally:
            self.con.unregister("arriving")

    def refresh(self, names: Collection[str] | None = None) -> None:
        """Make the named keyed models (all, if None) agree with the rows taken in."""
        with self.renewal.turn:
            for model in keyed_models():
                if names is None or model.name in names:
                    with self._transaction():
                        renewed = self.renewal.renew(self.con, [model.name], self.base.position(self.con))
                    self.renewal.agree(renewed)

    def keep(self) -> None:
        """Store the rows of the views that are kept; they are true of this position alone."""
        for model in kept_models():
            self.make(model.name)
            table, shape = f"{self.own}.kept_{model.name}", self.con.execute(f"DESCRIBE live.{model.name}").fetchall()
            # A row is read to answer one question: to unpack its neighbours with it would take longer than the rest.
            columns = ", ".join(f"{quoted(row[0])} {row[1]} USING COMPRESSION uncompressed" for row in shape)
            self.con.execute(f"CREATE OR REPLACE TABLE {table} ({columns})")
            self.con.execute(f"INSERT INTO {table} FROM live.{model.name}")

    def _look_again(self, after: int) -> None:
        """Repair what was not read whole."""
        odd = self.con.execute(
            "SELECT position, stream, version, kind, strftime(recorded_at, '%Y-%m-%dT%H:%M:%S.%f'), data "
            f"FROM {self.own}.wide WHERE position > {after} AND NOT readable ORDER BY position"
        ).fetchall()
        if odd:
            self._repair([(*row[:5], (row[5] or "").encode()) for row in odd])

    def _note(self, position: int, kinds: Collection[str]) -> None:
        """The new position, and who is forked from whom, in the transaction of the rows."""
        if FORKED in kinds:
            self.con.execute(f"DELETE FROM {self.base.forks}")
            self.con.execute(f"INSERT INTO {self.base.forks} {select_forks(self.base)}")
        self._position = position

    def _repair(self, odd: list[Row]) -> None:
        done = repair(odd)
        for letter in done.dead:
            self.con.execute(f"INSERT INTO {self.own}.unreadable VALUES (?, ?, ?, ?, ?)", letter)
        if done.readable:
            kinds = frozenset(row[3] for row in done.readable)
            self._arrivals.put(done.readable, kinds, forced=True)

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

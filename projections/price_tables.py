"""What tokens cost, as tables that the views read: in memory alone, for no stored table depends on prices."""

# ruff: noqa: S608 - every name in these statements is one of our own; what stands in them of the log is a literal

from collections.abc import Collection, Iterable
from datetime import date
from functools import lru_cache

import duckdb

from orchestrion.domain.prices import PriceTable
from orchestrion.projections.base import Base
from orchestrion.projections.models import MAX_KNOWN_QUESTIONS, read_in

USED = "usage.recorded"
"""The kind of events that name the model which was paid for."""

_PRICE = {
    "place": "INTEGER",
    "model": "VARCHAR",
    "valid_from": "TIMESTAMP",
    "valid_until": "TIMESTAMP",
    **dict.fromkeys(("above_tokens", "input", "output", "cache_read", "cache_write", "cache_write_1h"), "BIGINT"),
    "version": "VARCHAR",
}
_STRETCH = {
    "model": "VARCHAR",
    "since": "TIMESTAMP",
    "until": "TIMESTAMP",
    **dict.fromkeys(
        ("least_tokens", "under_tokens", "input", "output", "cache_read", "cache_write", "cache_write_1h"), "BIGINT"
    ),
}

_LISTED, _PRICED = "price_table", "model_prices"
PRICES = {_LISTED: _PRICE, _PRICED: _STRETCH}
"""The tables that prices stand in, with their columns."""


class PriceTables:
    """The tables `price_table` and `model_prices` in the schema `live`, filled as far as they are asked for."""

    def __init__(self, con: duckdb.DuckDBPyConnection, base: Base, prices: PriceTable) -> None:
        self._con, self._base, self._prices = con, base, prices
        self._listed = False
        self._priced: set[str] = set()
        self._upto = 0
        """The position up to which models are priced."""
        self._touched = True
        """Whether something came since that may name a model."""
        create_price_tables(con)

    def touch(self, kinds: Collection[str]) -> None:
        """Rows of these kinds are about to be taken in."""
        self._touched |= USED in kinds

    def make(self, sql: str | None) -> None:
        """Have the prices that `sql` reads (all, if None)."""
        if not self._listed and (sql is None or _reads(sql, _LISTED)):
            _list(self._con, self._prices)
            self._listed = True
        if self._touched and (sql is None or _reads(sql, _PRICED)):
            self._price_models()

    def _price_models(self) -> None:
        """Look up the prices of the models that came up since the last time."""
        position = self._base.position(self._con)
        where = f"kind = '{USED}' AND model IS NOT NULL AND position > {self._upto}"
        rows = self._con.execute(f"SELECT DISTINCT model FROM ({self._base.events('model', where)})").fetchall()
        new = {row[0] for row in rows} - self._priced
        _add(self._con, self._prices, sorted(new))
        self._priced |= new
        self._upto, self._touched = position, False


@lru_cache(MAX_KNOWN_QUESTIONS)
def _reads(sql: str, table: str) -> bool:
    """Whether `sql` reads that table of prices, itself or through a view."""
    return any(table in text for text in (sql, *(model.sql for model in read_in(sql))))


def create_price_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Empty `live.price_table` and `live.model_prices`, in memory: no stored table depends on prices."""
    for table, shape in PRICES.items():
        columns = ", ".join(f"{name} {kind}" for name, kind in shape.items())
        con.execute(f"CREATE OR REPLACE TABLE live.{table} ({columns})")


def _list(con: duckdb.DuckDBPyConnection, prices: PriceTable) -> None:
    """Write `prices` into `live.price_table`."""
    rows = [
        f"({place}, {_text(p.model)}, {_day(p.since)}, {_day(p.until)}, {p.above}, {p.input}, {p.output}, "
        f"{p.cache_read}, {p.cache_write}, {p.cache_write_1h}, {_text(prices.version)})"
        for place, p in enumerate(prices.prices, 1)
    ]
    if rows:
        con.execute(f"INSERT INTO live.price_table VALUES {', '.join(rows)}")


def _add(con: duckdb.DuckDBPyConnection, prices: PriceTable, models: Iterable[str]) -> None:
    """Write into `live.model_prices` what the tokens of `models` cost; no model twice."""
    rows = [
        f"({_text(model)}, {_day(s.price.since)}, {_day(s.price.until)}, {s.least}, "
        f"{'NULL' if s.under is None else s.under}, {s.price.input}, {s.price.output}, {s.price.cache_read}, "
        f"{s.price.cache_write}, {s.price.cache_write_1h})"
        for model in models
        for s in prices.stretches(model)
    ]
    if rows:
        con.execute(f"INSERT INTO live.model_prices VALUES {', '.join(rows)}")


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _day(day: date | None) -> str:
    return f"DATE '{day.isoformat()}'" if day else "NULL::DATE"

"""The tables and views of one DuckDB: what is stored, what is live, and what is as of a position.

`own` holds the rows taken in here, `snap` (where there is one) those of a read-only snapshot. The schemas `live`,
`as_of` and `back` hold the same view names, each made when first asked; a name within a view means the view beside it.
How it was at a position, `as_of` tells from the events alone, `back` from the snapshot's rows and what lies between.
"""

# ruff: noqa: S608 - every name in these statements is one of our own; no text of users or of the log is in them

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from functools import lru_cache

import duckdb

from orchestrion.domain.prices import PriceTable
from orchestrion.projections.base import FORKED, Base
from orchestrion.projections.columns import NESTED, create_wide, nested, quoted
from orchestrion.projections.models import MAX_KNOWN_QUESTIONS, Model, behind_kept, keyed_models, models, read_in, those

ENGINE = 1
"""Raised when stored tables come to mean something else though no statement changed."""

EVENTS = ("everything", "facts")
"""All events, and the readable ones with their nested fields: views for those who name no columns."""
_EVENTS = re.compile(rf"\b({'|'.join(EVENTS)})\b", re.IGNORECASE)
_CATALOGUE = re.compile(r"\b(show|(information_schema|duckdb|pg|sqlite|pragma)_?\w*)\b", re.IGNORECASE)
_DESCRIBE = re.compile(r"\s*(describe|desc)\b", re.IGNORECASE)


def connect() -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory that keeps its progress bar to itself: where it takes Python for interactive it draws one on
    stdout, into whatever is being written there.
    """
    con = duckdb.connect(":memory:")
    con.execute("SET enable_progress_bar = false")
    return con


def create_tables(con: duckdb.DuckDBPyConnection, base: Base) -> None:
    """Empty tables in the schema `own`, shaped like those of `snap` where there is one, which is quicker."""
    own, snap = base.own, base.snap
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {own}")
    con.execute(create_wide(f"{own}.wide"))
    con.execute(
        f"CREATE TABLE {own}.unreadable (position BIGINT, stream VARCHAR, version BIGINT, kind VARCHAR, reason VARCHAR)"
    )
    con.execute(f"CREATE TABLE {own}.refreshed (model VARCHAR, position BIGINT)")
    con.execute(
        f"CREATE TABLE {base.forks} " + (f"AS FROM {snap}.forks" if snap else "(session VARCHAR, depth BIGINT)")
    )
    for model in keyed_models():
        shape = f"AS FROM {snap}.{model.name} LIMIT 0" if snap else f"({_shape(con, model, base)})"
        con.execute(f"CREATE TABLE {own}.{model.name} {shape}")
        con.execute(f"CREATE TABLE {own}.touched_{model.name} (key VARCHAR, place BIGINT)")


_SHAPES: dict[str, str] = {}
"""Keyed model to its columns, as far as they were asked for: DuckDB plans a whole model to tell them."""


def _shape(con: duckdb.DuckDBPyConnection, model: Model, base: Base) -> str:
    """The columns of a keyed model, as CREATE TABLE takes them."""
    if model.name not in _SHAPES:
        told = con.execute(f"DESCRIBE {model.select(base)}").fetchall()
        _SHAPES[model.name] = ", ".join(f"{quoted(name)} {kind}" for name, kind, *_ in told)
    return _SHAPES[model.name]


def create_schema(con: duckdb.DuckDBPyConnection, base: Base) -> None:
    """The schema of `base` with what its views are made from, and none of them yet: to bind them all takes long."""
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {base.schema}")
    con.execute(f"CREATE OR REPLACE VIEW {base.schema}.unreadable AS {base.rows('unreadable')}")
    if base.upto:
        con.execute(f"CREATE OR REPLACE VIEW {base.forks} AS {select_forks(base)}")
        for table in PRICES:
            con.execute(f"CREATE OR REPLACE VIEW {base.schema}.{table} AS FROM live.{table}")


def create_view(con: duckdb.DuckDBPyConnection, base: Base, name: str) -> None:
    """The model of that name, or one of `EVENTS`, in the schema of `base`; what it reads is there already."""
    model = next((model for model in models() if model.name == name), None)
    if model is None:
        select = base.rows("wide") if name == "everything" else f"SELECT *, {_nested()} FROM everything WHERE readable"
    elif model.key and base.snapped is not None:
        select = _as_it_was(model, base)
    elif model.key and not base.upto:
        select = _kept(model, base)
    else:
        select = model.select(base)
    con.execute(f"CREATE OR REPLACE VIEW {base.schema}.{name} AS {select}")


@lru_cache(MAX_KNOWN_QUESTIONS)
def views_in(sql: str) -> tuple[str, ...]:
    """The views that `sql` may read, each after those that it reads from: all where it asks which there are."""
    read = read_in(sql)
    if _CATALOGUE.search(sql) or (not read and _DESCRIBE.match(sql)):
        return all_views()
    events = EVENTS if _EVENTS.search(sql) else ()
    return (*events, *(model.name for model in read))


def all_views() -> tuple[str, ...]:
    """Every view, each after those that it reads from."""
    return (*EVENTS, *(model.name for model in models()))


@lru_cache(MAX_KNOWN_QUESTIONS)
def priced(sql: str) -> bool:
    """Whether `sql` reads prices, itself or through a view."""
    return any(table in text for table in PRICES for text in (sql, *(model.sql for model in read_in(sql))))


def select_forks(base: Base) -> str:
    """How many forks stand between a session and the one that all began with; sessions of no fork are left out."""
    return _FORKS.format(forked=base.events("session parent", f"kind = '{FORKED}'"))


def create_price_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Empty `live.price_table` and `live.model_prices`, in memory: no stored table depends on prices."""
    for table, shape in PRICES.items():
        columns = ", ".join(f"{name} {kind}" for name, kind in shape.items())
        con.execute(f"CREATE OR REPLACE TABLE live.{table} ({columns})")


@lru_cache(MAX_KNOWN_QUESTIONS)
def lists_prices(sql: str) -> bool:
    """Whether `sql` reads the whole table of prices, not only what some models cost."""
    return any(PRICE_TABLE in text for text in (sql, *(model.sql for model in read_in(sql))))


def fill_price_table(con: duckdb.DuckDBPyConnection, prices: PriceTable) -> None:
    """Write `prices` into `live.price_table`."""
    rows = [
        f"({place}, {_text(p.model)}, {_day(p.since)}, {_day(p.until)}, {p.above}, {p.input}, {p.output}, "
        f"{p.cache_read}, {p.cache_write}, {p.cache_write_1h}, {_text(prices.version)})"
        for place, p in enumerate(prices.prices, 1)
    ]
    if rows:
        con.execute(f"INSERT INTO live.price_table VALUES {', '.join(rows)}")


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

PRICE_TABLE = "price_table"
PRICES = {PRICE_TABLE: _PRICE, "model_prices": _STRETCH}
"""The tables that prices stand in, with their columns."""


def add_model_prices(con: duckdb.DuckDBPyConnection, prices: PriceTable, models: Iterable[str]) -> None:
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


def schema_hash() -> str:
    """What the stored tables depend on, in 16 hex digits: their columns, the models, DuckDB's and our own version."""
    base = Base("live", "own")
    parts = [str(ENGINE), duckdb.__version__, create_wide("wide"), _nested(), _FORKS]
    parts += [f"{model.name}: {model.select(base)}" for model in keyed_models()]
    parts += [f"{model.name}: {model.sql}" for model in behind_kept()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _nested() -> str:
    return ", ".join(map(nested, NESTED))


def _kept(model: Model, base: Base) -> str:
    """The snapshot's rows whose key nothing new has touched, and the rows made anew for the others.

    They are told by their places (`rowid`): to compare keys, all those of the snapshot would be read for each answer.
    """
    mine = f"SELECT * FROM {base.own}.{model.name}"
    if base.snap is None:
        return mine
    return (
        f"SELECT s.* FROM {base.snap}.{model.name} AS s "
        f"ANTI JOIN {base.own}.touched_{model.name} AS t ON s.rowid = t.place UNION ALL {mine}"
    )


def changed(model: Model, base: Base) -> str:
    """The SELECT of the keys that something between the snapshot and the position looked at concerns."""
    every = replace(base, upto=False)
    events = every.events(str(model.key), f"{model.wanted} AND {base.between}")
    keys = f'SELECT DISTINCT "{model.key}" AS key FROM ({events})'
    if not base.forked:
        return keys
    kin = _KIN.format(
        new=every.events("session", f"kind = '{FORKED}' AND {base.between}"),
        forked=every.events("session parent", f"kind = '{FORKED}'"),
    )
    seen = every.events(str(model.key), f"{model.wanted} AND session IN ({kin})")
    return f'{keys} UNION SELECT "{model.key}" FROM ({seen})'


def kept_of_then(model: Model, base: Base, keys: str) -> str:
    """The SELECT of the snapshot's rows of other keys than those in the relation `keys`."""
    return f'SELECT s.* FROM {base.snap}.{model.name} AS s ANTI JOIN {keys} AS c ON s."{model.key}" = c.key'


def _as_it_was(model: Model, base: Base) -> str:
    """The snapshot's rows whose key nothing between has touched, and those of the others made from the events of then.

    A session that was forked between changes whose facts are believed, of each key that it or a descendant saw.
    """
    keys = f"({changed(model, base)})"
    return f"{kept_of_then(model, base, keys)} UNION ALL ({model.select(base, only=those(keys))})"


_KIN = """WITH RECURSIVE kin AS (
    SELECT session FROM ({new})
    UNION
    SELECT forked.session FROM ({forked}) AS forked JOIN kin ON forked.parent = kin.session
) SELECT session FROM kin"""
"""Sessions that were forked, and all that descend from them."""

_FORKS = """WITH RECURSIVE parents AS (
    SELECT session, min(parent) AS parent FROM ({forked}) GROUP BY session
),
depths AS (
    SELECT DISTINCT parent AS session, 0 AS depth FROM parents WHERE parent NOT IN (SELECT session FROM parents)
    UNION ALL
    SELECT parents.session, depths.depth + 1 FROM parents JOIN depths ON parents.parent = depths.session
)
SELECT session, depth FROM depths"""

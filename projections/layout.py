"""The tables and views of one DuckDB: what is stored, what is live, and what is as of a position.

`own` holds the rows taken in here, `snap` (where there is one) those of a read-only snapshot. The schemas `live` and
`as_of` hold the same view names; a name within a view means the view beside it.
"""

# ruff: noqa: S608 - every name in these statements is one of our own; no text of users or of the log is in them

import hashlib
from collections.abc import Iterable
from datetime import date

import duckdb

from orchestrion.domain.prices import PriceTable
from orchestrion.projections.columns import create_wide, nested_columns
from orchestrion.projections.models import Model, behind_kept, keyed_models, models

ENGINE = 1
"""Raised when stored tables come to mean something else though no statement changed."""

UPTO = "upto_position"
"""The variable of a connection that `as_of` looks at."""


def connect() -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory that keeps its progress bar to itself: where it takes Python for interactive it draws one on
    stdout, into whatever is being written there.
    """
    con = duckdb.connect(":memory:")
    con.execute("SET enable_progress_bar = false")
    return con


def create_tables(con: duckdb.DuckDBPyConnection, own: str, snap: str | None) -> None:
    """Empty tables in the schema `own`, shaped like those of `snap` where there is one, which is quicker."""
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {own}")
    con.execute(create_wide(f"{own}.wide"))
    con.execute(
        f"CREATE TABLE {own}.unreadable (position BIGINT, stream VARCHAR, version BIGINT, kind VARCHAR, reason VARCHAR)"
    )
    con.execute(f"CREATE TABLE {own}.meta (identity VARCHAR, schema_hash VARCHAR, position BIGINT, anchor VARCHAR)")
    con.execute(f"CREATE TABLE {own}.refreshed (model VARCHAR, position BIGINT)")
    create_base_views(con, "live", own, snap, upto=False)
    for model in keyed_models():
        select = f"FROM {snap}.{model.name}" if snap else model.select("live.facts", "live.forks")
        con.execute(f"CREATE TABLE {own}.{model.name} AS {select} LIMIT 0")
        con.execute(f"CREATE TABLE {own}.touched_{model.name} (key VARCHAR)")


def create_live_views(con: duckdb.DuckDBPyConnection, own: str, snap: str | None, prices: PriceTable) -> None:
    """Every model as it stands now."""
    create_base_views(con, "live", own, snap, upto=False)
    create_price_tables(con, prices)
    for model in models():
        select = _kept(model, own, snap) if model.key else model.sql
        con.execute(f"CREATE OR REPLACE VIEW live.{model.name} AS {select}")


def create_as_of_base(con: duckdb.DuckDBPyConnection, own: str, snap: str | None) -> None:
    """What every model as of the connection's `UPTO` is made from."""
    create_base_views(con, "as_of", own, snap, upto=True)
    for table in ("price_table", "model_prices"):
        con.execute(f"CREATE OR REPLACE VIEW as_of.{table} AS FROM live.{table}")


def create_as_of_view(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """One model as of the connection's `UPTO`; those that it reads are there already."""
    select = model.select("as_of.facts", "as_of.forks") if model.key else model.sql
    con.execute(f"CREATE OR REPLACE VIEW as_of.{model.name} AS {select}")


def create_base_views(con: duckdb.DuckDBPyConnection, schema: str, own: str, snap: str | None, *, upto: bool) -> None:
    """`everything`, `facts`, `forks` and `unreadable` of one schema."""
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    for name, select in {
        "everything": _both("wide", own, snap, upto),
        "unreadable": _both("unreadable", own, snap, upto),
        "facts": f"SELECT *, {nested_columns()} FROM {schema}.everything WHERE readable",
        "forks": _FORKS.format(facts=f"{schema}.facts"),
    }.items():
        con.execute(f"CREATE OR REPLACE VIEW {schema}.{name} AS {select}")


def create_price_tables(con: duckdb.DuckDBPyConnection, prices: PriceTable) -> None:
    """`live.price_table` and an empty `live.model_prices`, in memory: no stored table depends on prices."""
    columns = ", ".join(f"{name} {kind}" for name, kind in _PRICE.items())
    con.execute(f"CREATE OR REPLACE TABLE live.price_table ({columns})")
    rows = [
        f"({place}, {_text(p.model)}, {_day(p.since)}, {_day(p.until)}, {p.above}, {p.input}, {p.output}, "
        f"{p.cache_read}, {p.cache_write}, {p.cache_write_1h}, {_text(prices.version)})"
        for place, p in enumerate(prices.prices, 1)
    ]
    stretches = ", ".join(f"{name} {kind}" for name, kind in _STRETCH.items())
    con.execute(f"CREATE OR REPLACE TABLE live.model_prices ({stretches})")
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
    parts = [str(ENGINE), duckdb.__version__, create_wide("wide"), nested_columns(), _FORKS]
    parts += [f"{model.name}: {model.select('facts', 'forks')}" for model in keyed_models()]
    parts += [f"{model.name}: {model.sql}" for model in behind_kept()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _both(table: str, own: str, snap: str | None, upto: bool) -> str:
    where = f" WHERE position <= getvariable('{UPTO}')" if upto else ""
    parts = [f"SELECT * FROM {schema}.{table}{where}" for schema in (snap, own) if schema]
    return " UNION ALL ".join(parts)


def _kept(model: Model, own: str, snap: str | None) -> str:
    """The snapshot's rows whose key nothing new has touched, and the rows made anew for the others."""
    mine = f"SELECT * FROM {own}.{model.name}"
    if snap is None:
        return mine
    return (
        f"SELECT s.* FROM {snap}.{model.name} AS s "
        f'ANTI JOIN {own}.touched_{model.name} AS t ON s."{model.key}" = t.key UNION ALL {mine}'
    )


_FORKS = """WITH RECURSIVE parents AS (
    SELECT session, min(parent) AS parent FROM {facts} WHERE kind = 'session.forked' GROUP BY session
),
depths AS (
    SELECT DISTINCT parent AS session, 0 AS depth FROM parents WHERE parent NOT IN (SELECT session FROM parents)
    UNION ALL
    SELECT parents.session, depths.depth + 1 FROM parents JOIN depths ON parents.parent = depths.session
)
SELECT session, depth FROM depths"""
"""How many forks stand between a session and the one that all began with; sessions of no fork are left out."""

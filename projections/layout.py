"""The tables and views of one DuckDB: what is stored, what is live, and what is as of a position.

`own` holds the rows taken in here, `snap` (where there is one) those of a read-only snapshot. The schemas `live`,
`as_of` and `back` hold the same view names, each made when first asked; a name within a view means the view beside it.
How it was at a position, `as_of` tells from the events alone, `back` from the snapshot's rows and what lies between.
"""

# ruff: noqa: S608 - every name in these statements is one of our own; no text of users or of the log is in them

import hashlib
import re
from dataclasses import replace
from functools import lru_cache

import duckdb

from orchestrion.projections.base import FORKED, Base
from orchestrion.projections.columns import NESTED, create_wide, nested, quoted
from orchestrion.projections.models import MAX_KNOWN_QUESTIONS, Model, behind_kept, keyed_models, models, read_in, those
from orchestrion.projections.price_tables import PRICES
from orchestrion.projections.shapes import shapes

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
    """Empty tables in the schema `own`: the events', of each keyed model its rows and which keys hide others."""
    create_event_tables(con, base)
    for model in keyed_models():
        columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in shapes()[model.name].items())
        con.execute(f"CREATE TABLE {base.own}.{model.name} ({columns})")
        con.execute(f"CREATE TABLE {base.own}.touched_{model.name} (key VARCHAR, place BIGINT)")


def create_event_tables(con: duckdb.DuckDBPyConnection, base: Base) -> None:
    """Those of the events, which all models are made from."""
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


def select_forks(base: Base) -> str:
    """How many forks stand between a session and the one that all began with; sessions of no fork are left out."""
    return _FORKS.format(forked=base.events("session parent", f"kind = '{FORKED}'"))


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

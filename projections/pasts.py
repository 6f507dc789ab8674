"""How it was as of a position, made once for whoever asks: temporary tables that stand before the views of their names.

A question of the past may read a model through five views, and DuckDB makes a view anew for each of them: it took five
times the memory that there is for a question. A name within a view means the temporary table of whoever asks, where he
has one, and else the view beside it. For a question that reads little all stays views: of those DuckDB makes no more
than is asked for.
"""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import duckdb

from orchestrion.projections.base import Base
from orchestrion.projections.layout import changed, kept_of_then
from orchestrion.projections.models import Model, keyed_models, models, those

FEW_READS = 2
"""So often may a question read keyed models as views: `tool_calls` reads two."""

_READ = re.compile(r"(?:\b(?:from|join)|,)\s+([a-z_]+)")


@contextmanager
def past_made(con: duckdb.DuckDBPyConnection, base: Base, sql: str) -> Iterator[None]:
    """While the keyed models that `sql` reads, unless it reads few, stand in temporary tables of `con` as they were."""
    times = times_read(sql)
    with ExitStack() as left:
        for model in keyed_models():
            if times[model.name] and times.total() > FEW_READS:
                left.callback(_forget, con, model, base)
                _make(con, model, base)
        yield


def times_read(sql: str) -> Counter[str]:
    """How often each keyed model is read by `sql`, through whichever views. To be wrong costs time or memory alone."""
    found, by_name = Counter[str](), {model.name: model for model in models()}
    for name in _READ.findall(sql.lower()):
        if (model := by_name.get(name)) is not None:
            found += Counter([name]) if model.key else times_read(model.sql)
    return found


def _make(con: duckdb.DuckDBPyConnection, model: Model, base: Base) -> None:
    if base.snapped is None:
        con.execute(f"CREATE TEMP TABLE {model.name} AS {model.select(base)}")
        return
    keys, remade = _beside(model)
    con.execute(f"CREATE TEMP TABLE {keys} AS {changed(model, base)}")
    con.execute(f"CREATE TEMP TABLE {remade} AS {model.select(base, only=those(keys))}")
    con.execute(f"CREATE TEMP VIEW {model.name} AS {kept_of_then(model, base, keys)} UNION ALL FROM {remade}")


def _forget(con: duckdb.DuckDBPyConnection, model: Model, base: Base) -> None:
    con.execute(f"DROP {'TABLE' if base.snapped is None else 'VIEW'} IF EXISTS temp.{model.name}")
    for table in _beside(model):
        con.execute(f"DROP TABLE IF EXISTS temp.{table}")


def _beside(model: Model) -> tuple[str, str]:
    """The tables of keys that something between concerns, and of their rows."""
    return f"changed_{model.name}", f"remade_{model.name}"

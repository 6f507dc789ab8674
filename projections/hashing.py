"""A hash for every table: the same rows give the same hash, in whatever order they stand."""

# ruff: noqa: S608 - the names are those of our own views

import duckdb

from orchestrion.projections.models import models


def table_hashes(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """View to row count and an order-free hash of its rows, for every view of the schema `live`."""
    return {model.name: _hash(con, f"live.{model.name}") for model in models()}


def _hash(con: duckdb.DuckDBPyConnection, view: str) -> str:
    rows = con.execute(
        f"SELECT count(*), coalesce(sum(h::HUGEINT), 0) % 18446744073709551616, coalesce(bit_xor(h), 0) "
        f"FROM (SELECT hash(t) AS h FROM {view} AS t)"
    ).fetchall()
    row = rows[0]
    return f"{row[0]}:{int(row[1]):016x}{int(row[2]):016x}"

"""Proves that the tables are what the log says: the ones at hand against the whole log replayed otherwise."""

from dataclasses import dataclass, field
from pathlib import Path

from orchestrion.domain.ports import Log
from orchestrion.domain.prices import PriceTable
from orchestrion.projections.hashing import table_hashes
from orchestrion.projections.layout import connect
from orchestrion.projections.store import Store
from orchestrion.projections.tables import Tables

BATCH_EVENTS = (7_919, 50_000)
"""Sizes of the two rebuilds' batches, unlike each other and unlike the store's."""


@dataclass(frozen=True, slots=True)
class Proof:
    """`tables` is table to hash as it stands; `differing` says which a rebuild did not give again."""

    ok: bool
    position: int
    tables: dict[str, str]
    differing: tuple[str, ...] = field(default=())


def prove(log: Log, folder: Path) -> Proof:
    """Compare the tables as they stand (snapshot and tail) with two rebuilds from the log in other batch sizes.

    The rebuilds are DuckDB files in `folder`, gone afterwards. Raises LogUnavailable.
    """
    with Store(log, folder) as store:
        position = store.catch_up()
        standing, prices = store.hashes(), store.prices
    rebuilt = [_rebuilt(log, folder, position, size, prices) for size in BATCH_EVENTS]
    differing = tuple(name for name in standing if any(other[name] != standing[name] for other in rebuilt))
    return Proof(not differing, position, standing, differing)


def _rebuilt(log: Log, folder: Path, upto: int, batch: int, prices: PriceTable) -> dict[str, str]:
    """The hashes of a rebuild of the log's first `upto` positions, every batch carried through all tables."""
    path = folder / f".proving-{batch}.duckdb"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    try:
        with connect() as con:
            con.execute(f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS gen")
            path.chmod(0o600)
            tables = Tables.create(con, "gen.own", prices=prices)
            while rows := [r for r in log.rows(after=tables.position, limit=batch) if r[0] <= upto]:
                tables.take_rows(rows)
                tables.refresh()
            tables.make()
            return table_hashes(con)
    finally:
        path.unlink(missing_ok=True)
        path.with_name(path.name + ".wal").unlink(missing_ok=True)

"""Snapshot generations: read-only DuckDB files, each under its own name, published by rename, disposable.

A generation is built in a temporary file by one process at a time, from the newest valid one and what the log holds
beyond it. Readers attach it read-only; whatever is wrong with one moves it aside, and the log builds another.
"""

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestrion.domain.ports import ArrowSource
from orchestrion.projections.layout import connect, schema_hash
from orchestrion.projections.tables import Tables

KEPT_GENERATIONS = 2
KEPT_QUARANTINED = 2
BUILDER_MEMORY_MB = (640, 1280, 2560)
"""What DuckDB may take for a build; the next figure is tried when it runs out. A million events fit into the first."""
BUILDER_THREADS = 2
ROW_GROUP_EVENTS = 40_960
"""A stretch fills row groups of this size whole; what is left over of one would be written again with the next."""

_NAME = re.compile(r"g-(\d+)-([0-9a-f]{16})\.duckdb")

Anchor = Callable[[int], str | None]
"""Position to the fingerprint of the log's row there (see `fingerprint`), None where the log has no such row."""


@dataclass(frozen=True, slots=True)
class Generation:
    """A snapshot file and what its name says."""

    path: Path
    position: int
    schema: str


def generations(folder: Path) -> list[Generation]:
    """What stands in `folder`, the newest first."""
    if not folder.is_dir():
        return []
    found = [
        Generation(path, int(match[1]), match[2]) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))
    ]
    return sorted(found, key=lambda generation: generation.position, reverse=True)


def fingerprint(stream: str, version: int, state: bytes) -> str:
    """What names one row's content: a log that was cut and went on differs here, though not in its identity."""
    return hashlib.sha256(f"{stream}@{version}\n".encode() + state).hexdigest()[:32]


def attach_newest(
    con: duckdb.DuckDBPyConnection, folder: Path, identity: str, anchor: Anchor, problems: list[str]
) -> Generation | None:
    """Attach the newest valid generation as `snap`; those that are not valid are put aside and told in `problems`."""
    for generation in generations(folder):
        try:
            wrong = _attach(con, generation, identity, anchor)
        except FileNotFoundError:
            continue
        if wrong is None:
            return generation
        quarantine(generation.path, wrong, problems)
    return None


def quarantine(path: Path, wrong: str, problems: list[str]) -> None:
    """Move a snapshot aside, keeping the last few for whoever wants to look, and say so."""
    aside = path.with_name(f"bad-{path.name}")
    with suppress(FileNotFoundError):
        path.rename(aside)
        problems.append(f"The snapshot {path.name} {wrong}; it was moved aside and is built again from the log.")
        os.utime(aside)
    spoiled = sorted(path.parent.glob("bad-g-*"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in spoiled[KEPT_QUARANTINED:]:
        old.unlink(missing_ok=True)


def build_snapshot(source: ArrowSource, folder: Path, memory_mb: Sequence[int] = BUILDER_MEMORY_MB) -> int:
    """Build and publish the snapshot of all that `source` holds; its position (0: the log is empty).

    For the builder's own process alone. Waits for a builder that is at work already. Raises DuckDB's
    OutOfMemoryException when the last of `memory_mb` is too little as well.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(folder):
        for limit in memory_mb[:-1]:
            with suppress(duckdb.OutOfMemoryException):  # more may be enough
                return _built(source, folder, limit)
        return _built(source, folder, memory_mb[-1])


def _built(source: ArrowSource, folder: Path, memory_mb: int) -> int:
    """One try within `memory_mb`; nothing is left behind where it fails."""
    with connect() as con:
        con.execute(f"SET memory_limit = '{memory_mb}MB'")
        con.execute(f"SET threads = {BUILDER_THREADS}")
        con.execute("SET temp_directory = ?", [str(folder / "spill")])
        building = folder / f".building-{os.getpid()}.duckdb"
        base = attach_newest(con, folder, source.identity, lambda position: _arrow_anchor(con, source, position), [])
        position = base.position if base else 0
        try:
            if base:
                con.execute("DETACH snap")
                shutil.copyfile(base.path, building)
            last = _fill(con, building, source, fresh=base is None)
            if last > position:
                building.replace(folder / f"g-{last}-{schema_hash()}.duckdb")
        finally:
            building.unlink(missing_ok=True)
            building.with_name(building.name + ".wal").unlink(missing_ok=True)
    for old in generations(folder)[KEPT_GENERATIONS:]:
        old.path.unlink(missing_ok=True)
    return last


def _fill(con: duckdb.DuckDBPyConnection, building: Path, source: ArrowSource, *, fresh: bool) -> int:
    """Take in what `source` holds beyond `building`, bring all tables up to date, and close the file."""
    con.execute(f"ATTACH '{_literal(building)}' AS gen (ROW_GROUP_SIZE {ROW_GROUP_EVENTS})")
    building.chmod(0o600)
    tables = Tables.create(con, "gen.own") if fresh else Tables.resume(con, "gen.own")
    tables.take_arrow(source)
    tables.refresh()
    tables.keep()
    last = tables.position
    rows = con.execute(
        "SELECT stream, version, data FROM gen.own.wide WHERE position = ? ORDER BY readable LIMIT 1", [last]
    ).fetchall()
    mark = fingerprint(rows[0][0], rows[0][1], rows[0][2].encode()) if rows else None
    con.execute(
        "CREATE OR REPLACE TABLE gen.own.meta (identity VARCHAR, schema_hash VARCHAR, position BIGINT, anchor VARCHAR)"
    )
    con.execute("INSERT INTO gen.own.meta VALUES (?, ?, ?, ?)", [source.identity, schema_hash(), last, mark])
    con.execute("CHECKPOINT gen")
    con.execute("DROP SCHEMA live CASCADE")
    con.execute("DETACH gen")
    return last


def _attach(con: duckdb.DuckDBPyConnection, generation: Generation, identity: str, anchor: Anchor) -> str | None:
    """Attach `generation` as `snap`; None if it is valid, else what is wrong with it, and it is detached again.

    Raises FileNotFoundError if it was removed meanwhile.
    """
    if generation.schema != schema_hash():
        return "was made for other tables than this version's"
    if not generation.path.exists():
        raise FileNotFoundError(generation.path)
    try:
        con.execute(f"ATTACH '{_literal(generation.path)}' AS snap (READ_ONLY)")
    except duckdb.Error as error:
        if not generation.path.exists():
            raise FileNotFoundError(generation.path) from error
        return f"cannot be opened ({str(error).splitlines()[0]})"
    wrong = _wrong(con, generation, identity, anchor)
    if wrong:
        con.execute("DETACH snap")
    return wrong


def _wrong(con: duckdb.DuckDBPyConnection, generation: Generation, identity: str, anchor: Anchor) -> str | None:
    try:
        rows = con.execute("SELECT identity, schema_hash, position, anchor FROM snap.own.meta").fetchall()
    except duckdb.Error as error:
        return f"cannot be read ({str(error).splitlines()[0]})"
    row = rows[0] if len(rows) == 1 else (None, None, None, None)
    if row[1:3] != (generation.schema, generation.position):
        return "does not hold what its name says"
    if row[0] != identity:
        return "belongs to another log"
    known = anchor(generation.position)
    if known is None:
        return f"is ahead of the log, which has no position {generation.position}"
    return None if known == row[3] else f"and the log differ at position {generation.position}"


def _arrow_anchor(con: duckdb.DuckDBPyConnection, source: ArrowSource, position: int) -> str | None:
    con.register("anchor_row", source.arrow(position - 1, position))
    try:
        rows = con.execute("SELECT stream, version, state FROM anchor_row").fetchall()
    finally:
        con.unregister("anchor_row")
    return fingerprint(rows[0][0], rows[0][1], rows[0][2].encode()) if rows else None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One builder at a time; what a killed one left is swept away."""
    with os.fdopen(os.open(folder / "build.lock", os.O_WRONLY | os.O_CREAT, 0o600), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob(".building-*"):
            left.unlink(missing_ok=True)
        yield


def _literal(path: Path) -> str:
    return str(path).replace("'", "''")

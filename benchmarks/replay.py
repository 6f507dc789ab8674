"""How fast the log becomes tables: ratios of one interleaved run, medians of the rounds, raw figures beside them.

    python benchmarks/replay.py [--events 1000000] [--rounds 5] [--home FOLDER]

Bars: a replay at least 250 times faster per event than a per-event projection (one prepared INSERT an event into the
same tables, commits batched); the builder at no less than 1/2, a store's tail at no less than 1/3 of the speed of
DuckDB's own read_json of the same events into the same tables; below 1.2 GB; a snapshot opens 40 times faster than a
replay; append to queryable in another process p99 below 15 ms with below 1 % of a core when idle.
"""

import argparse
import itertools
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import orjson

from orchestrion.eventstore import open_log
from orchestrion.projections import Store
from orchestrion.projections.columns import FIELDS, TYPED, quoted
from orchestrion.projections.snapshots import ROW_GROUP_EVENTS
from orchestrion.projections.tables import Tables

SAMPLE_EVENTS = 600
LANDS_IN = {"calls": "call", "messages": "message", "requests": "request_id", "runs": "run", "session_spans": "session"}
KEPT_WITH = {"session_spans": "project"}
"""The second column of each INSERT: any text will do."""
BUILDER = """
import json, resource, sys, time
from pathlib import Path
from orchestrion.eventstore import sqlite_arrow
from orchestrion.projections import build_snapshot
with sqlite_arrow(Path(sys.argv[1])) as source:
    started = time.perf_counter()
    position = build_snapshot(source, Path(sys.argv[2]))
    print(json.dumps([time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))
"""


def main() -> None:
    """Fill a log, run the rounds, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--home", type=Path, help="keep the log here, and use it again if it is large enough")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = given.home or Path(scratch) / "home"
        fill(home, given.events)
        figures = rounds(home, Path(scratch), given.events, given.rounds)
    show(given.events, figures)
    subprocess.run([sys.executable, str(Path(__file__).with_name("follow.py"))], check=True)


def fill(home: Path, events: int) -> None:
    """A log of at least `events` events in `home`."""
    from synthetic import facts

    log = open_log(home)
    try:
        made = itertools.islice(facts(events), log.head(), None)
        while batch := list(itertools.islice(made, 5000)):
            log.observe(batch, clean=True)
    finally:
        log.close()


def rounds(home: Path, scratch: Path, events: int, count: int) -> dict[str, list[float]]:
    """Seconds of each leg, a round at a time so that a busy moment hits all alike; and the builder's peak in bytes."""
    figures: dict[str, list[float]] = {}
    lines = scratch / "events.ndjson"
    log = open_log(home)
    try:
        rows = sample(log, events, lines)
        for number in range(count):
            folder = scratch / f"snapshots-{number}"
            built = subprocess.run(
                [sys.executable, "-c", BUILDER, str(home), str(folder)], check=True, stdout=subprocess.PIPE, text=True
            )
            seconds, peak = json.loads(built.stdout)
            figures.setdefault("builder", []).append(seconds)
            figures.setdefault("builder's peak", []).append(peak)
            for name, leg in {
                "read_json to a file": lambda file=scratch / f"r{number}.duckdb": read_json(lines, file),
                "read_json to memory": lambda: read_json(lines, None),
                "store's tail": lambda: tail(log, scratch / "none"),
                "snapshot opened": lambda folder=folder: opened(log, folder),
            }.items():
                figures.setdefault(name, []).append(timed(leg))
            with duckdb.connect(":memory:") as con:
                Tables.create(con, "own")
                figures.setdefault("per event, sampled", []).append(timed(lambda con=con: per_event(con, rows)))
            shutil.rmtree(folder)
            (scratch / f"r{number}.duckdb").unlink()
    finally:
        log.close()
    return figures


def timed(leg: Callable[[], None]) -> float:
    """Seconds that `leg` takes."""
    started = time.perf_counter()
    leg()
    return time.perf_counter() - started


def sample(log: Any, events: int, lines: Path) -> list[Any]:
    """Write the log as NDJSON for read_json; give back a few rows for the per-event baseline."""
    position, kept = 0, []
    with lines.open("wb") as file:
        while position < events and (rows := log.rows(after=position, limit=20_000)):
            for row in rows:
                place = dict(zip(("position", "stream", "version", "kind", "recorded_at"), row[:5], strict=True))
                file.write(orjson.dumps({**place, "data": row[5].decode(), "state": orjson.Fragment(row[5])}) + b"\n")
            kept += rows[: SAMPLE_EVENTS - len(kept)]
            position = rows[-1][0]
    return kept


def read_json(lines: Path, file: Path | None) -> None:
    """DuckDB's own: read_json straight into a typed struct, into the same tables, all of them brought up to date."""
    with duckdb.connect(":memory:") as con:
        con.execute("SET threads = 2")
        own = "own"
        if file:
            con.execute(f"ATTACH '{file}' AS gen (ROW_GROUP_SIZE {ROW_GROUP_EVENTS})")
            own = "gen.own"
        Tables.create(con, own)
        state = ", ".join(f"{quoted(name)} {kind}" for name, kind in FIELDS.items())
        columns = {"position": "BIGINT", "stream": "VARCHAR", "version": "BIGINT", "kind": "VARCHAR"}
        columns |= {"recorded_at": "TIMESTAMP", "data": "VARCHAR", "state": f"STRUCT({state})"}
        con.execute(
            f"INSERT INTO {own}.wide (position, stream, version, kind, recorded_at, readable, "
            f"{', '.join(map(quoted, TYPED))}, data) SELECT position, stream, version, kind, recorded_at, true, "
            f"{', '.join(f'state.{quoted(name)}' for name in TYPED)}, data "
            f"FROM read_json('{lines}', format = 'newline_delimited', columns = {columns})"
        )
        Tables.resume(con, own).refresh()
        if file:
            con.execute("CHECKPOINT gen")


def tail(log: Any, folder: Path) -> None:
    """A whole replay in a process that has no snapshot."""
    with Store(log, folder) as store:
        store.catch_up()
        store.refresh()


def opened(log: Any, folder: Path) -> None:
    """Opening from a snapshot, with a first answer."""
    with Store(log, folder) as store:
        store.catch_up()
        store.query("SELECT count(*) FROM events")


def per_event(con: duckdb.DuckDBPyConnection, rows: list[Any]) -> None:
    """One prepared INSERT an event into each table that it lands in, a commit every hundred.

    Those are the wide table, its subject's, its run's and its session's: the tables that the builder fills as well.
    """
    for number, (position, stream, version, kind, recorded_at, raw) in enumerate(rows):
        if number % 100 == 0:
            con.execute("BEGIN")
        state = json.loads(raw)
        typed = {name: state[name] for name in state if name in TYPED}
        names = ", ".join(map(quoted, ["position", "stream", "version", "kind", "recorded_at", *typed, "data"]))
        marks = ", ".join("?" * (len(typed) + 6))
        values = [position, stream, version, kind, recorded_at, *typed.values(), raw.decode()]
        con.execute(f"INSERT INTO own.wide ({names}) VALUES ({marks})", values)
        for table, key in LANDS_IN.items():
            if key in state:
                statement = f"INSERT INTO own.{table} ({key}, {KEPT_WITH.get(table, 'session')}) VALUES (?, ?)"
                con.execute(statement, [state[key], state["session"]])
        if number % 100 == 99:
            con.execute("COMMIT")


def show(events: int, figures: dict[str, list[float]]) -> None:
    """The raw figures, then each bar with what was reached."""
    median = {name: statistics.median(values) for name, values in figures.items()}
    for name, values in figures.items():
        shown = [f"{v / 1e6:.0f} MB" if "peak" in name else f"{v:.3f} s" for v in values]
        count = SAMPLE_EVENTS if "sampled" in name else events
        speed = "" if "peak" in name or "opened" in name else f"   {count / median[name]:,.0f} events/s"
        print(f"  {name:22} {'  '.join(shown)}{speed}")
    per_event_seconds = median["per event, sampled"] / SAMPLE_EVENTS
    bars = [
        ("builder / per-event projection", per_event_seconds * events / median["builder"], 250),
        ("builder / read_json", median["read_json to a file"] / median["builder"], 0.5),
        ("store's tail / read_json", median["read_json to memory"] / median["store's tail"], 1 / 3),
        ("snapshot opening / replay", median["store's tail"] / median["snapshot opened"], 40),
        ("1.2 GB / builder's peak", 1.2e9 / median["builder's peak"], 1),
    ]
    print(f"{events:,} events")
    for name, reached, bar in bars:
        print(f"  {name:32} {reached:8.2f}   (bar {bar:.2f}: {'holds' if reached >= bar else 'falls short'})")


if __name__ == "__main__":
    main()

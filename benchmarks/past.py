"""How long it takes to ask how it was: `python benchmarks/past.py [--events N] [--home DIR]`.

The dashboard's log (a million events in 2,000 sessions) with a snapshot; at several positions all sessions are counted
and the runs of the session of then are listed, from the snapshot's rows and what has changed since, and, in turn, from
the events alone. Prints milliseconds (medians of three), their ratio, and each way's peak memory in a process of its
own. Then joins are asked as people ask them, in the locked-down child. `--home` keeps the log for another run.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dashboard import SESSIONS, _peak_megabytes, write

from orchestrion.cli.wiring import builder, home_of
from orchestrion.eventstore import open_log
from orchestrion.projections import Store, ask
from orchestrion.projections.tables import Tables

ROUNDS = 3
SHARES = (0.1, 0.25, 0.5, 0.9, 0.999)
WAYS = ("back", "as_of")
PEOPLE = (
    "SELECT s.source, count(*) FROM tool_calls AS c JOIN sessions AS s USING (session) GROUP BY ALL",
    "SELECT s.source, sum(r.own_input_tokens) FROM agent_runs AS r JOIN sessions AS s USING (session) GROUP BY ALL",
    "SELECT u.model, count(*) FROM usage AS u JOIN sessions AS s USING (session) GROUP BY ALL",
)
_base_of = Tables.base_of


def _take(way: str) -> None:
    """From now on the events alone are asked, or what is quicker."""
    Tables.base_of = _base_of if way == "back" else lambda tables, at: tables.past  # type: ignore[method-assign,assignment]  # noqa: ARG005


def _questions(at: int, total: int) -> tuple[str, ...]:
    session = f"bench-{(at - 1) // (total // SESSIONS):05d}"
    return (
        "SELECT count(*), sum(tool_calls) FROM sessions",
        f"SELECT run, status, tool_calls FROM agent_runs WHERE session = '{session}' ORDER BY run",
    )


def _milliseconds(store: Store, question: str, at: int, way: str) -> tuple[float, list[object]]:
    _take(way)
    began = time.perf_counter()
    rows = list(store.query(question, at=at).rows)
    return (time.perf_counter() - began) * 1000, rows


def compare(home: Path, total: int) -> None:
    """Print what each question takes at each position, both ways in turn; their answers must be the same."""
    place = home_of(home)
    with open_log(home) as log, Store(log, place.projections, build=builder(place)) as store:
        store.catch_up()
        for share in SHARES:
            at = int(total * share)
            for what, question in zip(("all sessions", "runs of one"), _questions(at, total), strict=True):
                spent: dict[str, list[float]] = {way: [] for way in WAYS}
                for _ in range(ROUNDS + 1):  # the first makes the views
                    answers = []
                    for way in WAYS:
                        took, rows = _milliseconds(store, question, at, way)
                        spent[way].append(took)
                        answers.append(rows)
                    assert answers[0] == answers[1], (at, question)
                quick, whole = (statistics.median(spent[way][1:]) for way in WAYS)
                ratio = f"{whole / quick:5.1f} times"
                print(f"at {at:>9,}  {what:12} {quick:7.0f} ms; from the events alone {whole:7.0f} ms, {ratio}")


def people(home: Path, total: int) -> None:
    """Print how long the locked-down child takes for joins of the past, from its start, and its largest size."""
    place = home_of(home)
    with open_log(home) as log:
        for share in SHARES:
            for question in PEOPLE:
                began = time.perf_counter()
                ask(log, place.projections, question, at=int(total * share))
                took = time.perf_counter() - began
                print(f"at {int(total * share):>9,}  {took:5.2f} s  {question}")
    print(f"peak memory of a child: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:,.0f} MB")


def _peak(home: Path, total: int, way: str) -> None:
    """Ask all of it one way in this process, and print its peak memory in MB."""
    place = home_of(home)
    with open_log(home) as log, Store(log, place.projections, build=builder(place)) as store:
        store.catch_up()
        for share in SHARES:
            for question in _questions(at := int(total * share), total):
                _milliseconds(store, question, at, way)
    print(_peak_megabytes(os.getpid()))  # that of getrusage would be inherited from whoever started this


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--peak", choices=WAYS, help="only print the peak memory of one way")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = given.home or Path(scratch)
        write(home, given.events)
        if given.peak:
            _peak(home, given.events, given.peak)
        else:
            compare(home, given.events)
            for way in WAYS:
                command = [sys.executable, __file__, "--events", str(given.events), "--home", str(home), "--peak", way]
                done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
                print(f"peak memory, {way}: {float(done.stdout):,.0f} MB")
            people(home, given.events)


if __name__ == "__main__":
    main()

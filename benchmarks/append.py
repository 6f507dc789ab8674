"""How fast the log takes events, against raw sqlite3 writing the same columns and bytes in the same mode.

`python benchmarks/append.py` prints the ratios of one interleaved run (medians of five) with their raw figures, then
how long it takes until another process sees an append, and what an idle follower costs.
"""

import multiprocessing
import os
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from orchestrion.domain import events as e
from orchestrion.domain.record import Fact
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import SecretRedactor, open_log
from orchestrion.eventstore.door import Door
from orchestrion.eventstore.sqlite_pool import PRAGMAS

ROUNDS = 5
BATCHES_PER_ROUND = 20
SINGLES_PER_ROUND = 60
BATCH = 100
IDLE_SECONDS = 3.0
LATENCIES = 200

TABLE = """
CREATE TABLE stored_events (position INTEGER PRIMARY KEY AUTOINCREMENT, originator_id TEXT NOT NULL,
  originator_version INTEGER NOT NULL, topic TEXT NOT NULL, state BLOB NOT NULL, recorded_at TEXT NOT NULL,
  chain BLOB NOT NULL, UNIQUE (originator_id, originator_version))
"""
COLUMNS = "originator_id, originator_version, topic, state, recorded_at, chain"
INSERT = f"INSERT INTO stored_events ({COLUMNS}) VALUES (?,?,?,?,?,?)"


class Untouched:
    """A redactor that never looks: what the log costs without redaction."""

    def suspects(self, raw: bytes) -> bool:  # noqa: ARG002 - the port's signature
        """Nothing is suspect."""
        return False

    def clean(self, value: object) -> object:
        """As it came."""
        return value


class Facts:
    """Ever new tool calls of the size that transcripts have, in the median: about 400 bytes of JSON."""

    def __init__(self) -> None:
        self.made = 0

    def take(self, count: int) -> list[Fact]:
        """`count` facts that no log has seen."""
        self.made += count
        return [witnessed(self._call(number)) for number in range(self.made - count, self.made)]

    def _call(self, number: int) -> e.ToolCalled:
        command = f"cd project && grep -rn 'def handler_{number}' src | head -50 && git log --oneline -3 -- src/module"
        return e.ToolCalled(
            source="transcript",
            session="0b1e4c8e-4f5e-4f0e-9d2a-6a1f0c9b7a11",
            run="0b1e4c8e-4f5e-4f0e-9d2a-6a1f0c9b7a11/main",
            agent="main",
            call=f"toolu_{number:024d}",
            tool="Bash",
            params={"command": command, "description": "Find the handler and its last changes", "timeout": 120000},
        )


class Raw:
    """The floor: one connection, the same file mode and columns, bytes made beforehand."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL").fetchall()
        for pragma in PRAGMAS:
            self._db.execute(pragma)
        self._db.execute(TABLE)
        self._door = Door(None)

    def prepared(self, facts: list[Fact]) -> list[tuple[object, ...]]:
        """The rows that the log would write."""
        entries = [self._door.entry(fact).stored for fact in facts]
        moment, chain = "2026-01-31T12:00:00.000000Z", os.urandom(32)
        return [(s.originator_id, s.originator_version, s.topic, s.state, moment, chain) for s in entries]

    def write(self, rows: list[tuple[object, ...]]) -> None:
        """One transaction."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(INSERT, rows)
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def appends(folder: Path) -> None:
    """The bars: batches of a hundred, and single events."""
    facts = Facts()
    redactor = SecretRedactor(b"k" * 32, os.environ)
    raw = Raw(folder / "raw.db")
    with open_log(folder / "bare", redactor=Untouched()) as bare, open_log(folder / "full", redactor=redactor) as full:
        for size, repeats, bar in ((BATCH, BATCHES_PER_ROUND, 0.4), (1, SINGLES_PER_ROUND, 0.25)):
            times: dict[str, list[float]] = {"raw sqlite3": [], "log": [], "log with redaction": []}
            for _ in range(ROUNDS):
                taken = dict.fromkeys(times, 0.0)
                for _ in range(repeats):  # interleaved one by one: a slow moment of the disk meets all three
                    rows = raw.prepared(facts.take(size))
                    first, second = facts.take(size), facts.take(size)
                    taken["raw sqlite3"] += seconds(lambda rows=rows: raw.write(rows))
                    taken["log"] += seconds(lambda first=first: bare.observe(first))
                    taken["log with redaction"] += seconds(lambda second=second: full.observe(second))
                for name, total in taken.items():
                    times[name].append(total / repeats / size * 1e6)
            told(f"{size} event{'s' if size > 1 else ''} a transaction", times, bar)
    raw.close()


def told(title: str, times: dict[str, list[float]], bar: float) -> None:
    """Print the raw figures and the ratios of the medians."""
    floor = statistics.median(times["raw sqlite3"])
    print(f"\n{title}: microseconds an event, median of {ROUNDS} rounds")
    for name, values in times.items():
        median = statistics.median(values)
        rounds = " ".join(f"{value:.1f}" for value in values)
        against = "" if name == "raw sqlite3" else f"   {floor / median:.2f} of raw"
        goal = f" (bar {bar}: {'met' if floor / median >= bar else 'MISSED'})" if name == "log" else ""
        print(f"  {name:20} {median:8.1f}   [{rounds}]{against}{goal}")


def _follow(home: str, count: int, seen: "multiprocessing.Queue[tuple[int, float]]") -> None:
    with open_log(Path(home)) as log:
        position = log.head()
        seen.put((-1, 0.0))
        while position < count:
            log.wait(position, 5)
            rows = log.rows(after=position, limit=100)
            now = time.monotonic()
            for row in rows:
                seen.put((row[0], now))
                position = row[0]


def latency(folder: Path) -> None:
    """From the return of an append to the row in the hands of another process."""
    context = multiprocessing.get_context("spawn")
    seen: multiprocessing.Queue[tuple[int, float]] = context.Queue()
    facts = Facts()
    with open_log(folder / "follow") as log:
        follower = context.Process(target=_follow, args=(str(folder / "follow"), LATENCIES, seen))
        follower.start()
        seen.get(timeout=60)
        waits = []
        for _ in range(LATENCIES):
            log.observe(facts.take(1))
            acknowledged = time.monotonic()
            _, arrived = seen.get(timeout=60)
            waits.append((arrived - acknowledged) * 1000)
            time.sleep(0.005)
        follower.join()
    waits.sort()
    print(f"\nappend acknowledged to row read in another process, {LATENCIES} times: milliseconds")
    print(f"  p50 {waits[len(waits) // 2]:.2f}   p99 {waits[int(len(waits) * 0.99)]:.2f}   max {waits[-1]:.2f}")


def idle(folder: Path) -> None:
    """What waiting costs when nothing happens."""
    with open_log(folder / "idle") as log:
        log.wait(0, 0.1)
        before = resource.getrusage(resource.RUSAGE_SELF)
        log.wait(0, IDLE_SECONDS)
        after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"\nan idle follower: {used / IDLE_SECONDS * 100:.2f} % of a core over {IDLE_SECONDS:.0f} s")


def main() -> None:
    """Everything, in a folder of its own beside the given one (default: the system's temporary folder)."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = Path(name)
        appends(folder)
        latency(folder)
        idle(folder)


if __name__ == "__main__":
    main()

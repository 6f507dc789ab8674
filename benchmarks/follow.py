"""From an append in one process to a row that another can query: latency, and what waiting costs.

    python benchmarks/follow.py [--appends 200] [--idle 5]

Bars: p99 below 15 ms, below 1 % of a core when idle.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from orchestrion.eventstore import open_log
from orchestrion.projections import Store

APPENDER = """
import sys, time
from pathlib import Path
from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log
log = open_log(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    time.sleep(0.03)
    log.observe([witnessed(e.ToolCalled(source="hook", session="s", run="s/main", call=f"c{number}", tool="Read"))])
    print(number, time.monotonic_ns(), flush=True)
"""


def main() -> None:
    """Follow another process's appends, then follow nothing for a while."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--appends", type=int, default=200)
    parser.add_argument("--idle", type=float, default=5.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        log = open_log(home)
        try:
            with Store(log, home / "projections") as store:
                delays = follow(store, home, given.appends)
                started, spent = time.monotonic(), time.process_time()
                while time.monotonic() - started < given.idle:
                    store.follow(given.idle)
                idle = (time.process_time() - spent) / (time.monotonic() - started)
        finally:
            log.close()
    ordered = sorted(delays)
    p99 = ordered[int(len(ordered) * 0.99) - 1]
    print(f"append to queryable: p50 {statistics.median(ordered):.1f} ms, p99 {p99:.1f} ms, max {ordered[-1]:.1f} ms")
    print(f"  p99 below 15 ms: {'holds' if p99 < 15 else 'falls short'}")
    print(f"idle: {idle:.2%} of a core   below 1 %: {'holds' if idle < 0.01 else 'falls short'}")


def follow(store: Store, home: Path, appends: int) -> list[float]:
    """Milliseconds from each acknowledged append until its row is in the answer to a query."""
    store.catch_up()
    seen: dict[int, int] = {}
    with subprocess.Popen(
        [sys.executable, "-c", APPENDER, str(home), str(appends)], stdout=subprocess.PIPE, text=True
    ) as appender:
        while len(seen) < appends:
            if store.follow(1.0):
                count = store.query("SELECT count(*) FROM events").rows[0][0]
                now = time.monotonic_ns()
                seen |= dict.fromkeys(range(len(seen), count), now)
        assert appender.stdout is not None
        told = dict(map(int, line.split()) for line in appender.stdout)
    return [max(0.0, (seen[number] - when) / 1e6) for number, when in told.items()]


if __name__ == "__main__":
    main()

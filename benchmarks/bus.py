"""From a send to its delivery: in another process and in the same one.

    python benchmarks/bus.py [--messages 300]

Bars: p99 below 15 ms in another process; no more than three single appends in the same one.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from orchestrion.agents import membership
from orchestrion.agents.post import Letter, Post
from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import SQLiteLog, open_log

GAP_SECONDS = 0.02
TIP = Letter("optimization_tip", {"tip": "cache it"})
TAKER = """
import sys, time
from pathlib import Path
from orchestrion.agents.post import Post
from orchestrion.eventstore import open_log
with open_log(Path(sys.argv[1])) as log:
    post = Post(log, sys.argv[2])
    print("ready", flush=True)
    left = int(sys.argv[4])
    while left:
        for message in post.receive(sys.argv[3], 60):
            print(message.message, time.monotonic_ns(), flush=True)
            left -= 1
"""


def main() -> None:
    """Print both figures and their bars."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=300)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, open_log(Path(scratch)) as log:
        session = membership.begin_session(log, "benchmark")
        sender, taker = (membership.register(log, session, name, []) for name in ("sender", "taker"))
        post = Post(log, session)
        delays = across(post, Path(scratch), sender, taker, given.messages)
        talks, appends = within(log, post, sender, taker, given.messages)
    print(f"one append by itself:                      {_figures(appends)}")
    print(f"send to delivered in another process:      {_figures(delays)} (bar: p99 < 15 ms)")
    ratio = statistics.median(talks) / statistics.median(appends)
    print(f"send to delivered in the same process:     {_figures(talks)}: {ratio:.2f} single appends (bar: 3)")


def _figures(milliseconds: list[float]) -> str:
    p99 = sorted(milliseconds)[int(len(milliseconds) * 0.99)]
    return f"median {statistics.median(milliseconds):5.1f} ms, p99 {p99:5.1f} ms"


def across(post: Post, home: Path, sender: str, taker: str, messages: int) -> list[float]:
    """Milliseconds from the call of `send` here to the delivery's commit in the taker's process, for each message."""
    command = [sys.executable, "-c", TAKER, str(home), post.session, taker, str(messages)]
    begun: dict[str, int] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for _ in range(messages):
            time.sleep(GAP_SECONDS)
            now = time.monotonic_ns()
            begun[post.send(sender, taker, TIP).message] = now
        got = dict(line.split() for line in process.stdout)
    return [(int(got[name]) - at) / 1e6 for name, at in begun.items()]


def within(log: SQLiteLog, post: Post, sender: str, taker: str, messages: int) -> tuple[list[float], list[float]]:
    """Milliseconds of sending and taking one message, and of one single append, in turn."""
    talks, appends = [], []
    for number in range(messages):
        began = time.perf_counter()
        post.send(sender, taker, TIP)
        taken = post.take(taker)
        talks.append((time.perf_counter() - began) * 1000)
        if len(taken) != 1:
            raise RuntimeError(f"{len(taken)} messages were delivered where one was sent")
        call = e.ToolCalled(source="hook", session="s", run="s/main", call=f"c{number}", tool="Read")
        began = time.perf_counter()
        log.observe([witnessed(call)])
        appends.append((time.perf_counter() - began) * 1000)
    return talks, appends


if __name__ == "__main__":
    main()

"""How quick the dashboard is on a log of a million events in 2,000 sessions, while another process appends.

`python benchmarks/dashboard.py [--events N] [--home DIR]` prints each bar with what was measured. `--home` keeps the
log, so that a second run need not write it again; each run adds three thousand events to its last session. Where the
dashboard is drawn, it is drawn on a real pseudo-terminal (first screen, idle cost, memory) or through Textual's
headless driver (switching, keys, appends), on 120 × 40 cells.

Screens are looked at once the others are made ahead; how long after the first that is, is printed.

The first screen is a second start's: Python has compiled its modules, as it has wherever a program was started before.
"""

import argparse
import asyncio
import math
import os
import pty
import resource
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from fcntl import ioctl
from pathlib import Path

from textual import events

from orchestrion.cli.dashboard import FRAMES, feed_of, settled
from orchestrion.cli.wiring import builder, home_of
from orchestrion.domain import events as e
from orchestrion.domain.record import Fact
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log
from orchestrion.projections import Store
from orchestrion.tui.app import Dashboard
from orchestrion.tui.asking import Answers
from orchestrion.tui.widgets.grid import Grid

SESSIONS = 2_000
BATCH = 5_000
COLUMNS, LINES = 120, 40
APPENDS = 1_000
AGAIN = 5
"""Rounds of switching after each screen was looked at once."""
APPENDS_PER_SECOND = 200
ELSEWHERE = {"sessions": "1", "messages": "3", "handoffs": "4", "tools": "5", "patterns": "6"}
"""The other screens, by key. What they sum up of all sessions, or of all of one, has no bar."""
APPENDS_ELSEWHERE = 400
STARTS = 5
IDLE_SECONDS = 10.0
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
AGENTS = ("lead", "security-auditor", "backend-api-developer", "test-suite-developer")
TOOLS = ("Read", "Edit", "Bash", "Grep", "Write")


def facts(total: int) -> Iterator[Fact]:
    """`total` events in as many sessions as there are to be, each like a small team's."""
    each = total // SESSIONS
    for number in range(SESSIONS):
        yield from _session(number, each)


def _session(number: int, count: int) -> Iterator[Fact]:
    session, moment = f"bench-{number:05d}", BEGAN + timedelta(minutes=number)
    runs = {agent: f"{session}/{agent}" for agent in AGENTS}
    begun: list[e.Event] = [
        e.SessionStarted(
            source="transcript", happened_at=moment, session=session, product="bench", request=f"Task {number}"
        ),
        *(
            e.AgentStarted(
                source="transcript", happened_at=moment, session=session, run=run, agent=agent, task=f"part {number}",
                parent_run=None if agent == "lead" else runs["lead"],
            )
            for agent, run in runs.items()
        ),
    ]  # fmt: skip
    for index in range(count):
        event = begun[index] if index < len(begun) else _act(session, runs, index, moment)
        yield witnessed(event)


def _act(session: str, runs: dict[str, str], index: int, began: datetime) -> e.Event:
    """The `index`-th event of a session: mostly calls and returns, some messages, some usage."""
    agent = AGENTS[(index // 10) % len(AGENTS)]
    who = {"session": session, "run": runs[agent], "happened_at": began + timedelta(seconds=index)}
    turn = index % 10
    call = f"{session}-{index - turn % 2}"
    if turn == 8:
        return e.MessageSent(
            source="transcript", agent=agent, message=f"m-{session}-{index}", sender=agent, recipient=AGENTS[index % 4],
            type="progress_update", payload={"progress": f"step {index} of the work is done, on to the next"}, **who,
        )  # fmt: skip
    if turn == 9:
        return e.UsageRecorded(
            source="transcript", request_id=f"u-{session}-{index}", input_tokens=900, output_tokens=90, **who
        )
    if turn % 2 == 0:
        params = {"file_path": f"src/module_{index % 40}.py", "command": f"pytest -q tests/test_{index % 40}.py"}
        return e.ToolCalled(
            source="transcript", agent=agent, call=call, tool=TOOLS[index % 5 - 1], params=params, **who
        )
    status: e.CallStatus = "error" if index % 41 == 0 else "ok"
    return e.ToolReturned(
        source="transcript", call=call, status=status, result="done " * 10, duration_ms=index % 900, **who
    )


def write(home: Path, total: int) -> None:
    """Make the log, unless it is there."""
    if (home / "log.db").exists():
        return
    log = open_log(home)
    try:
        batch: list[Fact] = []
        for fact in facts(total):
            batch.append(fact)
            if len(batch) == BATCH:
                log.observe(batch, clean=True)
                batch.clear()
        log.observe(batch, clean=True)
    finally:
        log.close()


# On a real terminal


def first_screen(home: Path) -> tuple[float, float, float]:
    """Median seconds from the command to drawn rows; then the share of a core when idle, and peak megabytes."""
    with tempfile.TemporaryDirectory() as compiled:
        with _watching(home, compiled) as (_, terminal):
            _until(terminal, b"bench")
        seconds = []
        for _ in range(STARTS):
            began = time.monotonic()
            with _watching(home, compiled) as (process, terminal):
                _until(terminal, b"bench")
                seconds.append(time.monotonic() - began)
                if len(seconds) == STARTS:
                    _drain(terminal, 3.0)
                    before = _processor_seconds(process.pid)
                    _drain(terminal, IDLE_SECONDS)
                    share = (_processor_seconds(process.pid) - before) / IDLE_SECONDS
                    return statistics.median(seconds), share, _peak_megabytes(process.pid)
    raise AssertionError("the last start returns")


@contextmanager
def _watching(home: Path, compiled: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The shipped command on a terminal of its own; Python keeps what it compiles in the folder `compiled`."""
    terminal, child = pty.openpty()
    ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    environ = {**os.environ, "TERM": "xterm-256color", "PYTHONPYCACHEPREFIX": compiled}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-P", "-m", "orchestrion.cli.main", "watch", "--home", str(home)]
    process = subprocess.Popen(command, stdin=child, stdout=child, stderr=child, env=environ, start_new_session=True)
    os.close(child)
    try:
        yield process, terminal
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(terminal)


def _until(terminal: int, wanted: bytes) -> None:
    seen = b""
    while wanted not in seen:
        if not select.select([terminal], [], [], 60)[0]:
            raise TimeoutError(f"{wanted!r} was not drawn within a minute")
        seen += os.read(terminal, 65536)


def _drain(terminal: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            os.read(terminal, 65536)


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_megabytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


# Under load


def append(home: Path, count: int, every: float) -> None:
    """In another process: append what agents do to the newest session at a steady pace, each with the time of its
    append: calls and their returns, now and then a message and what was used, all as a session of `facts` has them.
    """
    log = open_log(home)
    session, first = f"bench-{SESSIONS - 1:05d}", log.head()
    runs = {agent: f"{session}/{agent}" for agent in AGENTS}
    due = time.monotonic()
    try:
        for number in range(count):
            time.sleep(max(0.0, due - time.monotonic()))
            due += every
            index = 10 * first + number  # no such index was there before
            event = _act(session, runs, index, datetime.now(UTC) - timedelta(seconds=index))
            log.observe([witnessed(event)])
    finally:
        log.close()


async def under_load(home: Path) -> dict[str, list[float]]:
    """Milliseconds: switching screens at rest; append to changed cells, and keys to reaction, while events come."""
    place = home_of(home)
    found: dict[str, list[float]] = {"ahead": [], "look": [], "switch": [], "cells": [], "key": []}
    log = open_log(home)
    with Store(log, place.projections, build=builder(place)) as store:
        store.catch_up()
        ready = asyncio.Event()

        def at_rest() -> None:
            settled()
            ready.set()

        app = Dashboard(feed_of(log, store, place), session=f"bench-{SESSIONS - 1:05d}", on_settled=at_rest)
        async with app.run_test(size=(COLUMNS, LINES)):
            waiter = _Waiter(app)
            await waiter.next()
            began = time.monotonic()
            await ready.wait()
            found["ahead"].append(time.monotonic() - began)
            for kind in ("look", *["switch"] * AGAIN):
                for key in "34562":
                    found[kind].append(await _switched(app, waiter, key))
            app.screen.query_one("#tree", Grid).focus()  # once: to give focus draws the whole list
            seen, process = _Seen(log, waiter), _appending(home, APPENDS)
            while process.poll() is None:
                await asyncio.sleep(0.25)
                found["key"].append(await _reaction(app))
            await asyncio.sleep(0.5)
            found["cells"] = seen.latencies()
            for name, key in ELSEWHERE.items():
                await _switched(app, waiter, key)
                seen, process = _Seen(log, waiter), _appending(home, APPENDS_ELSEWHERE)
                while process.poll() is None:
                    await asyncio.sleep(0.1)
                await asyncio.sleep(2.0)
                found[name] = seen.latencies()
    log.close()
    return found


def _appending(home: Path, count: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, __file__, "--append", str(count), "--home", str(home)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL)


async def _switched(app: Dashboard, waiter: "_Waiter", key: str) -> float:
    """Milliseconds from a key to the drawn answer of the screen it goes to."""
    before, began = app.screen, time.monotonic()
    app.post_message(events.Key(key, key))
    while app.screen is before or not any(grid.answered for grid in app.screen.query(Grid)):
        await asyncio.sleep(0.001)
    await waiter.of(app.screen)
    await _painted(app)
    return (time.monotonic() - began) * 1000


async def _painted(app: Dashboard) -> None:
    """Until what was changed is drawn on the terminal."""
    painted = asyncio.Event()
    app.screen.call_after_refresh(painted.set)
    await painted.wait()


async def _reaction(app: Dashboard) -> float:
    """Milliseconds from a key to the cursor's being drawn elsewhere."""
    grid, began = app.screen.query_one("#tree", Grid), time.monotonic()
    row = grid.row
    app.post_message(events.Key("down" if row == 0 else "up", None))
    while grid.row == row:
        await asyncio.sleep(0.001)
    await _painted(app)
    return (time.monotonic() - began) * 1000


class _Waiter:
    """Tells when a screen has drawn an answer."""

    def __init__(self, app: Dashboard) -> None:
        self.drawn = asyncio.Event()
        self.app = app
        self.listeners = [lambda _: self.drawn.set()]
        app.on_drawn = lambda answers: [listener(answers) for listener in self.listeners]  # type: ignore[assignment,func-returns-value]

    async def next(self) -> None:
        self.drawn.clear()
        await asyncio.wait_for(self.drawn.wait(), 60)

    async def of(self, screen: object) -> None:
        """Until it has drawn an answer, or knows that it shows all there is already."""
        self.drawn.clear()
        while not self.drawn.is_set() and not screen.at_rest:  # type: ignore[attr-defined]
            await asyncio.sleep(0.001)


class _Seen:
    """When each position was first part of what was drawn."""

    def __init__(self, log: object, waiter: _Waiter) -> None:
        self.log, self.first, self.times = log, log.head(), []  # type: ignore[attr-defined,var-annotated]
        waiter.listeners.append(self._note)

    def _note(self, answers: Answers) -> None:
        self.times.append((answers.seen, time.time()))

    def latencies(self) -> list[float]:
        """Milliseconds from each append to the first answer drawn that holds it: a slow one may hold less, later."""
        firsts: list[tuple[int, float]] = []
        for seen, drawn in sorted(self.times, reverse=True):
            firsts.append((seen, min(drawn, firsts[-1][1] if firsts else drawn)))
        firsts.reverse()
        found = []
        for record in self.log.read(after=self.first):  # type: ignore[attr-defined]
            index = bisect_left(firsts, (record.position, 0.0))
            if index < len(firsts):
                found.append((firsts[index][1] - record.recorded_at.timestamp()) * 1000)
        return found


def _p(values: list[float], share: float) -> float:
    """The value that so large a share does not exceed (nearest rank)."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--append", type=int, help="only append so many events to the log of --home")
    given = parser.parse_args()
    if given.append:
        append(given.home, given.append, 1 / APPENDS_PER_SECOND)
        return
    if FRAMES[0] not in os.environ:  # Textual reads it when it is loaded, which `watch` does later
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, FRAMES[0]: FRAMES[1]})  # noqa: S606 - itself
    with tempfile.TemporaryDirectory() as scratch:
        home = given.home or Path(scratch)
        write(home, given.events)
        place = home_of(home)
        began = time.monotonic()
        builder(place)()
        print(f"log of {given.events:,} events; snapshot built in {time.monotonic() - began:.1f} s")
        seconds, share, megabytes = first_screen(home)
        found = asyncio.run(under_load(home))
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for what, figure, bar in (
        ("first screen, command to rows (s)", seconds, 1.5),
        ("idle, share of a core (%)", share * 100, 2),
        ("peak memory, watching (MB)", megabytes, 400),
        ("first look at a screen, p95 (ms)", _p(found["look"], 0.95), 200),
        ("switching screens, p95 (ms)", _p(found["switch"], 0.95), 200),
        (f"append to cells at {APPENDS_PER_SECOND}/s, p50 (ms)", _p(found["cells"], 0.5), 100),
        (f"append to cells at {APPENDS_PER_SECOND}/s, p99 (ms)", _p(found["cells"], 0.99), 100),
        ("key to reaction under that load, p95 (ms)", _p(found["key"], 0.95), 50),
    ):
        print(f"{what:48} {figure:10.2f}  bar {bar:>6}  {'ok' if figure < bar else 'MISSED'}")
    told = ", ".join(f"{name} {_p(found[name], 0.5):.0f} and {_p(found[name], 0.99):.0f}" for name in ELSEWHERE)
    print(f"(append to cells of the other screens under that load, p50 and p99 in ms: {told})")
    print(f"(the other screens were made within {found['ahead'][0]:.2f} s after the first)")
    print(f"(this process, which also drove the keys, peaked at {own:.0f} MB)")


if __name__ == "__main__":
    main()

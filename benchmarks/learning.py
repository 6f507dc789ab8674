"""Prints how quickly learnings are answered on a log of a million tool calls; see docs/learning.md.

How honest they are prints `orchestrion bench learning`.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

from orchestrion.projections import Store, build_snapshot
from orchestrion.projections.learning import Task, query_learnings
from orchestrion.projections.learning.kept import KEPT_RUNS

RUNS, CALLS, AGENTS = 50_000, 20, 25
"""A million calls, two thousand runs an agent."""
BUILDER_MEMORY_MB = 2_000
BAR = 10
PROCESSES = 7


class Million:
    """An Arrow source of a log with a million calls, made by DuckDB; and the log's last row for the reader."""

    identity = "benchmark"

    def __init__(self) -> None:
        self.more: list[Any] = []
        self._con = duckdb.connect()
        self._con.execute(f"CREATE TABLE log AS {_million()}")
        self._last = int(self._con.execute("SELECT max(position) FROM log").fetchall()[0][0])

    def arrow(self, after: int, upto: int | None = None) -> Any:
        """As `ports.ArrowSource` has it."""
        until = "" if upto is None else f" AND position <= {upto}"
        con = self._con.cursor()

        class Rows:
            def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
                return con.sql(f"FROM log WHERE position > {after}{until} ORDER BY position").__arrow_c_stream__()

        return Rows()

    def head(self) -> int:
        """As `ports.Log` has it."""
        return self._last + len(self.more)

    def rows(self, *, after: int, limit: int) -> list[Any]:
        """Likewise."""
        found = self._con.execute(f"FROM log WHERE position > {after} ORDER BY position LIMIT {limit}").fetchall()
        return [(*row[:5], row[5].encode()) for row in found] + [row for row in self.more if row[0] > after]


def _million() -> str:
    def event(kind: str, version: int, stream: str, place: str, second: str, **fields: str) -> str:
        told = ", ".join(f"{name} := {value}" for name, value in fields.items())
        moment = f"strftime(TIMESTAMP '2026-01-01' + INTERVAL ({second}) SECOND, '%Y-%m-%dT%H:%M:%SZ')"
        return (
            f"SELECT ({place})::BIGINT AS position, {stream} AS stream, {version}::BIGINT AS version, "
            f"'{kind}' AS kind, '2026-02-01T00:00:00.000000Z' AS recorded_at, to_json(struct_pack(v := 1, "
            f"source := 'conductor', session := session, run := run, agent := agent, happened_at := {moment}, {told}"
            ")::VARCHAR AS state FROM run"
        ).replace(")::VARCHAR AS state", "))::VARCHAR AS state")

    step, call, calls = 2 * CALLS + 2, "run || '-' || c", f", range({CALLS}) AS calls(c)"
    tools = "(['Read', 'Edit', 'Bash', 'Grep', 'Write'])[1 + (hash(i * 31 + c) % 5)::INT]"
    parts = [
        event("agent.started", 1, "'run-' || run", f"i * {step} + 1", "i * 60",
              task="'Fix the ' || (['login', 'search', 'export'])[1 + i % 3] || ' endpoint'"),
        event("tool.called", 1, f"'tool-' || {call}", f"i * {step} + 2 + 2 * c", "i * 60 + c",
              call=call, tool=tools, params="{'file_path': 'src/a' || (c % 7) || '.py'}") + calls,
        event("tool.returned", 2, f"'tool-' || {call}", f"i * {step} + 3 + 2 * c", "i * 60 + c + 1",
              call=call, status="CASE WHEN hash(i * 7 + c) % 20 = 0 THEN 'error' ELSE 'ok' END",
              result="'done ' || c", duration_ms="900") + calls,
        event("agent.completed", 2, "'run-' || run", f"i * {step} + {step}", "i * 60 + 25",
              duration_ms="20000 + (hash(i) % 9000)::INT"),
    ]  # fmt: skip
    runs = (
        f"run AS (SELECT i, 's' || (i // 5) AS session, 's' || (i // 5) || '/agent-' || i AS run, "
        f"'agent' || (i % {AGENTS}) AS agent FROM range({RUNS}) AS r(i))"
    )
    return f"WITH {runs} {' UNION ALL '.join(parts)}"


class Read:
    """The same log where all of it lies in the snapshot: only its last row is asked for."""

    identity = Million.identity

    def __init__(self, last: list[Any]) -> None:
        self._last = last

    def head(self) -> int:
        """As `ports.Log` has it."""
        return int(self._last[0])

    def rows(self, *, after: int, limit: int) -> list[Any]:  # noqa: ARG002 - the port's signature
        """Likewise."""
        return [(*self._last[:5], self._last[5].encode())] if after < self._last[0] else []


def timed() -> None:
    """The time of `query_learnings` on a million calls.

    First what the snapshot keeps ready: the first question of a process, several times, then all agents in one process.
    Then the same in turn with asking the views anew, as a ratio; and the agent that something has happened to since,
    for which the log is looked at again.
    """
    log = Million()
    with tempfile.TemporaryDirectory() as folder:
        build_snapshot(log, Path(folder), (BUILDER_MEMORY_MB,))  # type: ignore[arg-type]
        firsts = [_first(folder, log, agent) for agent in range(PROCESSES)]
        with Store(log, Path(folder)) as store:  # type: ignore[arg-type]
            store.catch_up()
            ready = [_asked(store, agent) for agent in range(AGENTS)]
            pairs = [(_asked(store, agent), _asked(store, agent, limit=KEPT_RUNS + 1)) for agent in range(AGENTS)]
            assert store.problems == []
            log.more = [_news(log.head() + 1)]
            store.catch_up()
            others = [_asked(store, agent) for agent in range(1, AGENTS)]
            touched = [_asked(store, 0) for _ in range(5)]
    first, median = statistics.median(firsts), statistics.median(ready)
    raw = " ".join(f"{spent:.1f}" for spent in firsts)
    print(f"query_learnings on {RUNS * CALLS:,} tool calls, {RUNS:,} runs (bar {BAR} ms):")
    print(f"  first of a process: median {first:.1f} ms [{raw}]: {_verdict(first)}")
    print(
        f"  {AGENTS} agents: median {median:.1f} ms, best {min(ready):.1f}, worst {max(ready):.1f}: {_verdict(median)}"
    )
    kept, anew = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"in turn with asking the views anew: {kept:.1f} ms to {anew:.1f} ms, {anew / kept:.1f} times as long")
    print(f"with a tail: agents it does not touch, median {statistics.median(others):.1f} ms; "
          f"the one it does, first {touched[0]:.1f} ms, best {min(touched):.1f} ms")  # fmt: skip


def _verdict(spent: float) -> str:
    return "holds" if spent < BAR else "falls short"


def _first(folder: str, log: Million, agent: int) -> float:
    """Milliseconds of the first question that a new process asks; what it takes to start is left out."""
    *last, state = log.rows(after=log.head() - 1, limit=1)[0]
    command = [sys.executable, __file__, "--first", folder, json.dumps([*last, state.decode()]), str(agent)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout)


def _first_of_a_process(folder: str, last: str, agent: str) -> None:
    with Store(Read(json.loads(last)), Path(folder)) as store:  # type: ignore[arg-type]
        store.catch_up()
        print(_asked(store, int(agent)))


def _asked(store: Store, agent: int, limit: int = KEPT_RUNS) -> float:
    task = Task(text="fix the login endpoint", complexity="high")
    began = time.perf_counter()
    learnt = query_learnings(store, f"agent{agent}", task, limit=limit)
    spent = (time.perf_counter() - began) * 1000
    assert json.dumps(learnt, allow_nan=False)
    assert learnt["basis"]["runs"] >= KEPT_RUNS
    return spent


def _news(position: int) -> tuple[Any, ...]:
    """One more run of agent0 begins."""
    moment = "2026-03-01T00:00:00.000000Z"
    state = {"v": 1, "source": "conductor", "session": "news", "run": "news/agent-1", "agent": "agent0", "task": "Fix"}
    return (
        position,
        "run-news/agent-1",
        1,
        "agent.started",
        moment,
        json.dumps({**state, "happened_at": moment}).encode(),
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--first"]:
        _first_of_a_process(*sys.argv[2:])
    else:
        timed()

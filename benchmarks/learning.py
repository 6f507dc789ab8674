"""Prints how honest the estimates are and how quickly learnings are answered; see docs/learning.md."""

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from orchestrion.eventstore import open_log, secret_redactor
from orchestrion.ingest import import_paths
from orchestrion.projections import Store, build_snapshot, snapshots
from orchestrion.projections.learning import Execution, Task, estimate, executions, query_learnings

SESSIONS = Path(__file__).parents[1] / "../shared/sessions"
SEED = 20_260_130
RUNS, CALLS, AGENTS = 50_000, 20, 25
"""A million calls, two thousand runs an agent."""
BUILDER_MEMORY_MB = 2_000
AT = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """Calibration on simulations, then on the recordings where they are, then the time of a query."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out the log of a million calls")
    simulated()
    recorded(SESSIONS)
    if not parser.parse_args().quick:
        timed()


def simulated() -> None:
    """Runs of known chance and log-normal duration: how often what was estimated before each held."""
    print("simulation                     estimates  held   chance: said  happened  brier")
    for seed, spread, chance in ((1, 0.3, 0.9), (2, 0.7, 0.7), (3, 1.2, 0.4)):
        dice = random.Random(SEED + seed)  # noqa: S311  a simulation
        pairs: list[tuple[Execution, Any]] = []
        for _ in range(40):
            past: list[Execution] = []
            for n in range(40):
                done = _run(n, round(dice.lognormvariate(9, spread)), float(dice.random() < chance))
                pairs.append((done, _before(past, done)))
                past.append(done)
        _print(f"spread {spread}, chance {chance}", pairs)


def recorded(folder: Path) -> None:
    """Each run of the recordings estimated from the same agent's runs that began before it."""
    paths = sorted(path for path in folder.glob("claude-code*") if path.is_dir())
    if not paths:
        print("recordings: none here (../shared/sessions)")
        return
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        redactor = secret_redactor(home, {})
        log = open_log(home, redactor=redactor)
        try:
            import_paths(log, redactor, "claude-code", paths)
            with Store(log, home / "projections") as store:
                store.catch_up()
                agents = store.query("SELECT DISTINCT agent FROM learn_spans WHERE agent IS NOT NULL ORDER BY 1").rows
                histories = [executions(store, agent, limit=10_000) for (agent,) in agents]
        finally:
            log.close()
    pairs = [pair for history in histories for pair in _replayed(history)]
    print(f"recordings: {sum(map(len, histories))} runs of {len(histories)} agents")
    _print("recordings", pairs)


def _replayed(history: Iterable[Execution]) -> Iterable[tuple[Execution, Any]]:
    past: list[Execution] = []
    for run in sorted(history, key=lambda run: (run.started_at or datetime.max, run.run)):
        yield run, _before(past, run)
        past.append(run)


def _before(past: Sequence[Execution], run: Execution) -> Any:
    """The estimate of `run` from the newest hundred of `past`."""
    newest = past[-100:]
    return estimate(newest, subject=run.run, session="s", agent=run.agent, task=run.task, at=AT)


def _run(n: int, ms: int, good: float) -> Execution:
    status = "completed" if good else "failed"
    return Execution(f"r{n}", "s", "simulated", "task", status, AT + timedelta(minutes=n), ms, good, n + 1)


def _print(name: str, pairs: Sequence[tuple[Execution, Any]]) -> None:
    told = [
        (made.duration_ms_low <= run.duration_ms <= made.duration_ms_high)
        for run, made in pairs
        if made is not None and made.duration_ms is not None and run.duration_ms is not None
    ]
    chances = [
        (made.chance, run.good)
        for run, made in pairs
        if made is not None and made.chance is not None and run.good is not None
    ]
    held = f"{sum(told) / len(told):5.1%}" if told else "    –"
    print(f"{name:30} {len(told):9}  {held}   {len(chances):5} {_of_chances(chances)}")


def _of_chances(chances: Sequence[tuple[float, float]]) -> str:
    if not chances:
        return "    –         –       –"
    said, happened = (statistics.fmean(pair[side] for pair in chances) for side in (0, 1))
    brier = statistics.fmean((chance - good) ** 2 for chance, good in chances)
    return f"{said:6.3f}    {happened:6.3f}  {brier:6.4f}"


class Million:
    """An Arrow source of a log with a million calls, made by DuckDB; and the log's last row for the reader."""

    identity = "benchmark"

    def __init__(self) -> None:
        self._con = duckdb.connect()
        self._con.execute(f"CREATE TABLE log AS {_million()}")

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
        return int(self._con.execute("SELECT max(position) FROM log").fetchall()[0][0])

    def rows(self, *, after: int, limit: int) -> list[Any]:
        """Likewise."""
        found = self._con.execute(f"FROM log WHERE position > {after} ORDER BY position LIMIT {limit}").fetchall()
        return [(*row[:5], row[5].encode()) for row in found]


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


def timed() -> None:
    """The time of `query_learnings` on a million calls: the first of a process's store, then each agent's first."""
    log: Any = Million()
    # The builder's own limit does not suffice for two million events; here the query is measured, not the builder.
    snapshots.BUILDER_MEMORY_MB = BUILDER_MEMORY_MB
    task = Task(text="fix the login endpoint", complexity="high")
    with tempfile.TemporaryDirectory() as folder:
        build_snapshot(log, Path(folder))
        with Store(log, Path(folder)) as store:
            store.catch_up()
            spent = []
            for agent in range(AGENTS):
                began = time.perf_counter()
                learnt = query_learnings(store, f"agent{agent}", task)
                spent.append((time.perf_counter() - began) * 1000)
                assert json.dumps(learnt, allow_nan=False)
                assert learnt["basis"]["runs"] == 100
            assert store.problems == []
    print(f"query_learnings on {RUNS * CALLS:,} tool calls, {RUNS:,} runs: first {spent[0]:.1f} ms, "
          f"median of {AGENTS} agents {statistics.median(spent):.1f} ms, best {min(spent):.1f} ms")  # fmt: skip


if __name__ == "__main__":
    main()

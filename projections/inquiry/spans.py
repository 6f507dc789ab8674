"""Stretches of time of a session's runs and calls, in milliseconds from its beginning, and sums over them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from orchestrion.projections.store import Store

Stretch = tuple[int, int]

# A guest of ours in an import came when its work was over (see `session_spans`).
_RUNS = """SELECT run, agent, parent_run, parent_call, task_id, r.status, r.started_at, r.ended_at, duration_ms,
    r.ours AND s.imported AS guest
FROM run_states AS r INNER JOIN session_spans AS s ON r.session = s.session
WHERE r.session = $session ORDER BY r.started_at NULLS LAST, run"""
_CALLS = """SELECT "call", run, tool, started_at, ended_at, status, position FROM tool_calls
WHERE session = $session ORDER BY started_at NULLS LAST, position"""
_PLAN = "SELECT tasks FROM plans WHERE session = $session ORDER BY position LIMIT 1"
_HANDOFFS = "SELECT giver_run, taker_run FROM handoffs WHERE session = $session ORDER BY offered_at, handoff"


@dataclass(slots=True)
class Span:
    """A call, or a run with its calls and the runs that it started. Milliseconds from the session's beginning.

    `untimed` counts calls whose beginning or end nobody knows, or that end before they begin.
    """

    id: str
    name: str
    began: int
    ended: int
    status: str = ""
    position: int | None = None
    parent: str | None = None
    parent_call: str | None = None
    calls: list["Span"] = field(default_factory=list)
    children: list["Span"] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    """Runs that had to end before this one could begin: the plan's dependencies and handoffs."""
    untimed: int = 0

    @property
    def ms(self) -> int:
        """How long."""
        return self.ended - self.began


@dataclass(frozen=True, slots=True)
class Timed:
    """The runs of a session that have a beginning and an end in its own time, by id; `untimed` are the others."""

    runs: dict[str, Span]
    began: datetime | None
    untimed: tuple[str, ...]

    @property
    def ms(self) -> int:
        """From the first beginning to the last end."""
        return max((run.ended for run in self.runs.values()), default=0)


def spans_of(store: Store, session: str, *, at: int | None = None) -> Timed:
    """The runs of `session` with their calls; what has no known duration has no place in time."""
    asked = {"session": session}
    rows = store.query(_RUNS, asked, at=at).dicts()
    known = [row for row in rows if _known(row) and row["duration_ms"] is not None and not row["guest"]]
    began = min((row["started_at"] for row in known), default=None)
    runs = {row["run"]: _span(row, row["run"], row["agent"] or row["run"], began) for row in known}
    for row in store.query(_CALLS, asked, at=at).dicts():
        if (run := runs.get(row["run"])) is None:
            continue
        if _known(row):
            run.calls.append(_span(row, row["call"], row["tool"] or "unknown tool", began, row["position"]))
        else:
            run.untimed += 1
    for row in known:
        run, parent = runs[row["run"]], row["parent_run"]
        run.parent_call = row["parent_call"]
        if parent in runs and parent != run.id and not _below(runs, run.id, parent):
            run.parent = parent
            runs[parent].children.append(run)
    _ties(store, asked, at, known, runs)
    return Timed(runs, began, tuple(row["run"] for row in rows if row["run"] not in runs))


def _below(runs: dict[str, Span], above: str, run: str) -> bool:
    """Whether `run` was, however indirectly, started by `above`: such a circle is not followed."""
    seen: set[str] = set()
    here: str | None = run
    while here is not None and here not in seen:
        if here == above:
            return True
        seen.add(here)
        here = runs[here].parent
    return False


def union(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The same time as stretches that do not touch each other, in order."""
    found: list[Stretch] = []
    for began, ended in sorted(stretches):
        if found and began <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], ended))
        else:
            found.append((began, ended))
    return found


def length(stretches: Sequence[Stretch]) -> int:
    """Milliseconds of stretches that do not overlap."""
    return sum(ended - began for began, ended in stretches)


def within(stretches: Iterable[Stretch], began: int, ended: int) -> list[Stretch]:
    """The parts of `stretches` between two moments."""
    cut = ((max(a, began), min(b, ended)) for a, b in stretches)
    return [(a, b) for a, b in cut if a < b]


def peak(stretches: Iterable[Stretch]) -> int:
    """How many are there at once, at most; one that ends as another begins is gone."""
    moments = sorted(step for began, ended in stretches for step in ((began, 1), (ended, -1)))
    here = most = 0
    for _, step in moments:
        here += step
        most = max(most, here)
    return most


def _known(row: dict[str, Any]) -> bool:
    return row["started_at"] is not None and row["ended_at"] is not None and row["ended_at"] >= row["started_at"]


def _span(row: dict[str, Any], id: str, name: str, began: datetime | None, position: int | None = None) -> Span:
    def ms(at: datetime) -> int:
        return round((at - (began or at)).total_seconds() * 1000)

    return Span(id, name, ms(row["started_at"]), ms(row["ended_at"]), row["status"] or "", position)


def _ties(
    store: Store, asked: dict[str, str], at: int | None, rows: list[dict[str, Any]], runs: dict[str, Span]
) -> None:
    """Who had to wait for whom, by the plan and by handoffs: for whoever had ended when it began.

    Who hands over and works on, as agents in a conversation do, did not have to end.
    """

    def tie(before: str, after: str) -> None:
        if before in runs and after in runs and before != after and runs[before].ended <= runs[after].began:
            runs[after].after.append(before)

    tasks = {row["task_id"]: row["run"] for row in rows if row["task_id"]}  # the last attempt counts
    for (text,) in store.query(_PLAN, asked, at=at).rows:
        for task in orjson.loads(text) if text else ():
            for other in task.get("depends_on") or ():
                if task.get("id") in tasks and other in tasks:
                    tie(tasks[other], tasks[task["id"]])
    for giver, taker in store.query(_HANDOFFS, asked, at=at).rows:
        tie(giver, taker)

"""How a session's runs worked side by side, and how far its plan is; told from the rows of `agent_runs`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from orchestrion.tui import figures

Row = Mapping[str, Any]


class Overlap(NamedTuple):
    """Seconds in which at least one, and at least two, runs were at work; and the most at once."""

    busy: float
    parallel: float
    most: int

    @property
    def share(self) -> float | None:
        """The share of working time that was parallel; None where nothing took any time."""
        return self.parallel / self.busy if self.busy else None


def overlap(runs: Sequence[Row], until: datetime | None) -> Overlap:
    """The overlap of `runs`. One that started others waits for them and is left out; one without end lasts `until`."""
    parents = {run["parent_run"] for run in runs}
    edges: dict[datetime, int] = {}
    for run in runs:
        end = run["ended_at"] or until
        if run["run"] in parents or run["started_at"] is None or end is None:
            continue
        edges[run["started_at"]] = edges.get(run["started_at"], 0) + 1
        edges[end] = edges.get(end, 0) - 1
    busy = parallel = 0.0
    most = now = 0
    moments = sorted(edges)
    for moment, following in pairwise(moments):
        now += edges[moment]
        most = max(most, now)
        seconds = (following - moment).total_seconds()
        busy += seconds if now >= 1 else 0
        parallel += seconds if now >= 2 else 0
    return Overlap(busy, parallel, most)


class Phase(NamedTuple):
    """A phase of a plan: how many of its tasks are done."""

    done: int
    tasks: int


def phases(plan: Row, runs: Sequence[Row]) -> list[Phase]:
    """The phases of a `plans` row in order. A task is done when a run of it (or, unnamed, of its agent) completed."""
    agents_of = figures.document(plan["phases"]) or []
    tasks = figures.document(plan["tasks"]) or []
    done = {run["task_id"] or run["agent"] for run in runs if run["status"] == "completed"}
    queue: dict[str, list[bool]] = {}
    for task in tasks:
        queue.setdefault(task["agent"], []).append(task["id"] in done or task["agent"] in done)
    found = []
    for agents in agents_of:
        states = [queue[agent].pop(0) for agent in agents if queue.get(agent)]
        found.append(Phase(sum(states), len(agents)))
    return found

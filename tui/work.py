"""How a session's runs worked side by side, how far its plan is, and which calls failed; from rows of the views."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from orchestrion.tui import figures

Row = Mapping[str, Any]
OPEN = frozenset({"running", "waiting"})
"""States of a run or session that has not ended."""
UNFINISHED = OPEN | {"interrupted", "lost", "unknown"}
"""States of a run whose work nobody says is over."""
UNANSWERED = "unresolved"
"""State of a call without a known return."""

RESTED = timedelta(hours=1)
"""A session that was imported and has not gone on for so long is not waited for."""


def over(status: str, last: datetime | None) -> bool:
    """Whether nothing is to be expected of a session that nobody ended: its conductor is dead, or it is somebody else's
    (whose end nobody tells) and has rested since `last` for long.
    """
    rested = last is not None and datetime.now(UTC).replace(tzinfo=None) - last > RESTED
    return status == "lost" or (status not in OPEN and rested)


class Span(NamedTuple):
    """When one run was there; `end` is None where nobody knows."""

    run: str
    parent: str | None
    start: datetime | None
    end: datetime | None


class Stretch(NamedTuple):
    """A time in which the same runs worked; one that waits for a run it started is not counted as working."""

    start: datetime
    end: datetime
    working: frozenset[str]

    @property
    def length(self) -> timedelta:
        """How long it lasted."""
        return self.end - self.start


class Overlap(NamedTuple):
    """Seconds in which at least one, and at least two, runs were at work; and the most at once."""

    busy: float
    parallel: float
    most: int

    @property
    def share(self) -> float | None:
        """The share of working time that was parallel; None where nothing took any time."""
        return self.parallel / self.busy if self.busy else None


def stretches(spans: Sequence[Span]) -> Iterator[Stretch]:
    """The time of `spans`, cut wherever one starts or ends, with the runs that worked in each piece."""
    parents = {span.run: span.parent for span in spans}
    changes: list[tuple[datetime, int, str]] = []
    for span in spans:
        if span.start is not None and span.end is not None and span.end > span.start:
            changes += [(span.start, 1, span.run), (span.end, -1, span.run)]
    above = {span.run: ancestors(span.run, parents) for span in spans}
    waiting: dict[str, int] = {}
    active: set[str] = set()
    since: datetime | None = None
    for at, step, name in sorted(changes):
        if since is not None and at > since and active:
            yield Stretch(since, at, frozenset(run for run in active if not waiting.get(run)))
        since = at
        (active.add if step > 0 else active.discard)(name)
        for parent in above[name]:
            waiting[parent] = waiting.get(parent, 0) + step


def ancestors(run: str, parents: Mapping[str, str | None]) -> set[str]:
    """Ids of the runs above `run`; a loop in the data ends the climb."""
    above: set[str] = set()
    here = parents.get(run)
    while here is not None and here in parents and here not in above:
        above.add(here)
        here = parents[here]
    return above


def overlap(pieces: Iterable[Stretch]) -> Overlap:
    """How much of the working time of `stretches` was parallel."""
    busy = parallel = 0.0
    most = 0
    for piece in pieces:
        busy += piece.length.total_seconds()
        parallel += piece.length.total_seconds() if len(piece.working) > 1 else 0
        most = max(most, len(piece.working))
    return Overlap(busy, parallel, most)


def spans_of(runs: Sequence[Row], until: datetime | None) -> list[Span]:
    """The spans of rows of `agent_runs`; a run that has not ended has lasted `until`."""
    return [
        Span(run["run"], run["parent_run"], run["started_at"], run["ended_at"] or _if_open(run["status"], until))
        for run in runs
    ]


def taken(run: Row, until: datetime | None) -> dict[str, Any]:
    """How long a run took, or has taken so far: one that has not ended has lasted `until`, the log's last word of it.

    As `figures.taken` writes it.
    """
    if run["status"] not in OPEN or run["duration_ms"] is not None:
        return {"ms": run["duration_ms"], "so_far": False}
    start = run["started_at"]
    known = start is not None and until is not None and until >= start
    return {"ms": (until - start) / timedelta(milliseconds=1) if known else None, "so_far": True}


def _if_open(status: str, until: datetime | None) -> datetime | None:
    return until if status in OPEN else None


class Phase(NamedTuple):
    """A phase of a plan: how many of its tasks are done; the ids of its tasks, and whose they are."""

    done: int
    tasks: int
    ids: tuple[str, ...]
    agents: tuple[str, ...]


def phases(plan: Row, runs: Sequence[Row]) -> list[Phase]:
    """The phases of a `plans` row in order.

    A task is done when a run of it completed; a run that names no task does one of its agent's.
    """
    agents_of = figures.document(plan["phases"]) or []
    tasks = figures.document(plan["tasks"]) or []
    completed = [run for run in runs if run["status"] == "completed"]
    done = {run["task_id"] for run in completed}
    unnamed = Counter(run["agent"] for run in completed if run["task_id"] is None)
    queue: dict[str, list[str]] = {}
    for task in tasks:
        queue.setdefault(task["agent"], []).append(task["id"])
    found = []
    for agents in agents_of:
        its = [(queue[agent].pop(0), agent) for agent in agents if queue.get(agent)]
        undone = Counter(agent for task, agent in its if task not in done)
        finished = len(its) - undone.total() + (undone & unnamed).total()
        unnamed -= undone
        found.append(Phase(finished, len(agents), tuple(task for task, _ in its), tuple(agents)))
    return found


def failed(status: str) -> bool:
    """Whether a call in this state was answered, and not well: refused and interrupted ones too, as the views count."""
    return status not in ("ok", UNANSWERED)

"""Measures a session: how much of it ran in parallel, how long answers took, how much went through MCP servers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from orchestrion.tui.report.facts import OPEN, Facts, Run


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which the same runs worked; a run that waits for a run it started is not counted as working."""

    start: datetime
    end: datetime
    working: frozenset[str]

    @property
    def length(self) -> timedelta:
        """How long it lasted."""
        return self.end - self.start


def stretches(facts: Facts) -> Iterator[Stretch]:
    """The session cut wherever a run starts or ends, with the runs that worked in each piece."""
    changes: list[tuple[datetime, int, str]] = []
    for run in facts.runs:
        end = end_of(run, facts)
        if run.started_at is not None and end is not None and end > run.started_at:
            changes += [(run.started_at, 1, run.run), (end, -1, run.run)]
    above = {run.run: facts.ancestors(run.run) for run in facts.runs}
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


def end_of(run: Run, facts: Facts) -> datetime | None:
    """When `run` ended; one that still runs has lasted until the latest time seen; else unknown."""
    return run.ended_at or (facts.last_seen if run.status in OPEN else None)


def parallelism(facts: Facts) -> float | None:
    """Share (0 to 1) of the working time in which two or more runs worked at once; None if no run's time is known."""
    busy = overlap = timedelta()
    for stretch in stretches(facts):
        busy += stretch.length
        if len(stretch.working) > 1:
            overlap += stretch.length
    return overlap / busy if busy else None


def mcp_use(facts: Facts) -> float | None:
    """Share (0 to 1) of the tool calls that went to an MCP server; None without calls."""
    if not facts.calls:
        return None
    return sum(call.mcp_server is not None for call in facts.calls) / len(facts.calls)


def mean(values: Sequence[float]) -> float | None:
    """The arithmetic mean; None of nothing."""
    return sum(values) / len(values) if values else None


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile (`share` from 0 to 1), a value that was really measured; None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]

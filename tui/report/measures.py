"""Measures a session: how much of it ran in parallel, how long answers took, how much went through MCP servers."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from math import ceil

from orchestrion.tui import work
from orchestrion.tui.report.facts import Call, Facts, Run
from orchestrion.tui.work import OPEN, Span, Stretch


def stretches(facts: Facts) -> Iterator[Stretch]:
    """The session cut wherever a run starts or ends, with the runs that worked in each piece."""
    return work.stretches([Span(run.run, run.parent, run.started_at, end_of(run, facts)) for run in facts.runs])


def end_of(run: Run, facts: Facts) -> datetime | None:
    """When `run` ended; one that still runs has lasted until the latest time seen; else unknown."""
    return run.ended_at or (facts.last_seen if run.status in OPEN else None)


def parallelism(facts: Facts) -> float | None:
    """Share (0 to 1) of the working time in which two or more runs worked at once; None if no run's time is known."""
    return work.overlap(stretches(facts)).share


def shared_calls(facts: Facts) -> tuple[list[Call], float]:
    """Calls that were given another agent's answer, and how many milliseconds longer those others' had taken."""
    by_name = {call.call: call for call in facts.calls}
    shared, saved = [], 0.0
    for call in facts.calls:
        giving = by_name.get(call.shared_from or "")
        if giving is not None and (giving.mcp_server, giving.tool) == (call.mcp_server, call.tool):
            shared.append(call)
            if giving.duration_ms is not None and call.duration_ms is not None:
                saved += max(0.0, giving.duration_ms - call.duration_ms)
    return shared, saved


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

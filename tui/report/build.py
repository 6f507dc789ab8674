"""Builds the report of one session from the views: asks, measures, advises."""

from collections import defaultdict
from collections.abc import Iterable

from orchestrion.tui.report.advice import advise
from orchestrion.tui.report.facts import Call, Facts, Positions, Run
from orchestrion.tui.report.gather import Views, gather
from orchestrion.tui.report.layout import lay_out
from orchestrion.tui.report.measures import mcp_use, mean, parallelism, percentile, shared_calls
from orchestrion.tui.report.model import AgentLine, Figure, Flow, Report, ToolLine
from orchestrion.tui.work import OPEN, UNANSWERED, UNFINISHED, failed

SLOWEST = 10


def build(views: Views, session: str, at: int | None = None) -> Report:
    """The report of `session` as it stood at position `at` (None: now). Raises NotFound."""
    return assemble(gather(views, session, at))


def assemble(facts: Facts) -> Report:
    """The report of what is known."""
    ordered = _tree(facts.runs)
    return Report(
        session=facts.session,
        first=facts.first,
        last=facts.last,
        ended=facts.status not in OPEN and facts.end_known,
        header=_header(facts),
        agents=tuple(_agents(facts, ordered)),
        flows=_flows(facts),
        progress=_progress(facts),
        messages=facts.messages,
        handoffs=facts.handoffs,
        metrics=_metrics(facts),
        spending=facts.spending,
        tools=_tools(facts.calls),
        patterns=facts.patterns,
        summary=_summary(facts),
        advice=advise(facts),
        slowest=tuple(sorted((c for c in facts.calls if c.duration_ms is not None), key=_slowness)[:SLOWEST]),
        timeline=lay_out(facts, ordered),
    )


def _header(facts: Facts) -> dict[str, Figure]:
    values = {
        "source": facts.source,
        "project": facts.project,
        "request": facts.request,
        "started_at": facts.started_at,
        "ended_at": facts.ended_at,
        "status": facts.status,
    }
    return {name: Figure(value, facts.bounds) for name, value in values.items()}


def _tree(runs: Iterable[Run]) -> tuple[tuple[Run, int], ...]:
    """Runs with their depth, each below its parent; one whose parent is unknown, or in a loop, stands on top."""
    children: dict[str | None, list[Run]] = defaultdict(list)
    known = {run.run for run in runs}
    for run in runs:
        children[run.parent if run.parent in known and run.parent != run.run else None].append(run)
    ordered: list[tuple[Run, int]] = []
    seen: set[str] = set()
    todo = [(run, 0) for run in reversed(children[None])]
    while todo:
        run, depth = todo.pop()
        seen.add(run.run)
        ordered.append((run, depth))
        todo += [(child, depth + 1) for child in reversed(children[run.run])]
    return (*ordered, *((run, 0) for run in runs if run.run not in seen))


def _agents(facts: Facts, ordered: Iterable[tuple[Run, int]]) -> Iterable[AgentLine]:
    calls: dict[str | None, list[Call]] = defaultdict(list)
    for call in facts.calls:
        calls[call.run].append(call)
    said: dict[str | None, list[int]] = defaultdict(list)
    for message in facts.messages:
        said[message.run] += message.positions[:1]
    for run, depth in ordered:
        own = calls[run.run]
        unanswered = [call for call in own if call.status == UNANSWERED]
        yield AgentLine(
            run=run.run,
            agent=run.agent,
            parent=run.parent,
            depth=depth,
            task=run.task,
            status=run.status,
            started_at=run.started_at,
            ended_at=run.ended_at,
            duration_ms=Figure(run.duration_ms, run.positions),
            tool_calls=Figure(len(own), _where(own)),
            messages=Figure(len(said[run.run]), tuple(said[run.run])),
            current_tool=unanswered[-1].tool if unanswered and run.status in OPEN else None,
            positions=run.positions,
        )


def _flows(facts: Facts) -> tuple[Flow, ...]:
    said: dict[tuple[str, str], list[int]] = defaultdict(list)
    handed: dict[tuple[str, str], list[int]] = defaultdict(list)
    for message in facts.messages:
        said[message.sender, message.recipient].append(message.positions[0] if message.positions else 0)
    for handoff in facts.handoffs:
        handed[handoff.giver, handoff.taker].append(handoff.positions[0] if handoff.positions else 0)
    pairs = dict.fromkeys([*said, *handed])
    return tuple(Flow(a, b, _counted(said[a, b]), _counted(handed[a, b])) for a, b in pairs)


def _counted(positions: list[int]) -> Figure:
    return Figure(len(positions), tuple(position for position in positions if position))


def _progress(facts: Facts) -> dict[str, Figure]:
    if facts.plan is None:
        ended = [run for run in facts.runs if run.status not in UNFINISHED]
        total = Figure(len(facts.runs), tuple(sorted(run.positions[0] for run in facts.runs if run.positions)))
        return {"done": Figure(len(ended), _where(ended)), "total": total}
    done, tasks = sum(phase.done for phase in facts.plan.phases), sum(phase.tasks for phase in facts.plan.phases)
    completed = [run for run in facts.runs if run.status == "completed"]
    return {"done": Figure(done, _where(completed)), "total": Figure(tasks, facts.plan.positions)}


def _metrics(facts: Facts) -> dict[str, Figure]:
    runs = _where(facts.runs)
    calls = _where(facts.calls)
    timed = [call for call in facts.calls if call.duration_ms is not None]
    took = [call.duration_ms for call in timed if call.duration_ms is not None]
    bad = [call for call in facts.calls if failed(call.status)]
    shared, saved_ms = shared_calls(facts)
    known = [each.cost_microdollars for each in facts.spending if each.cost_microdollars is not None]
    return {
        "parallel": Figure(parallelism(facts), runs),
        "mcp": Figure(mcp_use(facts), calls),
        "shared_calls": Figure(len(shared), _where(shared)),
        "shared_saved_ms": Figure(saved_ms, _where(shared)),
        "tool_calls": Figure(len(facts.calls), calls),
        "failed_calls": Figure(len(bad), _where(bad)),
        "answered_calls": Figure(len(timed), _where(timed)),
        "mean_ms": Figure(mean(took), _where(timed)),
        "p95_ms": Figure(percentile(took, 0.95), _where(timed)),
        "cost_microdollars": Figure(sum(known) if known else None, facts.usage),
        "unpriced_requests": Figure(sum(each.unpriced for each in facts.spending), facts.usage),
        **{name: Figure(value, facts.usage) for name, value in facts.tokens.items()},
    }


def _tools(calls: Iterable[Call]) -> tuple[ToolLine, ...]:
    groups: dict[tuple[str, str | None], list[Call]] = defaultdict(list)
    for call in calls:
        groups[call.tool, call.mcp_server].append(call)
    lines = []
    for (tool, server), own in sorted(groups.items(), key=lambda item: -len(item[1])):
        took = [call.duration_ms for call in own if call.duration_ms is not None]
        bad = [call for call in own if failed(call.status)]
        where = _where(own)
        p50, p95 = Figure(percentile(took, 0.5), where), Figure(percentile(took, 0.95), where)
        lines.append(ToolLine(tool, server, Figure(len(own), where), Figure(len(bad), _where(bad)), p50, p95))
    return tuple(lines)


def _summary(facts: Facts) -> dict[str, Figure]:
    last = facts.ended_at or facts.last_seen
    took = (last - facts.started_at).total_seconds() * 1000 if last and facts.started_at else None
    names = tuple(dict.fromkeys(run.agent for run in facts.runs if run.agent))
    runs = tuple(run.positions[0] for run in facts.runs if run.positions)
    messages = tuple(message.positions[0] for message in facts.messages if message.positions)
    return {
        "duration_ms": Figure(took, facts.bounds),
        "agents": Figure(names, runs),
        "messages": Figure(len(facts.messages), messages),
    }


def _where(those: Iterable[Call | Run]) -> Positions:
    return tuple(sorted(position for one in those for position in one.positions))


def _slowness(call: Call) -> float:
    return -(call.duration_ms or 0.0)

"""A session at a glance: request, state, figures, phases, and its tokens over time."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from rich.cells import cell_len

from orchestrion.domain.money import dollars
from orchestrion.tui import figures
from orchestrion.tui.asking import Answered
from orchestrion.tui.columns import SIGNS, Evidence, tone_of
from orchestrion.tui.literals import OneOf
from orchestrion.tui.widgets.cells import fit
from orchestrion.tui.widgets.figure_lines import GAP, Figure, FigureLines, Line, flowed, labelled, one_line, words
from orchestrion.tui.work import Overlap, Phase, overlap, phases, spans_of, stretches

OURS = "orchestrion"
"""The product whose sessions are conducted by us."""
STRETCHES = 120
SPARK_CELLS = 24
PHASE_CELLS, SHORT_PHASE_CELLS = 8, 3
"""Cells of a phase's bar: where there is room for all of them, and where not."""
SHORTEST_REQUEST = 30
"""Cells of the request at least, if other facts stand beside it."""
_CALLS = """session = $session AND kind LIKE 'tool.%' AND data->>'$.call' IN (
    SELECT call FROM tool_calls WHERE session = $session AND {which})"""
_PHASE = """session = $session AND (
    position = $plan OR (kind LIKE 'agent.%' AND run IN (
        SELECT run FROM run_states
        WHERE session = $session AND (task_id IN $ids OR (task_id IS NULL AND agent IN $agents))
    ))
)"""
_EXPECTED = """position IN (
    SELECT unnest(list_append(evidence, position)) FROM (
        SELECT evidence, position FROM estimates WHERE subject = $session ORDER BY position DESC LIMIT 1))"""
_SUMMED = "session = $session AND kind IN ('plan.made', 'agent.started', 'agent.completed', 'agent.failed')"


class Overview(FigureLines):
    """A few lines above the runs."""

    DEFAULT_CSS = "Overview { max-height: 30%; }"
    told_by = ("session", "phases", "tokens", "runs")

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[dict[str, Any]] | None = None
        self._groups: list[list[Figure]] = []
        self._plans: list[tuple[int, list[Phase]]] = []

    def show(self, answered: Mapping[str, Answered]) -> None:
        """Take the answers to `session`, `phases`, `tokens` and `runs`."""
        self._rows = answered["session"].dicts()
        runs = answered["runs"].dicts()
        self._plans = [(plan["position"], phases(plan, runs)) for plan in answered["phases"].dicts()]
        if self._rows:
            beside = overlap(stretches(spans_of(runs, self._rows[0]["ended_at"])))
            self._groups = [_metrics(self._rows[0], beside), _spending(self._rows[0], answered["tokens"])]
        self.renew()

    def laid(self, width: int) -> list[Line]:
        """A line for each matter where all of it has room; else one figure after the other, on as many as they need."""
        if not self._rows:
            return [] if self._rows is None else [[words("The log does not know this session (yet).", "warn")]]
        row = self._rows[0]
        place, plans = _place(row), [_plan(row["session"], *plan, PHASE_CELLS) for plan in self._plans]
        wide = [one_line(group) for group in (*self._groups, *plans)]
        if all(_cells(line) <= width for line in wide):
            its = wide
        else:
            short = [_plan(row["session"], *plan, SHORT_PHASE_CELLS) for plan in self._plans]
            its = [*flowed(chain(*self._groups), width), *chain(*(flowed(plan, width) for plan in short))]
        if (beside := _request(row, place, width)) is not None:
            return [beside, *its]
        return [_request(row, (), width) or (), *its, *flowed(place, width)]


def _cells(line: Line) -> int:
    return sum(figure.width for figure in line)


def _of(row: Mapping[str, Any], what: str, where: str) -> Evidence:
    return Evidence(what, f"session = $session AND {where}", {"session": row["session"]})


def _request(row: Mapping[str, Any], place: Sequence[Figure], width: int) -> Line | None:
    """State, request and `place` on one line; None where that leaves too little of the request."""
    status = figures.text(row["status"])
    tone = tone_of(status)
    its = _of(row, "its state", "(kind LIKE 'session.%' OR kind LIKE 'agent.%' OR kind LIKE 'lease.%')")
    state = Figure(((f"{SIGNS[tone]} {status}" if tone else status, tone or ""),), "status", its)
    text, room = figures.text(row["request"]), width - _cells(one_line((state, *place))) - len(GAP)
    if place and room < min(SHORTEST_REQUEST, cell_len(text)):
        return None
    asked = "(kind = 'session.started' OR (kind = 'message.sent' AND data->>'$.type' = 'prompt'))"
    shown = fit(text, max(1, room), right=False) if cell_len(text) > room else text
    request = Figure(((shown, "done"),), "request", _of(row, "the request, and prompts", asked))
    return one_line((state, request, *place))


def _place(row: Mapping[str, Any]) -> list[Figure]:
    """Whose session it is, and since when."""
    place = " · ".join(filter(None, (figures.optional(row["source"]), figures.optional(row["project"]))))
    began = f"began {figures.moment(row['started_at'])}"
    first = _of(row, "its beginning", "happened_at = (SELECT min(happened_at) FROM events WHERE session = $session)")
    origin = Figure(((place, "quiet"),), "source", _of(row, "its source", "kind = 'session.started'"))
    return [*([origin] if place else []), Figure(((began, "quiet"),), "began", first)]


def _metrics(row: Mapping[str, Any], beside: Overlap) -> list[Figure]:
    calls = row["tool_calls"]

    def of_calls(what: str, which: str) -> Evidence:
        return Evidence(what, _CALLS.format(which=which), {"session": row["session"]})

    its = "kind IN ('agent.started', 'agent.completed', 'agent.failed', 'session.ended')"
    ends = _of(row, "starts and ends of runs", its)
    timed = of_calls("calls of a known duration", "duration_ms IS NOT NULL")
    told = (
        ("parallel", figures.percent(beside.share), ends),
        ("at once", str(beside.most or figures.UNKNOWN), ends),
        ("MCP", figures.percent(row["mcp_calls"] / calls if calls else None),
         of_calls("calls of MCP tools", "mcp_server IS NOT NULL")),
        ("calls", figures.count(calls), _of(row, "tool calls", "kind LIKE 'tool.%'")),
        ("failed", figures.count(row["failures"]),
         of_calls("failed calls", "status NOT IN ('ok', 'unresolved')")),
        ("response", figures.lasting(row["mean_ms"]), timed),
        ("p95", figures.lasting(row["p95_ms"]), timed),
        ("expected", figures.interval(row["expected_low"], row["expected"], row["expected_high"]),
         Evidence("what was expected of its duration, and why", _EXPECTED, {"session": row["session"]})),
    )  # fmt: skip
    return [_known(label, value, rests) for label, value, rests in told]


def _spending(row: Mapping[str, Any], over_time: Answered) -> list[Figure]:
    usage = _of(row, "tokens", "kind = 'usage.recorded'")
    kept = None if row["input_tokens"] is None else row["cache_read_tokens"] + row["cache_write_tokens"]
    told = (row["input_tokens"], row["output_tokens"], kept)
    parts = [
        _known(label, value, usage)
        for label, value in zip(("tokens in", "out", "cache"), map(figures.tokens, told), strict=True)
    ]
    heights = [0.0] * STRETCHES
    for stretch, tokens in over_time.rows:
        heights[int(stretch)] = float(tokens)
    if over_time.rows:
        parts.append(Figure(((figures.spark(heights, SPARK_CELLS), "busy"),), "tokens over time", usage))
    cost = dollars(row["cost_microdollars"], row["unpriced_requests"])
    asked = _of(row, "approvals", "kind LIKE 'approval.%'")
    return [*parts, _known("cost", cost, usage), _known("approvals", _approvals(row), asked)]


def _approvals(row: Mapping[str, Any]) -> str:
    """How many calls asked for a person's word, and how many still wait; unknown where no team of ours could ask."""
    asked, waiting = row["approvals"], row["approvals_open"]
    if not asked:
        return "none" if row["source"] == OURS else figures.UNKNOWN
    return f"{asked}, {waiting} waiting" if waiting else f"{asked}, all answered"


def _plan(session: str, position: int, found: Sequence[Phase], cells: int) -> list[Figure]:
    """The plan's phases as bars: how many of each one's tasks are done."""
    done, tasks = sum(phase.done for phase in found), sum(phase.tasks for phase in found)
    whole = f"{figures.percent(done / tasks if tasks else None)} of {tasks} tasks"
    summed = Evidence("the plan, and starts and ends of runs", _SUMMED, {"session": session})
    bars = [Figure((("phases ", "quiet"), (whole, "")), "phases", summed)]
    for number, phase in enumerate(found, 1):
        ink = "good" if phase.done == phase.tasks else "busy"
        params = {"session": session, "plan": position, "ids": OneOf(phase.ids), "agents": OneOf(phase.agents)}
        bar = figures.progress(phase.done, phase.tasks, cells)
        parts = ((f"{number} ", "quiet"), (bar, ink), (f" {phase.done}/{phase.tasks}", ""))
        bars.append(Figure(parts, f"phase {number}", Evidence(f"phase {number}", _PHASE, params)))
    return bars


def _known(label: str, value: str, rests: Evidence) -> Figure:
    return labelled(label, value, rests, "faint" if value == figures.UNKNOWN else "")

"""A session at a glance: request, state, figures, phases, and its tokens over time."""

from collections.abc import Mapping, Sequence
from typing import Any

from textual.app import RenderResult
from textual.content import Content
from textual.widget import Widget

from orchestrion.domain.money import dollars
from orchestrion.tui import figures
from orchestrion.tui.asking import Answered
from orchestrion.tui.columns import SIGNS, tone_of
from orchestrion.tui.work import Overlap, Phase, overlap, phases, spans_of, stretches

OURS = "orchestrion"
"""The product whose sessions are conducted by us."""
STRETCHES = 120
SPARK_CELLS = 24
PHASE_CELLS = 8
_COLOURS = {"good": "success", "bad": "error", "warn": "warning", "busy": "accent"}


class Overview(Widget):
    """Four lines above the runs."""

    DEFAULT_CSS = """
    Overview { height: auto; max-height: 6; padding: 0 1; background: $surface; }
    Overview { text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[list[tuple[str, str]]] = []
        """Each line as (text, colour's name or nothing)."""

    def show(self, answered: Mapping[str, Answered]) -> None:
        """Take the answers to `session`, `phases`, `tokens` and `runs`."""
        height = len(self.lines)
        found = answered["session"].dicts()
        if not found:
            self.lines = [[("The log does not know this session (yet).", "warning")]]
        else:
            runs = answered["runs"].dicts()
            beside = overlap(stretches(spans_of(runs, found[0]["ended_at"])))
            self.lines = [_request(found[0]), _metrics(found[0], beside), _spending(found[0], answered["tokens"])]
            self.lines += [_plan(phases(plan, runs)) for plan in answered["phases"].dicts()]
        self.refresh(layout=len(self.lines) != height)

    def render(self) -> RenderResult:
        lines = [
            Content.assemble(*((part, f"${colour}" if colour else "") for part, colour in line)) for line in self.lines
        ]
        return Content("\n").join(lines)

    @property
    def plain(self) -> str:
        """What stands there, without colours."""
        return "\n".join("".join(part for part, _ in line) for line in self.lines)


def _request(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    status = figures.text(row["status"])
    tone = tone_of(status)
    place = " · ".join(filter(None, (figures.optional(row["source"]), figures.optional(row["project"]))))
    return [
        (f"{SIGNS[tone]} {status}" if tone else status, _COLOURS.get(tone or "", "")),
        (f"  {figures.text(row['request'])}", "primary"),
        (f"  {place}  began {figures.moment(row['started_at'])}", "quiet"),
    ]


def _metrics(row: Mapping[str, Any], beside: Overlap) -> list[tuple[str, str]]:
    calls = row["tool_calls"]
    figures_of = (
        ("parallel", figures.percent(beside.share)),
        ("at once", str(beside.most or figures.UNKNOWN)),
        ("MCP", figures.percent(row["mcp_calls"] / calls if calls else None)),
        ("calls", figures.count(calls)),
        ("failed", figures.count(row["failures"])),
        ("response", figures.lasting(row["mean_ms"])),
        ("p95", figures.lasting(row["p95_ms"])),
    )
    return _labelled(figures_of)


def _spending(row: Mapping[str, Any], over_time: Answered) -> list[tuple[str, str]]:
    spent = (row["input_tokens"], row["output_tokens"], row["cache_read_tokens"] + row["cache_write_tokens"])
    told = spent if any(spent) else (None, None, None)  # a session that told of no request has not taken 0 tokens
    parts = _labelled(tuple(zip(("tokens in", "out", "cache"), map(figures.tokens, told), strict=True)))
    cost = dollars(row["cost_microdollars"], row["unpriced_requests"])
    beside = _labelled((("cost", cost), ("approvals", _approvals(row))))
    heights = [0.0] * STRETCHES
    for stretch, tokens in over_time.rows:
        heights[int(stretch)] = float(tokens)
    line = figures.spark(heights, SPARK_CELLS) if over_time.rows else ""
    return [*parts, (line, "accent"), ("  ", ""), *beside]


def _approvals(row: Mapping[str, Any]) -> str:
    """How many calls asked for a person's word, and how many still wait; unknown where no team of ours could ask."""
    asked, waiting = row["approvals"], row["approvals_open"]
    if not asked:
        return "none" if row["source"] == OURS else figures.UNKNOWN
    return f"{asked}, {waiting} waiting" if waiting else f"{asked}, all answered"


def _plan(found: Sequence[Phase]) -> list[tuple[str, str]]:
    """The plan's phases as bars: how many of each one's tasks are done."""
    line: list[tuple[str, str]] = [("phases ", "quiet")]
    for number, phase in enumerate(found, 1):
        colour = "success" if phase.done == phase.tasks else "accent"
        line += [(f" {number} ", "quiet"), (figures.progress(phase.done, phase.tasks, PHASE_CELLS), colour)]
        line += [(f" {phase.done}/{phase.tasks}", "")]
    done, tasks = sum(phase.done for phase in found), sum(phase.tasks for phase in found)
    return [*line, (f"   {figures.percent(done / tasks if tasks else None)} of {tasks} tasks", "quiet")]


def _labelled(pairs: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    line: list[tuple[str, str]] = []
    for label, value in pairs:
        line += [(f"{label} ", "quiet"), (f"{value}  ", "faint" if value == figures.UNKNOWN else "")]
    return line

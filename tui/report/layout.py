"""Lays the time line out: agents as lanes, tool calls as bars, messages and handoffs as arrows.

The HTML report draws it as text and the web page as elements, both from the same numbers (SVG user units).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from math import hypot

from orchestrion.tui.report import words
from orchestrion.tui.report.facts import Facts, Positions, Run
from orchestrion.tui.report.measures import end_of
from orchestrion.tui.report.timescale import Span, TimeScale
from orchestrion.tui.work import UNANSWERED, failed

WIDTH = 1200.0
GUTTER = 190.0
"""Room for the lanes' names."""
RIGHT_MARGIN = 16.0
TOP = 30.0
LANE_HEIGHT = 30.0
BAR_HEIGHT = 14.0
MIN_BAR_WIDTH = 2.0
HEAD = 3.5
"""Half the width of an arrow's head."""
MAX_BARS = 4000
"""Of more tool calls the longest are drawn, and the time line says how many are not."""
MAX_ARROWS = 2000
LABEL_CHARACTERS = 24
PEOPLE = ("human", "conductor")


@dataclass(frozen=True, slots=True)
class Lane:
    """A horizontal lane; `y` is its middle. The span of its run goes from `x` for `width`, where it is known."""

    label: str
    title: str
    depth: int
    y: float
    status: str
    x: float | None = None
    width: float | None = None
    positions: Positions = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """One tool call."""

    x: float
    y: float
    width: float
    kind: str
    """ok, failed, open or mcp"""
    title: str
    positions: Positions


@dataclass(frozen=True, slots=True)
class Arrow:
    """A message or a handoff as an SVG path; one to everybody, or to somebody without a lane, is a dot."""

    path: str
    kind: str
    """message, urgent or handoff"""
    title: str
    positions: Positions


@dataclass(frozen=True, slots=True)
class Mark:
    """A time on the axis, or an idle stretch that was folded (then with a width)."""

    x: float
    label: str
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole time line."""

    width: float
    height: float
    lanes: tuple[Lane, ...]
    bars: tuple[Bar, ...]
    arrows: tuple[Arrow, ...]
    ticks: tuple[Mark, ...]
    folds: tuple[Mark, ...]
    left_out: int
    """Tool calls and messages that are not drawn: without a time or a lane, or too many."""


def lay_out(facts: Facts, ordered: tuple[tuple[Run, int], ...]) -> Layout:
    """The time line of `facts`, its lanes in the order of `ordered` (run, depth)."""
    scale = TimeScale(_spans(facts), left=GUTTER, width=WIDTH - GUTTER - RIGHT_MARGIN)
    people = [who for who in PEOPLE if any(who in (m.sender, m.recipient) for m in facts.messages)]
    lanes = [Lane(who, who, 0, _lane_y(i), "") for i, who in enumerate(people)]
    lanes += [_lane(run, depth, _lane_y(len(people) + i), scale, facts) for i, (run, depth) in enumerate(ordered)]
    heights = {run.run: _lane_y(len(people) + i) for i, (run, _) in enumerate(ordered)}
    heights |= {who: _lane_y(i) for i, who in enumerate(people)}
    bars = sorted(_bars(facts, scale, heights), key=lambda bar: -bar.width)[:MAX_BARS]
    arrows = [*_messages(facts, scale, heights), *_handoffs(facts, scale, heights)][:MAX_ARROWS]
    known = len(facts.calls) + len(facts.messages) + len(facts.handoffs)
    return Layout(
        width=WIDTH,
        height=TOP + LANE_HEIGHT * max(1, len(lanes)) + 8,
        lanes=tuple(lanes),
        bars=tuple(sorted(bars, key=lambda bar: (bar.y, bar.x))),
        arrows=tuple(arrows),
        ticks=tuple(Mark(_round(x), _tick(at)) for x, at in scale.ticks()),
        folds=tuple(_folds(scale)),
        left_out=known - len(bars) - len(arrows),
    )


def _lane_y(index: int) -> float:
    return TOP + LANE_HEIGHT * (index + 0.5)


def _round(number: float) -> float:
    return round(number, 1)


def _tick(at: datetime) -> str:
    return at.strftime("%H:%M:%S") + (f".{at.microsecond // 100_000}" if at.microsecond else "")


def _spans(facts: Facts) -> Iterator[Span]:
    for run in facts.runs:
        for at in (run.started_at, run.ended_at):
            if at is not None:
                yield at, at
    for call in facts.calls:
        if call.started_at is not None:
            yield call.started_at, max(call.started_at, call.ended_at or call.started_at)
    points = [m.happened_at for m in facts.messages] + [h.offered_at for h in facts.handoffs]
    yield from ((at, at) for at in points if at is not None)


def _lane(run: Run, depth: int, y: float, scale: TimeScale, facts: Facts) -> Lane:
    name = words.plain(run.agent or run.run)
    label = name if len(name) <= LABEL_CHARACTERS else "…" + name[1 - LABEL_CHARACTERS :]  # the end tells more
    end = end_of(run, facts)
    title = f"{name} · {words.status(run.status)} · {words.lasting(run.duration_ms)}"
    if run.started_at is None or end is None:
        return Lane(label, title, depth, y, run.status, positions=run.positions)
    x = scale.place(run.started_at)
    width = max(MIN_BAR_WIDTH, scale.place(end) - x)
    return Lane(label, title, depth, y, run.status, _round(x), _round(width), run.positions)


def _bars(facts: Facts, scale: TimeScale, heights: dict[str, float]) -> Iterator[Bar]:
    for call in facts.calls:
        if call.started_at is None or call.run not in heights:
            continue
        x = scale.place(call.started_at)
        width = max(MIN_BAR_WIDTH, scale.place(call.ended_at or call.started_at) - x)
        kind = "failed" if failed(call.status) else "mcp" if call.mcp_server else "ok"
        if call.status == UNANSWERED:
            kind = "open"
        title = f"{words.plain(call.tool)} · {words.lasting(call.duration_ms)} · {words.plain(call.status)}"
        yield Bar(_round(x), heights[call.run], _round(width), kind, title, call.positions)


def _messages(facts: Facts, scale: TimeScale, heights: dict[str, float]) -> Iterator[Arrow]:
    for message in facts.messages:
        at = message.happened_at
        if at is None:
            continue
        y = heights.get(message.run or "") if message.run in heights else _lane_of(message.sender, at, facts, heights)
        if y is None:
            continue
        to_y = heights.get(message.to_run or "") or _lane_of(message.recipient, at, facts, heights)
        x = scale.place(at)
        kind = "urgent" if message.priority in ("high", "critical") else "message"
        title = (
            f"{words.plain(message.sender)} → {words.plain(message.recipient)} · {message.type} · {message.priority}"
        )
        yield Arrow(_path(x, y, x, y if to_y is None else to_y), kind, title, message.positions)


def _handoffs(facts: Facts, scale: TimeScale, heights: dict[str, float]) -> Iterator[Arrow]:
    for handoff in facts.handoffs:
        at = handoff.offered_at
        y = None if at is None else _lane_of(handoff.giver, at, facts, heights)
        if at is None or y is None:
            continue
        until = handoff.accepted_at or at
        to_y = _lane_of(handoff.taker, until, facts, heights)
        title = f"handoff {words.plain(handoff.giver)} → {words.plain(handoff.taker)} · {handoff.status}"
        path = _path(scale.place(at), y, scale.place(until), y if to_y is None else to_y)
        yield Arrow(path, "handoff", title, handoff.positions)


def _path(x: float, y: float, to_x: float, to_y: float) -> str:
    """A line with a head at its end; a dot where it leads nowhere."""
    length = hypot(to_x - x, to_y - y)
    if to_y == y:
        return f"M{x - HEAD:.1f} {y:.1f}a{HEAD} {HEAD} 0 1 0 {2 * HEAD} 0a{HEAD} {HEAD} 0 1 0 {-2 * HEAD} 0z"
    along, across = (to_x - x) / length, (to_y - y) / length
    back_x, back_y = to_x - 2 * HEAD * along, to_y - 2 * HEAD * across
    left = f"{back_x - HEAD * across:.1f} {back_y + HEAD * along:.1f}"
    right = f"{back_x + HEAD * across:.1f} {back_y - HEAD * along:.1f}"
    return f"M{x:.1f} {y:.1f}L{back_x:.1f} {back_y:.1f}M{to_x:.1f} {to_y:.1f}L{left}L{right}z"


def _lane_of(name: str, at: datetime, facts: Facts, heights: dict[str, float]) -> float | None:
    """The lane of a run, a person or an agent: of an agent's several runs the last that had started by `at`."""
    if name in heights:
        return heights[name]
    runs = [run for run in facts.runs if run.agent == name]
    begun = [run for run in runs if run.started_at is not None and run.started_at <= at]
    chosen = begun[-1] if begun else runs[0] if runs else None
    return None if chosen is None else heights.get(chosen.run)


def _folds(scale: TimeScale) -> Iterator[Mark]:
    for piece in scale.pieces:
        if piece.idle:
            idle = words.lasting((piece.end - piece.start).total_seconds() * 1000)
            yield Mark(_round(piece.x), f"{idle} idle", piece.width)

"""Where the time of a session went: its critical path, waiting, parallelism, and what each agent spent its time on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from orchestrion.projections.inquiry.spans import Span, Stretch, Timed, length, peak, spans_of, union, within
from orchestrion.projections.store import Store

OWN, CALL, WAITING = "own work", "tool", "waiting"


@dataclass(frozen=True, slots=True)
class Step:
    """A stretch of the critical path: what `agent` did, or (waiting) what nobody known did, in ms from the start."""

    agent: str
    run: str | None
    did: str
    tool: str | None
    began_ms: int
    ended_ms: int
    position: int | None = None

    @property
    def ms(self) -> int:
        """How long."""
        return self.ended_ms - self.began_ms


@dataclass(frozen=True, slots=True)
class Share:
    """What one agent spent its runs' time on; milliseconds. Calls side by side count once in `in_tools_ms`.

    `waiting_ms` is the time in which runs that it had started were at work; `own_ms` all the rest: thinking, writing.
    """

    agent: str
    runs: int
    ms: int
    in_tools_ms: int
    waiting_ms: int
    own_ms: int
    tools: dict[str, int]
    untimed_calls: int


@dataclass(frozen=True, slots=True)
class Profile:
    """A session's time. Null figures are not known: no run of it has both a beginning and an end.

    `work_ms` sums what runs did, not what they waited for others; `achieved` is work by the time that passed,
    `possible` work by the critical path without waiting: no order of the same causes could be quicker.
    """

    session: str
    wall_ms: int | None
    work_ms: int | None
    critical_ms: int | None
    waiting_ms: int | None
    achieved: float | None
    possible: float | None
    most_at_once: int
    path: tuple[Step, ...]
    agents: tuple[Share, ...]
    untimed_runs: tuple[str, ...]
    timed: Timed

    def as_json(self) -> dict[str, Any]:
        """For scripts; the path's steps in order."""
        head = ("session", "wall_ms", "work_ms", "critical_ms", "waiting_ms", "achieved", "possible", "most_at_once")
        return {
            **{name: getattr(self, name) for name in head},
            "path": [{name: getattr(step, name) for name in (*Step.__slots__, "ms")} for step in self.path],
            "agents": [{name: getattr(share, name) for name in Share.__slots__} for share in self.agents],
            "untimed_runs": list(self.untimed_runs),
        }


def profile(store: Store, session: str, *, at: int | None = None) -> Profile:
    """Where the time of `session` went, as of position `at`."""
    timed = spans_of(store, session, at=at)
    runs = list(timed.runs.values())
    if not runs:
        return Profile(session, None, None, None, None, None, None, 0, (), (), timed.untimed, timed)
    path = tuple(path_of(timed))
    work = sum(_working(run) for run in runs)
    waiting = sum(step.ms for step in path if step.did == WAITING)
    critical = sum(step.ms for step in path) - waiting
    busy = [stretch for run in runs for stretch in _busy(run)]
    return Profile(
        session=session,
        wall_ms=timed.ms,
        work_ms=work,
        critical_ms=critical,
        waiting_ms=waiting,
        achieved=round(work / timed.ms, 2) if timed.ms else None,
        possible=round(max(work / critical, 1.0), 2) if critical else None,
        most_at_once=peak(busy),
        path=path,
        agents=_shares(runs),
        untimed_runs=timed.untimed,
        timed=timed,
    )


def waited(run: Span) -> list[tuple[int, int]]:
    """When runs that `run` had started were at work while it was there."""
    return union(within(((child.began, child.ended) for child in run.children), run.began, run.ended))


def _busy(run: Span) -> list[tuple[int, int]]:
    """When the run itself was at work: its time without what it waited for runs that it started."""
    found, here = [], run.began
    for began, ended in waited(run):
        if here < began:
            found.append((here, began))
        here = ended
    return [*found, (here, run.ended)] if here < run.ended else found


def _working(run: Span) -> int:
    return length(_busy(run))


def _shares(runs: list[Span]) -> tuple[Share, ...]:
    by_agent: dict[str, list[Span]] = {}
    for run in runs:
        by_agent.setdefault(run.name, []).append(run)
    return tuple(_share(agent, own) for agent, own in sorted(by_agent.items(), key=lambda row: (-_sum(row[1]), row[0])))


def _sum(runs: list[Span]) -> int:
    return sum(run.ms for run in runs)


def _share(agent: str, runs: list[Span]) -> Share:
    tools: Counter[str] = Counter()
    in_tools = waiting = 0
    for run in runs:
        waits = {child.parent_call for child in run.children}  # calls that are but the wait for a run
        calls = [call for call in run.calls if call.id not in waits]
        for call in calls:
            tools[call.name] += call.ms
        waiting += length(waited(run))
        in_tools += _in_both(_busy(run), [(call.began, call.ended) for call in calls])
    total = _sum(runs)
    spent = dict(sorted(tools.items(), key=lambda row: (-row[1], row[0])))
    untimed = sum(run.untimed for run in runs)
    return Share(agent, len(runs), total, in_tools, waiting, total - in_tools - waiting, spent, untimed)


def _in_both(some: Sequence[Stretch], others: Sequence[Stretch]) -> int:
    """Milliseconds that lie in a stretch of either."""
    return length(union(some)) + length(union(others)) - length(union([*some, *others]))


def path_of(timed: Timed) -> list[Step]:
    """Backwards from the last end: what ended last before it, within the run or before it; then turned round."""
    steps: list[Step] = []
    here = max(timed.runs.values(), key=lambda run: (run.ended, run.id))
    here = _outermost(here, timed.runs)
    upto, seen = here.ended, set[str]()
    while True:
        seen.add(here.id)
        _through(here, upto, steps)
        began, following = min(here.began, upto), _before(here, timed.runs, seen)
        upto = min(following.ended, began) if following else 0
        if upto < began:
            steps.append(Step(here.name, here.id, WAITING, None, upto, began))
        if following is None:
            break
        here = following
    return [step for step in reversed(steps) if step.ms]


def _outermost(run: Span, runs: dict[str, Span]) -> Span:
    """The run to be followed from the end of `run`: where that lies inside whoever started it, that one."""
    while run.parent is not None and runs[run.parent].ended >= run.ended:
        run = runs[run.parent]
    return run


def _before(run: Span, runs: dict[str, Span], seen: set[str]) -> Span | None:
    """What led to the start of `run`: whoever started it (and did not wait for it), what had to end before it, or else
    what ended last before it."""
    if run.parent is not None:
        return runs[run.parent] if run.parent not in seen else None
    before = [runs[id] for id in run.after if id not in seen]
    before = before or [
        other
        for other in runs.values()
        if other.ended <= run.began and other.id not in seen and _outermost(other, runs) is other
    ]
    return max(before, key=lambda other: (other.ended, other.id)) if before else None


def _through(run: Span, upto: int, steps: list[Step]) -> None:
    """The run back to its beginning, through what ended last at each moment; a stack against deep nesting."""
    stack: list[tuple[Span, int, int, Backwards]] = [(run, run.began, upto, Backwards(run))]
    while stack:
        span, low, here, inside = stack.pop()
        if low >= here:
            continue
        inner = inside.ended_last(low, here)
        if inner is None:
            steps.append(Step(span.name, span.id, OWN, None, low, here))
            continue
        ended, began = min(inner.ended, here), max(inner.began, low)
        if ended < here:
            steps.append(Step(span.name, span.id, OWN, None, ended, here))
        stack.append((span, low, began, inside))
        if inner.position is None:
            stack.append((inner, began, ended, Backwards(inner)))
        else:
            steps.append(Step(span.name, span.id, CALL, inner.name, began, ended, inner.position))


class Backwards:
    """The calls of a run and the runs that it started, from the last end on: each is looked at once on the way back."""

    def __init__(self, span: Span) -> None:
        inside = [inner for inner in (*span.children, *span.calls) if inner.ms]
        self._by_rank = sorted(inside, key=lambda inner: (inner.position is None, inner.began, inner.id))
        ranks = range(len(inside))
        self._ended_before = sorted(ranks, key=lambda rank: (self._by_rank[rank].ended, rank))
        self._going_on: list[int] = []
        """Those that had not ended by then, as a heap: the last in rank is first."""

    def ended_last(self, low: int, here: int) -> Span | None:
        """The call or the started run that ended last before `here`, a run rather than the call that waited for it.

        `here` is never later than the last time, and what had ended by `low` is left out.
        """
        while self._ended_before and self._by_rank[self._ended_before[-1]].ended >= here:
            heappush(self._going_on, -self._ended_before.pop())
        while self._going_on and self._by_rank[-self._going_on[0]].began >= here:
            heappop(self._going_on)
        if self._going_on:
            return self._by_rank[-self._going_on[0]]
        last = self._by_rank[self._ended_before[-1]] if self._ended_before else None
        return last if last is not None and last.ended > low else None

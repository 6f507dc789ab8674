"""What if: the whole log under another price table, rule, limit or threshold, by reading it again; nothing is run."""

import heapq
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import orjson

from orchestrion.domain.events import UsageRecorded
from orchestrion.domain.ports import Prices
from orchestrion.domain.spending import Allowed, Spending
from orchestrion.projections.inquiry.budgets import acts_in_order, halt, requests_of
from orchestrion.projections.inquiry.spans import Span, spans_of
from orchestrion.projections.learning.advising import THRESHOLD, told_patterns
from orchestrion.projections.learning.executions import MAX_EXECUTIONS
from orchestrion.projections.learning.patterns import HALF_LIFE_DAYS, patterns
from orchestrion.projections.learning.routing import LogRouter
from orchestrion.projections.store import Store

_SESSIONS = """SELECT session, source, status, started_at, position FROM sessions
WHERE session = $session OR $session IS NULL ORDER BY started_at NULLS LAST, session"""
_RUNS = """SELECT run, session, agent, status, duration_ms, tool_calls, task_id, parent_run FROM agent_runs
WHERE session = $session ORDER BY started_at NULLS LAST, run"""
_WAITED = """SELECT run, sum(date_diff('millisecond', requested_at, answered_at))::BIGINT AS ms FROM approvals
WHERE session = $session AND answered_at >= requested_at GROUP BY run"""
_PLANS = "SELECT request, tasks, position FROM plans WHERE session = $session ORDER BY position"
_AGENTS = """SELECT agent FROM runs WHERE agent IS NOT NULL UNION SELECT agent FROM roster WHERE agent IS NOT NULL
ORDER BY agent"""
_SEED = re.compile(r"; seed (\d{1,20})$")
"""How a draw ends its rationale (`learning.routing.draw`)."""
BUDGETS = {"calls": "tool calls", "tokens": "tokens", "cost": "US dollars"}


@dataclass(frozen=True, slots=True)
class Supposition:
    """What is to be otherwise; what is None stays as it was. Prices in US dollars, the timeout in seconds."""

    prices: Prices | None = None
    against: Prices | None = None
    """The prices that hold now, to compare `prices` with."""
    timeout: float | None = None
    parallel: int | None = None
    tokens: int | None = None
    calls: int | None = None
    cost: float | None = None
    threshold: int | None = None
    threshold_now: int = THRESHOLD
    half_life_days: float = HALF_LIFE_DAYS
    executions: int = MAX_EXECUTIONS
    """Runs of an agent that are learnt from; both as they are set (`learning.*`)."""
    routing: Literal["fixed", "learned"] | None = None
    """Fixed: the first of the agents that are called for alike; learned: the draw that the planner makes."""


@dataclass(frozen=True, slots=True)
class Supposed:
    """One thing that would be otherwise in a session. `unknown` says what the log cannot tell."""

    session: str
    about: str
    recorded: Any
    supposed: Any
    what: str
    unknown: str
    evidence: tuple[int, ...] = ()
    changes: bool = True

    def as_row(self) -> dict[str, Any]:
        """For people and JSON."""
        return {name: getattr(self, name) for name in ("session", "about", "recorded", "supposed", "what", "unknown")}


@dataclass(slots=True)
class _Session:
    """A session as it is read again."""

    store: Store
    session: str
    at: int | None
    position: int
    runs: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.runs = self.ask(_RUNS)

    def ask(self, sql: str) -> list[dict[str, Any]]:
        return self.store.query(sql, {"session": self.session}, at=self.at).dicts()


def suppose(store: Store, what: Supposition, *, session: str | None = None, at: int | None = None) -> list[Supposed]:
    """What would be otherwise, session by session (or in one), oldest first. Sessions without a change are left out."""
    found: list[Supposed] = []
    for row in store.query(_SESSIONS, {"session": session}, at=at).dicts():
        one = _Session(store, row["session"], at, row["position"])
        found += [each for each in _all(one, what) if each.changes]
    if what.threshold is not None:
        found += _told(store, what, at)
    return found


def _all(one: _Session, what: Supposition) -> Iterator[Supposed]:
    if what.prices is not None:
        yield from _prices(one, what.prices, what.against)
    if what.timeout is not None:
        yield from _timeout(one, what.timeout)
    if what.parallel is not None:
        yield from _parallel(one, what.parallel)
    if (what.calls, what.tokens, what.cost) != (None, None, None):
        yield from _budgets(one, what)
    if what.routing is not None:
        yield from _routed(one, what)


def _prices(one: _Session, prices: Prices, against: Prices | None) -> Iterator[Supposed]:
    requests = [act.usage for act in requests_of(one.ask) if act.usage is not None]
    if not requests:
        return
    now, then = (_total(requests, table) for table in (against, prices))
    missing, missed = (_unpriced(requests, table) for table in (prices, against))
    words = f"{len(requests)} requests to models"
    unknown = f"no price for {', '.join(missing)}: the sum is without them" if missing else "nothing"
    yield Supposed(
        one.session, "cost in US dollars", now, then, words, unknown, changes=now != then or missing != missed
    )


def _unpriced(requests: Sequence[UsageRecorded], prices: Prices | None) -> list[str]:
    known = prices.cost if prices else lambda _: None
    return sorted({each.model or "no model named" for each in requests if known(each) is None})


def _total(requests: Sequence[UsageRecorded], prices: Prices | None) -> float | None:
    known = [cost for cost in (prices.cost(each) for each in requests) if cost is not None] if prices else []
    return round(sum(known), 6) if known else None


def _timeout(one: _Session, seconds: float) -> Iterator[Supposed]:
    """A run of ours is stopped when its time is up; while a person is asked for approval, its time stands still."""
    limit, waited = seconds * 1000, {row["run"]: row["ms"] for row in one.ask(_WAITED)}
    for run in one.runs:
        if run["duration_ms"] is None:
            continue
        took = run["duration_ms"] - (waited.get(run["run"]) or 0)
        if took >= limit and run["status"] != "timed_out":
            yield Supposed(
                one.session, "timeout", run["status"], "timed_out",
                f"{run['run']} took {took} ms and would have been stopped at {limit:.0f} ms",
                "what it had done by then would have been worth, and what others would have done without its end",
            )  # fmt: skip
        if took < limit and run["status"] == "timed_out":
            yield Supposed(
                one.session, "timeout", "timed_out", None,
                f"{run['run']} was stopped after {took} ms and might have gone on to {limit:.0f} ms",
                "how it would have ended",
            )  # fmt: skip


def _parallel(one: _Session, most: int) -> Iterator[Supposed]:
    planned = bool(one.ask(_PLANS))
    own = _side_by_side(one, planned)
    if len(own) < 2:
        return
    recorded = max(run.ended for run in own) - min(run.began for run in own)
    free, bound = (scheduled(own, limit) for limit in (len(own), most))
    ends = [max(begins[run.id] + run.ms for run in own) for begins in (free, bound)]
    later = [run for run in own if bound[run.id] > free[run.id]]
    unknown = "whether runs that meet no longer would take as long as they did"
    yield Supposed(
        one.session, "time in ms with fewer agents at once", recorded, recorded + ends[1] - ends[0],
        f"{len(own)} runs in the order of their causes, at most {most} at once: {len(later)} would begin later",
        unknown if planned else f"{unknown}, and what who started others did meanwhile", changes=bool(later),
    )  # fmt: skip


def _side_by_side(one: _Session, planned: bool) -> list[Span]:
    """The runs that such a limit counts. Of a session with a plan those of its tasks, as our conductor does; of any
    other those that started no others, for who started some is taken to wait for them."""
    runs = spans_of(one.store, one.session, at=one.at).runs.values()
    if planned:
        return [run for run in runs if run.parent is None]
    return [run for run in runs if not run.children]


def scheduled(runs: Sequence[Span], most: int) -> dict[str, int]:
    """When each run would begin, at most `most` at once: those it came after first, else in the recorded order.

    A run that came after none begins no earlier than it did: what held it back is not known.
    """
    first = min(run.began for run in runs)
    known = {run.id for run in runs}
    ends: dict[str, int] = {}
    begins: dict[str, int] = {}
    busy: list[int] = []
    for run in sorted(runs, key=lambda run: (run.began, run.id)):
        before = [ends[id] for id in run.after if id in known and id in ends]
        ready = max(before) if before else run.began - first
        while len(busy) >= most:
            ready = max(ready, heapq.heappop(busy))
        begins[run.id], ends[run.id] = ready, ready + run.ms
        heapq.heappush(busy, ready + run.ms)
    return begins


def _budgets(one: _Session, what: Supposition) -> Iterator[Supposed]:
    """Each budget by itself, as a session of ours has it: it is asked before every act."""
    prices, acts = what.prices or what.against, acts_in_order(one.ask)
    for name, words in BUDGETS.items():
        if (most := getattr(what, name)) is None:
            continue
        found = halt(acts, replace(Allowed(one.session, False, None, None, None), **{name: most}), prices)
        if found is not None:
            yield Supposed(
                one.session, f"budget of {words}", _figure(found.total, name), _figure(found.spent, name), found.told,
                "what of the result was done by then", (found.at.position,),
            )  # fmt: skip


def _figure(spending: Spending, name: str) -> float | None:
    """What was spent; None for money of which nothing is known."""
    value = float(getattr(spending, name))
    if name == "cost" and not value and spending.unpriced is not None:
        return None
    return int(value) if value.is_integer() else round(value, 6)


def _routed(one: _Session, what: Supposition) -> Iterator[Supposed]:
    """Every recorded choice among agents that were called for alike, made again by another rule."""
    for plan in one.ask(_PLANS):
        for task in orjson.loads(plan["tasks"] or "[]"):
            able: list[str] = list(task.get("able") or ())
            if len(able) < 2:
                continue
            fixed = able[0], f"the first of {', '.join(able)}"
            chosen, reason = fixed if what.routing == "fixed" else _drawn(one, plan, task, what.executions)
            unknown = "whom the draw would have chosen" if chosen is None else "how the other agent would have done"
            yield Supposed(
                one.session, f"routing of {task['id']}", task["agent"], chosen, reason, unknown, (plan["position"],),
                changes=chosen != task["agent"],
            )  # fmt: skip


def _drawn(one: _Session, plan: dict[str, Any], task: dict[str, Any], limit: int) -> tuple[str | None, str]:
    """Whom the draw chooses by the seed that was recorded, from what the log told by then; None where none was."""
    seed = _SEED.search(task.get("rationale") or "")
    if seed is None:
        return None, f"no seed was recorded for the choice among {', '.join(task['able'])}, so it cannot be drawn again"
    router = LogRouter(one.store, limit=limit, at=plan["position"])
    choice = router.choose(task["able"], task=plan["request"] or "", seed=int(seed[1]))
    return choice.agent, choice.rationale


def _told(store: Store, what: Supposition, at: int | None) -> Iterator[Supposed]:
    """What would be told to agents before a run, or no longer be told, at another threshold: it is of the whole log."""
    found = patterns(store, half_life_days=what.half_life_days, at=at)
    for (agent,) in store.query(_AGENTS, at=at).rows:
        now, then = (told_patterns(found, agent, limit) for limit in (what.threshold_now, what.threshold or 0))
        for row in [*(row for row in now if row not in then), *(row for row in then if row not in now)]:
            recorded, supposed = ("told before a run" if row in some else "not told" for some in (now, then))
            yield Supposed(
                "every session", f"what {agent} is told", recorded, supposed,
                f"{row['type']} {row['name']} (confidence {row['confidence']})",
                "what the agent would have done with it", tuple(row["evidence"]),
            )  # fmt: skip

"""What if: the whole log under another price table, rule, limit or threshold, by reading it again; nothing is run."""

import heapq
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from orchestrion.domain.events import UsageRecorded
from orchestrion.domain.ports import Prices
from orchestrion.projections.inquiry.spans import Span, spans_of
from orchestrion.projections.learning.patterns import patterns
from orchestrion.projections.learning.routing import LogRouter
from orchestrion.projections.store import Store

_SESSIONS = """SELECT session, source, status, started_at, position FROM sessions
WHERE session = $session OR $session IS NULL ORDER BY started_at NULLS LAST, session"""
_RUNS = """SELECT run, session, agent, status, duration_ms, tool_calls, task_id, parent_run FROM agent_runs
WHERE session = $session ORDER BY started_at NULLS LAST, run"""
_SPENT = """SELECT request_id, session, run, model, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
    cache_write_1h_tokens, happened_at FROM usage WHERE session = $session
ORDER BY happened_at NULLS LAST, request_id"""
_CALLED = """SELECT run, started_at AS happened_at, position FROM tool_calls WHERE session = $session
ORDER BY started_at NULLS LAST, position"""
_PLANS = "SELECT request, tasks, position FROM plans WHERE session = $session ORDER BY position"
PATTERN_FORMS = ("type", "name", "agent")


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
    threshold_now: int = 70
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
    if what.tokens is not None:
        yield from _budget(one, "tokens", what.tokens, _tokens(one), "tokens of its model requests")
    if what.calls is not None:
        yield from _budget(one, "tool calls", what.calls, [(row, 1) for row in one.ask(_CALLED)], "its tool calls")
    if what.cost is not None:
        yield from _budget(one, "cost", what.cost, _costs(one, what), "dollars of its model requests")
    if what.routing is not None:
        yield from _routed(one, what.routing)


def _prices(one: _Session, prices: Prices, against: Prices | None) -> Iterator[Supposed]:
    requests = [_usage(row) for row in one.ask(_SPENT)]
    if not requests:
        return
    now, then = (_total(requests, table) for table in (against, prices))
    missing = sorted({each.model or "no model named" for each in requests if prices.cost(each) is None})
    words = f"{len(requests)} requests to models"
    unknown = f"no price for {', '.join(missing)}: the sum is without them" if missing else "nothing"
    yield Supposed(one.session, "cost in US dollars", now, then, words, unknown, changes=now != then or bool(missing))


def _total(requests: Sequence[UsageRecorded], prices: Prices | None) -> float | None:
    known = [cost for cost in (prices.cost(each) for each in requests) if cost is not None] if prices else []
    return round(sum(known), 6) if known else None


def _timeout(one: _Session, seconds: float) -> Iterator[Supposed]:
    limit = seconds * 1000
    stopped = [run for run in one.runs if (run["duration_ms"] or 0) > limit and run["status"] != "timed_out"]
    for run in stopped:
        yield Supposed(
            one.session, "timeout", run["status"], "timed_out",
            f"{run['run']} took {run['duration_ms']} ms and would have been stopped at {limit:.0f} ms",
            "what it had done by then would have been worth, and what others would have done without its end",
        )  # fmt: skip
    for run in one.runs:
        if run["status"] == "timed_out" and run["duration_ms"] is not None and run["duration_ms"] < limit:
            yield Supposed(
                one.session, "timeout", "timed_out", None,
                f"{run['run']} was stopped after {run['duration_ms']} ms and might have gone on to {limit:.0f} ms",
                "how it would have ended",
            )  # fmt: skip


def _parallel(one: _Session, most: int) -> Iterator[Supposed]:
    timed = spans_of(one.store, one.session, at=one.at)
    if not timed.runs:
        return
    workers = [run for run in timed.runs.values() if run.parent is not None or len(timed.runs) > 1]
    planned = any(run.after for run in workers)
    own = [run for run in workers if run.parent is None] if planned else [run for run in workers if run.parent]
    if len(own) < 2:
        return
    recorded = max(run.ended for run in own) - min(run.began for run in own)
    free, bound = (scheduled(own, limit) for limit in (len(own), most))
    ends = [max(begins[run.id] + run.ms for run in own) for begins in (free, bound)]
    later = [run for run in own if bound[run.id] > free[run.id]]
    yield Supposed(
        one.session, "time in ms with fewer agents at once", recorded, recorded + ends[1] - ends[0],
        f"{len(own)} runs in the order of their causes, at most {most} at once: {len(later)} would begin later",
        "whether runs that meet no longer would take as long as they did", changes=bool(later),
    )  # fmt: skip


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


def _budget(
    one: _Session, about: str, most: float, spent: Sequence[tuple[dict[str, Any], float | None]], words: str
) -> Iterator[Supposed]:
    total = sum(amount for _, amount in spent if amount is not None)
    missing = sum(amount is None for _, amount in spent)
    if total <= most:
        return
    sum_so_far = 0.0
    for number, (row, amount) in enumerate(spent, 1):
        sum_so_far += amount or 0
        if sum_so_far > most:
            runs = {later["run"] for later, _ in spent[number:]}
            yield Supposed(
                one.session, f"budget of {about}", _figure(total), _figure(most),
                f"{words} reach {most:g} at number {number} of {len(spent)} ({row['happened_at']}); "
                f"{len(spent) - number} more in {len(runs)} runs would not have been made",
                "what of the result was done by then" + (f"; {missing} requests have no price" if missing else ""),
            )  # fmt: skip
            return


def _figure(value: float) -> float:
    return int(value) if float(value).is_integer() else round(value, 6)


def _tokens(one: _Session) -> list[tuple[dict[str, Any], float | None]]:
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    return [(row, sum(row[name] or 0 for name in names)) for row in one.ask(_SPENT)]


def _costs(one: _Session, what: Supposition) -> list[tuple[dict[str, Any], float | None]]:
    table = what.prices or what.against
    return [(row, table.cost(_usage(row)) if table else None) for row in one.ask(_SPENT)]


def _usage(row: dict[str, Any]) -> UsageRecorded:
    counts = {name: row[name] or 0 for name in row if name.endswith("_tokens")}
    told = {"source": "transcript", "happened_at": row["happened_at"], "model": row["model"], **counts}
    return UsageRecorded.model_validate({"request_id": row["request_id"], **told})


def _routed(one: _Session, rule: str) -> Iterator[Supposed]:
    """Every recorded choice among agents that were called for alike, made again by another rule."""
    for plan in one.ask(_PLANS):
        request, position = plan["request"], plan["position"]
        for task in orjson.loads(plan["tasks"] or "[]"):
            able: list[str] = list(task.get("able") or ())
            if len(able) < 2:
                continue
            chosen, reason = able[0], f"the first of {', '.join(able)}"
            if rule == "learned":
                router = LogRouter(one.store, at=position)
                choice = router.choose(able, task=request or "", seed=zlib.crc32(f"{one.session}".encode()))
                chosen, reason = choice.agent, choice.rationale
            yield Supposed(
                one.session, f"routing of {task['id']}", task["agent"], chosen, reason,
                "how the other agent would have done", changes=chosen != task["agent"],
            )  # fmt: skip


def _told(store: Store, what: Supposition, at: int | None) -> Iterator[Supposed]:
    """Patterns that would be told, or no longer be told, at another threshold: they are of the whole log."""
    limit, now = what.threshold or 0, what.threshold_now
    low, high = sorted((limit, now))
    for row in patterns(store, at=at):
        if row["life"] != "refuted" and low <= row["confidence"] < high:
            name = " ".join(str(row[form]) for form in PATTERN_FORMS if row[form])
            told, silent = "told before a run", "not told"
            yield Supposed(
                "every session", "learning threshold", told if row["confidence"] >= now else silent,
                told if row["confidence"] >= limit else silent, f"{name} (confidence {row['confidence']})",
                "what agents would have done with it", tuple(row["evidence"]),
            )  # fmt: skip

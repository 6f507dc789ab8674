"""What another budget would have stopped: a session's acts in their order, under the rule that stops our own runs."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from orchestrion.domain.events import UsageRecorded
from orchestrion.domain.ports import Prices
from orchestrion.domain.spending import Allowed, Spending, Stopped

Kind = Literal["start", "request", "call"]

_SPENT = """SELECT u.request_id, u.model, u.input_tokens, u.output_tokens, u.cache_read_tokens,
    u.cache_write_tokens, u.cache_write_1h_tokens, u.happened_at, r.position
FROM usage AS u JOIN requests AS r ON u.request_id = r.request_id WHERE u.session = $session
ORDER BY u.happened_at NULLS LAST, r.position"""
_STARTED = """SELECT run, agent, parent_run, started_at AS happened_at, position FROM run_spans
WHERE session = $session"""
_CALLED = "SELECT tool, started_at AS happened_at, position FROM tool_calls WHERE session = $session"
_NAMES: dict[Kind, str] = {"call": "tool call", "request": "model request", "start": "run"}
_FIRST, _ASKED, _CALLS, _LED_TO = range(4)
"""What comes first of what was done at the same time: a run, its request, the calls that this led to, their runs."""

Rows = list[dict[str, Any]]
Ask = Callable[[str], Rows]


@dataclass(frozen=True, slots=True)
class Act:
    """Something before which a budget is asked: a run's start, a model request (with what it used), a tool call."""

    kind: Kind
    what: str
    at: datetime | None
    position: int
    tie: int
    usage: UsageRecorded | None = None

    @property
    def order(self) -> tuple[bool, datetime, int, int]:
        """By its time, and by its place in the log where none is known."""
        return self.at is None, self.at or datetime.min, 0 if self.at is None else self.tie, self.position


@dataclass(frozen=True, slots=True)
class Halt:
    """Where a budget stops a session: before the act `at`; it and the `rest` after it would not have been done."""

    why: Stopped
    at: Act
    rest: Sequence[Act]
    spent: Spending
    total: Spending

    @property
    def told(self) -> str:
        """In a sentence."""
        counts = Counter(act.kind for act in (self.at, *self.rest))
        left = [f"{counts[kind]} {name}{'s'[: counts[kind] != 1]}" for kind, name in _NAMES.items() if counts[kind]]
        when = f" ({self.at.at.isoformat(' ', 'seconds')})" if self.at.at else ""
        before = f"before {self.at.what} at position {self.at.position}{when}"
        return f"it ends {before}, without {', '.join(left)}: {self.why.reason}"


def requests_of(ask: Ask) -> list[Act]:
    """The model requests of the session that `ask` asks, by time."""
    return [
        Act("request", f"a request to {row['model'] or 'a model'}", row["happened_at"], row["position"], _ASKED,
            _usage(row))
        for row in ask(_SPENT)
    ]  # fmt: skip


def acts_in_order(ask: Ask) -> list[Act]:
    """Everything that a budget is asked about, in the order in which it was done."""
    started = [
        Act("start", f"the start of {row['agent'] or row['run']}", row["happened_at"], row["position"],
            _LED_TO if row["parent_run"] else _FIRST)
        for row in ask(_STARTED)
    ]  # fmt: skip
    called = [
        Act("call", f"the call of {row['tool'] or 'a tool'}", row["happened_at"], row["position"], _CALLS)
        for row in ask(_CALLED)
    ]
    return sorted([*started, *requests_of(ask), *called], key=lambda act: act.order)


def halt(acts: Sequence[Act], allowed: Allowed, prices: Prices | None) -> Halt | None:
    """Where `allowed` stops the session of these acts; None if it never does."""
    spent = Spending(prices)
    for number, act in enumerate(acts):
        why = spent.stopped(allowed)
        if why is not None:
            return Halt(why, act, acts[number + 1 :], spent, _all_of(acts, prices))
        _do(act, spent)
    return None


def _all_of(acts: Sequence[Act], prices: Prices | None) -> Spending:
    total = Spending(prices)
    for act in acts:
        _do(act, total)
    return total


def _do(act: Act, spent: Spending) -> None:
    if act.usage is not None:
        spent.add(act.usage)
    spent.calls += act.kind == "call"


def _usage(row: dict[str, Any]) -> UsageRecorded:
    counts = {name: row[name] or 0 for name in row if name.endswith("_tokens")}
    told = {"source": "transcript", "happened_at": row["happened_at"], "model": row["model"], **counts}
    return UsageRecorded.model_validate({"request_id": row["request_id"], **told})

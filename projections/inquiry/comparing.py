"""Two sessions side by side, aligned by the order of causes: what is the same, and where they first part."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from orchestrion.domain.elapsed import elapsed_ms
from orchestrion.projections.inquiry.acts import Act, acts_of
from orchestrion.projections.inquiry.aligning import opposite
from orchestrion.projections.inquiry.causes import links
from orchestrion.projections.store import Store

Difference = Literal["same", "changed", "only a", "only b"]
MAX_ALIGNED = 20_000
"""Steps of a session that are aligned, the first in the order of causes."""
_SHOWN_KINDS = frozenset(
    {"plan.made", "agent.started", "agent.completed", "agent.failed", "tool.called", "message.sent", "handoff.offered"}
)
_ID = re.compile(r"\b(?:[a-z]{2,5}_)?[0-9a-f]{8}[0-9a-f-]{8,}\b")
_PLACE = re.compile(r"(?:/[\w.@+-]+){2,}/")
_ENDS = frozenset({"agent.completed", "agent.failed"})


@dataclass(frozen=True, slots=True)
class Step:
    """One act of a session as it is aligned: `key` says what it is, `said` what it was about without names of runs."""

    key: tuple[str, ...]
    said: str
    act: Act


@dataclass(frozen=True, slots=True)
class Pair:
    """A step of `a` beside its fellow of `b`; one of them is None where the other stands alone."""

    how: Difference
    a: Step | None
    b: Step | None

    def as_row(self) -> dict[str, Any]:
        """For people and JSON."""
        steps = {"a": self.a, "b": self.b}
        told = {
            side: None
            if step is None
            else {"position": step.act.position, "kind": step.act.kind, "agent": step.act.agent, "what": step.act.what}
            for side, step in steps.items()
        }
        return {"how": self.how, **told}


@dataclass(frozen=True, slots=True)
class Comparison:
    """`aspects`: (name, of a, of b, same); `pairs`: the aligned steps; `parting`: the first that differs in kind."""

    a: str
    b: str
    aspects: tuple[tuple[str, Any, Any, bool], ...]
    pairs: tuple[Pair, ...]
    parting: Pair | None
    """None where both took the same steps."""
    changed: Pair | None
    """The first step that both took, about something else (other parameters, another text)."""
    left_out: int = 0
    """Steps beyond `MAX_ALIGNED`."""

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "a": self.a,
            "b": self.b,
            "aspects": [dict(zip(("aspect", "a", "b", "same"), row, strict=True)) for row in self.aspects],
            "first_divergence": self.parting.as_row() if self.parting else None,
            "first_change": self.changed.as_row() if self.changed else None,
            "steps": [pair.as_row() for pair in self.pairs],
            "steps_left_out": self.left_out,
        }


def compare(store: Store, a: str, b: str, *, at: int | None = None) -> Comparison:
    """Sessions `a` and `b` beside each other, as of position `at`."""
    acts = {name: acts_of(store, name, at=at) for name in (a, b)}
    steps = {name: _ordered(acts[name], name) for name in (a, b)}
    left_out = sum(max(len(own) - MAX_ALIGNED, 0) for own in steps.values())
    pairs = tuple(_aligned(steps[a][:MAX_ALIGNED], steps[b][:MAX_ALIGNED]))
    return Comparison(
        a,
        b,
        tuple(_aspects(store, a, b, steps, at)),
        pairs,
        next((pair for pair in pairs if pair.how in ("only a", "only b")), None),
        next((pair for pair in pairs if pair.how == "changed"), None),
        left_out,
    )


def _ordered(acts: Sequence[Act], session: str) -> list[Step]:
    """The steps in the order of causes: each after what led to it, branches by what they are and not by their time.

    Agents that work side by side end now in one order and now in another: that is no difference.
    """
    led = links(acts)
    following: dict[int | None, list[Act]] = defaultdict(list)
    known = {act.position for act in acts}
    for act in acts:
        cause = led[act.position][0].position if act.position in led else None
        following[cause if cause in known else None].append(act)
    statuses = {act.call: act.status for act in acts if act.kind == "tool.returned" and act.call is not None}
    steps: list[Step] = []
    stack, seen = list(reversed(_siblings(following[None]))), set[int]()
    while stack:
        act = stack.pop()
        if act.position in seen:
            continue
        seen.add(act.position)
        if act.kind in _SHOWN_KINDS:
            steps.append(_step(act, statuses, session))
        stack += reversed(_siblings(following[act.position]))
    rest = [act for act in acts if act.position not in seen and act.kind in _SHOWN_KINDS]  # causes in a circle
    return steps + [_step(act, statuses, session) for act in rest]


def _siblings(acts: list[Act]) -> list[Act]:
    """Acts of one run keep their order; runs stand in the order of their agents' names."""
    return sorted(acts, key=lambda act: (act.kind == "agent.started", act.agent if act.kind == "agent.started" else "",
                                         act.kind in _ENDS, act.position))  # fmt: skip


def _step(act: Act, statuses: dict[Any, Any], session: str) -> Step:
    key: tuple[str, ...]
    match act.kind:
        case "tool.called":
            key = (act.kind, str(act.agent), str(act.tool), str(statuses.get(act.call, "unresolved")))
        case "message.sent":
            key = (act.kind, str(act.sender), str(act.recipient), str(act.type))
        case "handoff.offered":
            key = (act.kind, str(act.giver), str(act.taker))
        case "agent.completed" | "agent.failed":
            key = ("agent ended", str(act.agent), str(act.status or act.kind))
        case _:
            key = (act.kind, str(act.agent))
    return Step(key, _alike(act.what, session), act)


def _alike(text: str, session: str) -> str:
    """The text without what differs from one session to the next of the same: ids and folders."""
    return _PLACE.sub("…/", _ID.sub("‹id›", text.replace(session, "‹session›")))


def _aligned(a: Sequence[Step], b: Sequence[Step]) -> list[Pair]:
    pairs: list[Pair] = []
    i = j = 0
    both = opposite([step.key for step in a], [step.key for step in b])
    for here, there in (*both, (len(a), len(b))):
        pairs += [Pair("only a", step, None) for step in a[i:here]]
        pairs += [Pair("only b", None, step) for step in b[j:there]]
        if here < len(a):
            one, other = a[here], b[there]
            pairs.append(Pair("same" if one.said == other.said else "changed", one, other))
        i, j = here + 1, there + 1
    return pairs


_SESSION = "SELECT * FROM sessions WHERE session = $session"
_PLAN = "SELECT tasks, phases FROM plans WHERE session = $session ORDER BY position DESC LIMIT 1"
_TOLD = ("source", "request", "status", "duration_ms", "agents", "tool_calls", "messages")
_SPENT = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cost_microdollars")


def _aspects(
    store: Store, a: str, b: str, steps: dict[str, list[Step]], at: int | None
) -> list[tuple[str, Any, Any, bool]]:
    rows = []
    told = {name: _of_session(store, name, at) for name in (a, b)}
    plans = {name: _plan(store, name, at) for name in (a, b)}
    rows.append(_aspect("plan", plans[a], plans[b]))
    for name, kind in (("agents", "agent.started"), ("tool sequence", "tool.called"),
                       ("message flow", "message.sent"), ("handoffs", "handoff.offered"),
                       ("outcomes", "agent ended")):  # fmt: skip
        rows.append(_aspect(name, *(_counted(steps[side], kind) for side in (a, b))))
    for name in (*_TOLD, *_SPENT):
        if name in told[a]:
            rows.append(_aspect(name, told[a][name], told[b].get(name)))
    return rows


def _aspect(name: str, a: Any, b: Any) -> tuple[str, Any, Any, bool]:
    return name, a, b, a == b


def _of_session(store: Store, session: str, at: int | None) -> dict[str, Any]:
    rows = store.query(_SESSION, {"session": session}, at=at).dicts()
    row = rows[0] if rows else {}
    return {**row, "duration_ms": elapsed_ms(row.get("started_at"), row.get("ended_at"))}


def _plan(store: Store, session: str, at: int | None) -> str | None:
    rows = store.query(_PLAN, {"session": session}, at=at).rows
    if not rows:
        return None
    phases = orjson.loads(rows[0][1]) if isinstance(rows[0][1], str) else rows[0][1]
    return " → ".join(" ∥ ".join(phase) for phase in phases or ())


def _counted(steps: list[Step], kind: str) -> str:
    """What there was of a kind, in its order at first sight, with counts: the sequence itself is in the steps."""
    counts = Counter(" ".join(step.key[1:] if kind != "tool.called" else step.key[2:3]) for step in steps
                     if step.key[0] == kind)  # fmt: skip
    return ", ".join(f"{name} ×{count}" if count > 1 else name for name, count in counts.items())

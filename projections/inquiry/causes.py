"""Why something happened: the chain of causes back to the request, and what followed from it."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from orchestrion.domain.errors import NotFound
from orchestrion.projections.inquiry.acts import Act, act_at, act_at_place, acts_of
from orchestrion.projections.store import Store

FOLLOWED_SHOWN = 50
"""What followed, at most, the nearest first."""


@dataclass(frozen=True, slots=True)
class Link:
    """One event of a chain. `by` says what ties it to the one that led to it: `recorded` in the log, or the rule."""

    act: Act
    by: str | None
    depth: int

    def as_row(self) -> dict[str, Any]:
        """For people and JSON."""
        act = self.act
        return {
            "position": act.position,
            "kind": act.kind,
            "agent": act.agent,
            "run": act.run,
            "happened_at": act.happened_at,
            "depth": self.depth,
            "by": self.by,
            "what": act.what,
        }


@dataclass(slots=True)
class Why:
    """`causes`: from the event itself back to where all began; `followed`: what it led to, `total` of it in all."""

    causes: list[Link]
    followed: list[Link]
    total: int
    missing: str | None = None
    """A cause that the log names but does not hold."""


@dataclass(slots=True)
class _Known:
    """The acts of a session by what they are the first, or a part, of."""

    acts: list[Act]
    by_place: dict[str, Act] = field(default_factory=dict)
    firsts: dict[tuple[str, Any], Act] = field(default_factory=dict)
    asked: dict[int, Act] = field(default_factory=dict)
    """Position of an act within a run to the prompt or task that its run was working on."""

    def __post_init__(self) -> None:
        latest: dict[str, Act] = {}
        for act in self.acts:
            self.by_place[act.place] = act
            for kind, name in _FIRSTS:
                if act.kind == kind and act.fields[name] is not None:
                    self.firsts.setdefault((kind, act.fields[name]), act)
            if act.run is None:
                continue
            if act.run in latest:
                self.asked[act.position] = latest[act.run]
            if act.kind == "message.sent" and act.type in ("prompt", "task"):
                latest[act.run] = act

    def first(self, kind: str, key: Any) -> Act | None:
        return self.firsts.get((kind, key)) if key is not None else None


_FIRSTS = (
    ("session.started", "session"),
    ("plan.made", "session"),
    ("agent.started", "run"),
    ("agent.completed", "run"),
    ("tool.called", "call"),
    ("message.sent", "message"),
    ("handoff.offered", "handoff"),
    ("pattern.discovered", "pattern"),
)

_RULES: tuple[tuple[str, Callable[[Act], bool], Callable[[_Known, Act], Act | None]], ...] = (
    ("a call and its end", lambda a: a.kind in ("tool.returned", "process.started"),
     lambda k, a: k.first("tool.called", a.call)),
    ("a message and its way", lambda a: a.kind.startswith("message.") and a.kind != "message.sent",
     lambda k, a: k.first("message.sent", a.message)),
    ("an offer and its answer", lambda a: a.kind.startswith("handoff.") and a.kind != "handoff.offered",
     lambda k, a: k.first("handoff.offered", a.handoff)),
    ("a pattern and its later facts", lambda a: a.kind.startswith("pattern.") and a.kind != "pattern.discovered",
     lambda k, a: k.first("pattern.discovered", a.pattern)),
    ("a message and its answer", lambda a: a.kind == "message.sent",
     lambda k, a: k.first("message.sent", a.in_reply_to)),
    ("a call that starts an agent", lambda a: a.kind == "agent.started",
     lambda k, a: k.first("tool.called", a.parent_call)),
    ("an agent that starts another", lambda a: a.kind == "agent.started",
     lambda k, a: k.first("agent.started", a.parent_run)),
    ("a run and its judgement", lambda a: a.kind == "outcome.judged",
     lambda k, a: k.first("agent.completed", a.subject) or k.first("agent.started", a.subject)),
    ("a run that is expected", lambda a: a.kind in ("estimate.made", "agent.started"),
     lambda k, a: k.first("plan.made", a.session)),
    ("what the run was asked", lambda a: a.kind != "agent.started", lambda k, a: k.asked.get(a.position)),
    ("an act of the run", lambda a: a.kind != "agent.started", lambda k, a: k.first("agent.started", a.run)),
    ("a part of the session", lambda a: a.kind != "session.started",
     lambda k, a: k.first("session.started", a.session)),
)  # fmt: skip
"""Where the log records no cause: name, which acts it is for, and the act that led to them. The first that fits."""


def why(store: Store, position: int, *, at: int | None = None, limit: int = FOLLOWED_SHOWN) -> Why:
    """The chain of causes of the event at `position`, and up to `limit` events that followed. Raises NotFound."""
    start = act_at(store, position, at=at)
    if start is None:
        raise NotFound(
            f"there is no event at position {position} that could be read; "
            "`orchestrion log --format jsonl` shows positions"
        )
    known = _Known(acts_of(store, start.session, at=at) if start.session else [start])
    causes, missing = _back(store, known, start, at)
    followed = _forth(known, start)
    return Why(causes, followed[:limit], len(followed), missing)


def links(acts: Iterable[Act]) -> dict[int, tuple[Act, str]]:
    """Position of each of a session's `acts` to the one that led to it, and by what; first causes are left out."""
    known = _Known(list(acts))
    found = {act.position: _led(known, act) for act in known.acts}
    return {position: led for position, led in found.items() if led is not None}


def _back(store: Store, known: _Known, start: Act, at: int | None) -> tuple[list[Link], str | None]:
    chain: list[Link] = []
    seen, act = set[int](), start
    missing: str | None = None
    while act.position not in seen:
        seen.add(act.position)
        led = _led(known, act)
        if act.cause is not None and act.cause not in known.by_place:
            other = act_at_place(store, act.cause, at=at)
            missing = act.cause if other is None else missing
            if other is not None:
                led = (other, "recorded")
                if other.session and other.session != act.session:
                    known = _Known(acts_of(store, other.session, at=at))
        by = led[1] if led else None
        chain.append(Link(act, by, len(chain)))
        if led is None:
            break
        act = led[0]
    return chain, missing


def _forth(known: _Known, start: Act) -> list[Link]:
    after: dict[int, list[tuple[Act, str]]] = defaultdict(list)
    for act in known.acts:
        if (led := _led(known, act)) is not None:
            after[led[0].position].append((act, led[1]))
    found, seen, level, depth = [], {start.position}, [start.position], 1
    while level:
        following = []
        for position in level:
            for act, by in after[position]:
                if act.position not in seen:
                    seen.add(act.position)
                    found.append(Link(act, by, depth))
                    following.append(act.position)
        level, depth = following, depth + 1
    return found


def _led(known: _Known, act: Act) -> tuple[Act, str] | None:
    if act.cause is not None and (led := known.by_place.get(act.cause)) is not None and led is not act:
        return led, "recorded"
    for name, fits, find in _RULES:
        if fits(act) and (led := find(known, act)) is not None and led.position != act.position:
            return led, name
    return None

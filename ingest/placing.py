"""Finds out where each span of a trace stands, also while its spans still arrive, children before their parents."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestrion.ingest.spans import INPUT, Role, Span, agent_of, first

SPANS_REMEMBERED = 200_000
"""Of so many spans the place is known; the traces that were silent longest are forgotten first."""
WAITING_CHARACTERS = 64 * 1024 * 1024
"""Room for the contents of spans whose place is not known yet."""
DEPTH = 256
"""So far up is looked for a span's agent."""


@dataclass(slots=True)
class _Known:
    """What is remembered of a span."""

    parent: str | None
    role: Role
    name: str
    outer: bool = False
    """Whether a request to a model is below it."""


@dataclass(slots=True)
class _Trace:
    spans: dict[str, _Known] = field(default_factory=dict)
    waiting: dict[str, list[Span]] = field(default_factory=dict)
    """By the id of the span that is missing above them."""


class Placement:
    """Remembers the spans of traces, as many as there is room for, and says of each where it stands."""

    def __init__(self) -> None:
        self._traces: OrderedDict[str, _Trace] = OrderedDict()
        self._count = self._waiting = 0

    def place(self, spans: Iterable[Span]) -> list[Span]:
        """Set the places of `spans`, as far as they are known; returns earlier spans whose place is known only now."""
        fresh = [span for span in spans if self._takes(span)]
        told = [span for span in fresh if self._traces[span.trace].spans[span.id].role != "other"]
        for span in told:
            self._settle(span)
        again = [span for each in fresh for span in self._waited_for(each)]
        for span in (*told, *again):
            span.innermost = not self._traces[span.trace].spans[span.id].outer
        self._forget()
        return again

    def _takes(self, span: Span) -> bool:
        """Remember a span; False if it is known already."""
        trace = self._traces.setdefault(span.trace, _Trace())
        self._traces.move_to_end(span.trace)
        if span.id in trace.spans:
            span.repeated = True
            return False
        role = span.role
        name = agent_of(span) if role == "agent" else ""
        trace.spans[span.id] = _Known(None if span.parent == span.id else span.parent, role, name)
        self._count += 1
        return True

    def _waited_for(self, arrived: Span) -> list[Span]:
        """The spans that waited for this one and whose place is known now."""
        waiting = self._traces[arrived.trace].waiting.pop(arrived.id, [])
        for span in waiting:
            self._waiting -= _size(span)
            self._settle(span)
        return [span for span in waiting if span.settled]

    def _settle(self, span: Span) -> None:
        """Look for a span's agent, upwards; what is missing on the way is waited for."""
        trace = self._traces[span.trace]
        counts = trace.spans[span.id].role == "model" and first(span.attributes, INPUT) is not None
        above = trace.spans[span.id].parent
        for _ in range(DEPTH):
            if above is None:
                break
            known = trace.spans.get(above)
            if known is None:
                if span.within is None:
                    self._wait(trace, above, span)
                return
            known.outer = known.outer or (counts and known.role == "model")
            if span.within is None and known.role == "agent":
                span.within, span.agent = above, known.name
            if span.within is None and span.under is None and known.role == "tool":
                span.under = above
            span.settled = span.within is not None
            above = known.parent
        span.settled = True

    def _wait(self, trace: _Trace, missing: str, span: Span) -> None:
        """Keep a span until the one that is missing above it comes, as long as there is room."""
        span.settled, span.under = False, None
        if self._waiting < WAITING_CHARACTERS:
            trace.waiting.setdefault(missing, []).append(span)
            self._waiting += _size(span)

    def _forget(self) -> None:
        while self._count > SPANS_REMEMBERED and len(self._traces) > 1:
            _, trace = self._traces.popitem(last=False)
            self._count -= len(trace.spans)
            self._waiting -= sum(_size(span) for waiting in trace.waiting.values() for span in waiting)


def _size(span: Span) -> int:
    """About how much room a span's contents take, in characters."""
    return 100 + sum(len(value) for value in span.attributes.values() if isinstance(value, str))

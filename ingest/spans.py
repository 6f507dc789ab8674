"""Tells the facts of one trace's spans: agents, tool calls and tokens; the plumbing between them is ignored by rule.

Where a span stands needs the others of its document: `placed` says of each under which agent it is, and whether a
request to a model is the innermost one, so that its tokens count once.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from orchestrion.domain import events as e
from orchestrion.ingest.ledger import DUPLICATE
from orchestrion.ingest.telling import MAIN, SessionReader
from orchestrion.ingest.values import count, mapping, text

Role = Literal["agent", "tool", "model", "other"]
SPAN = "span"
DIGITS = 20
_OPERATIONS: Mapping[str, Role] = {
    "invoke_agent": "agent",
    "execute_tool": "tool",
    "chat": "model",
    "generate_content": "model",
    "text_completion": "model",
    "agent": "agent",
    "tool": "tool",
    "llm": "model",
    "generation": "model",
}
_ROLES = ("gen_ai.operation.name", "openinference.span.kind", "traceloop.span.kind", "langfuse.observation.type")
_INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
_OUTPUT = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion")
_CACHED = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
)
_MODEL = ("gen_ai.response.model", "gen_ai.request.model", "llm.model_name")
_TOOL = ("gen_ai.tool.name", "tool.name", "traceloop.entity.name")
_AGENT = ("gen_ai.agent.name", "agent.name", "traceloop.entity.name", "graph.node.id")
_ARGUMENTS = ("gen_ai.tool.call.arguments", "gcp.vertex.agent.tool_call_args", "input.value", "traceloop.entity.input")
_RESULT = ("gen_ai.tool.call.result", "gcp.vertex.agent.tool_response", "output.value", "traceloop.entity.output")


@dataclass(slots=True)
class Span:
    """One span, whatever wrote it. Times are nanoseconds since 1970; attributes hold plain values."""

    trace: str
    id: str
    parent: str | None
    name: str
    start: int | None
    end: int | None
    error: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    within: str | None = None
    """The span of the agent that this one belongs to."""
    innermost: bool = True
    """Whether no span below it is a request to a model."""

    @property
    def role(self) -> Role:
        """What the span is, by the attributes of the known conventions."""
        for name in _ROLES:
            role = _OPERATIONS.get(str(self.attributes.get(name, "")).lower())
            if role is not None:
                return role
        return "model" if first(self.attributes, _INPUT) is not None else "other"

    def as_part(self) -> dict[str, Any]:
        """The span as a part of a document."""
        return {"type": SPAN, **asdict(self)}


def first(attributes: Mapping[str, Any], names: Iterable[str]) -> Any:
    """The first of `names` that is there and says something."""
    return next((attributes[name] for name in names if attributes.get(name) not in (None, "")), None)


def placed(spans: Iterable[Span]) -> Iterator[Span]:
    """The spans of a document, each with its agent; in the document's order."""
    every = list(spans)
    by_id = {(span.trace, span.id): span for span in every}
    roles = {key: span.role for key, span in by_id.items()}
    for span in every:
        innermost = roles[span.trace, span.id] != "model"
        seen = {span.id}
        above = by_id.get((span.trace, span.parent or ""))
        while above is not None and above.id not in seen:
            seen.add(above.id)
            role = roles[above.trace, above.id]
            if role == "model" and not innermost and first(span.attributes, _INPUT) is not None:
                above.innermost = False
            if role == "agent" and span.within is None:
                span.within = above.id
            above = by_id.get((above.trace, above.parent or ""))
    return iter(every)


class SpanReader(SessionReader):
    """Reads spans; a trace is a session, a span of an agent a run of it."""

    product = "otel"
    source: e.Source = "otlp"

    def __init__(self) -> None:
        super().__init__()
        self._names: dict[str, str] = {}
        self._read: set[tuple[str, str]] = set()

    def line(self, value: dict[str, Any]) -> str:
        """Tell one span."""
        if value.get("type") != SPAN:
            return "no-span"
        span = _span_of(value)
        return "no-span" if span is None else self.span(span)

    def span(self, span: Span) -> str:
        """Tell one span; returns the rule if it brings nothing."""
        role = span.role
        if role == "other":
            return "plumbing"
        if (span.trace, span.id) in self._read:
            return DUPLICATE
        self._read.add((span.trace, span.id))
        self.at = None
        self.begin(span.trace)
        self.at = moment_of(span.start)
        within = f"{span.trace}/{span.within}" if span.within else f"{span.trace}/{MAIN}"
        self.run, self.agent = within, None if span.within else MAIN
        match role:
            case "agent":
                self._agent(span, within)
            case "tool":
                self._tool(span)
            case _:
                return self._model(span)
        return ""

    def _agent(self, span: Span, within: str) -> None:
        """A run of an agent; one within another's is work handed over."""
        name = text(first(span.attributes, _AGENT)) or span.name.removeprefix("invoke_agent").strip() or span.name
        run = f"{span.trace}/{span.id}"
        self._names[run] = name
        task, answer = told(first(span.attributes, _ARGUMENTS)), told(first(span.attributes, _RESULT))
        task = task if isinstance(task, str) or task is None else json.dumps(task, ensure_ascii=False)
        self.join(name, run, parent_run=within, task=task, model=text(first(span.attributes, _MODEL)))
        giver = self._names.get(within, MAIN)
        handed = span.within is not None and giver != name
        key = f"{span.trace}:{span.id}"
        if handed:
            self.hand_over(key, giver, name, task or span.name, taker_run=run)
        if span.end is None:
            return
        self.at = moment_of(span.end)
        ended = {"run": run, "agent": name, "duration_ms": _took(span)}
        if span.error is not None:
            self.tell(e.AgentFailed, **ended, reason=span.error)
        else:
            self.tell(e.AgentCompleted, **ended, outputs=answer)
        if handed:
            status = "completed" if span.error is None else "failed"
            self.tell(e.HandoffCompleted, run=run, agent=name, handoff=key, taker=name, status=status)

    def _tool(self, span: Span) -> None:
        """A tool call; one of the tools that transfer is a handoff as well."""
        name = text(first(span.attributes, _TOOL)) or span.name.removeprefix("execute_tool").strip() or span.name
        call = text(span.attributes.get("gen_ai.tool.call.id")) or f"{span.trace}:{span.id}"
        self.agent = self._names.get(self.run or "", self.agent)
        self.call(call, name, told(first(span.attributes, _ARGUMENTS)))
        if span.end is None:
            return
        self.at = moment_of(span.end)
        result = told(first(span.attributes, _RESULT))
        if span.error is None:
            self.answer(call, "ok", result, duration_ms=_took(span))
        else:
            self.answer(call, "error", span.error, duration_ms=_took(span))

    def _model(self, span: Span) -> str:
        """The tokens of a request; those that came from the cache are part of its input."""
        attributes = span.attributes
        cached = figure(first(attributes, _CACHED))
        figures = {
            "input_tokens": max(0, figure(first(attributes, _INPUT)) - cached),
            "output_tokens": figure(first(attributes, _OUTPUT)),
            "cache_read_tokens": cached,
        }
        if not span.innermost or not any(figures.values()):
            return "model-request"
        key = text(attributes.get("gen_ai.response.id")) or f"{span.trace}:{span.id}"
        self.tell(e.UsageRecorded, request_id=key, model=text(first(attributes, _MODEL)), **figures)
        return ""


def _span_of(part: dict[str, Any]) -> Span | None:
    """A span from its part of a document; None if it has no id."""
    trace, id = text(part.get("trace")), text(part.get("id"))
    if trace is None or id is None:
        return None
    return Span(
        trace,
        id,
        text(part.get("parent")),
        text(part.get("name")) or "",
        figure(part.get("start")) or None,
        figure(part.get("end")) or None,
        text(part.get("error")),
        mapping(part.get("attributes")),
        text(part.get("within")),
        part.get("innermost") is not False,
    )


def told(value: Any) -> Any:
    """An attribute's value, decoded where it is JSON in a string."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[", '"')):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def figure(value: Any) -> int:
    """A count that may be written as a string."""
    if isinstance(value, str):
        return count(int(value)) if value.isascii() and value.isdigit() and len(value) < DIGITS else 0
    return count(value)


def moment_of(nanoseconds: int | None) -> datetime | None:
    """A time from nanoseconds since 1970; None if it is none."""
    if nanoseconds is None or not 0 < nanoseconds < 2**63:
        return None
    return datetime.fromtimestamp(nanoseconds // 1000 / 1_000_000, UTC)


def _took(span: Span) -> int | None:
    """Milliseconds from a span's start to its end."""
    if span.start is None or span.end is None or not 0 <= span.end - span.start < 2**63:
        return None
    return (span.end - span.start) // 1_000_000

"""Tells the facts of placed spans: agents, tool calls, words and tokens; the plumbing between is ignored by rule."""

import json
from typing import Any, cast, get_args

from orchestrion.domain import events as e
from orchestrion.ingest.ledger import DUPLICATE
from orchestrion.ingest.span_messages import answered, asked, lately_asked
from orchestrion.ingest.spans import (
    ARGUMENTS,
    CACHE_READ,
    CACHE_WRITE,
    CONVERSATION,
    INPUT,
    MODEL,
    OUTPUT,
    RESULT,
    TOOL,
    Span,
    agent_of,
    figure,
    first,
    moment_of,
    told,
    took,
)
from orchestrion.ingest.telling import HUMAN, MAIN, SessionReader
from orchestrion.ingest.values import text

PARSER = 2
PROVISIONAL = 1
"""The parser of facts of a span whose agent is not known yet; the same facts, told when it is, supersede them."""
STATUS = "orchestrion.status"
"""An attribute of our own export: how a call or run ended, where a span knows only success and error."""
ENDLESS = frozenset({"unresolved", "unknown", "running", "waiting"})
"""Where it says so, the span's end says nothing."""
CALLS: frozenset[str] = frozenset(get_args(e.CallStatus))


class SpanReader(SessionReader):
    """Reads spans; a trace is a session, a span of an agent a run of it."""

    product = "otel"
    source: e.Source = "otlp"
    parser = PARSER

    def __init__(self) -> None:
        super().__init__()
        self._conversation: str | None = None

    def line(self, value: dict[str, Any]) -> str:
        """Tell one span."""
        span = Span.of_part(value)
        return "no-span" if span is None else self.span(span)

    def span(self, span: Span) -> str:
        """Tell one span; returns the rule if it brings nothing."""
        role = span.role
        if role == "other":
            return span.rule
        if span.repeated:
            return DUPLICATE
        self._begin(span)
        match role:
            case "agent":
                self._agent(span)
            case "tool":
                self._tool(span)
            case _:
                return self._model(span)
        return ""

    def tell(self, kind: type[e.Event], **fields: Any) -> str:
        """Tell a fact, with the conversation that its span names."""
        return super().tell(kind, **{"correlation": self._conversation, **fields})

    def _begin(self, span: Span) -> None:
        """The session, which is the same whatever span of it comes first; then the span's own place in it."""
        self.at, self._conversation, self.parser = None, None, PARSER
        self.begin(span.trace)
        self.at, self._conversation = moment_of(span.start), text(first(span.attributes, CONVERSATION))
        self.parser = PARSER if span.settled else PROVISIONAL
        self.run = f"{span.trace}/{span.within or MAIN}" if span.settled else None
        self.agent = (span.agent or MAIN) if span.settled else None

    def _agent(self, span: Span) -> None:
        """A run of an agent; one within another's is work handed over."""
        name, run = agent_of(span), f"{span.trace}/{span.id}"
        within = self.run or f"{span.trace}/{MAIN}"
        arguments, answer = told(first(span.attributes, ARGUMENTS)), told(first(span.attributes, RESULT))
        task = asked(span.attributes) or _as_text(arguments)
        call = f"{span.trace}:{span.under}" if span.under else None
        place = {"run": run, "agent": name}
        self.tell(
            e.AgentStarted,
            **place,
            parent_run=within,
            parent_call=call,
            task=task,
            model=text(first(span.attributes, MODEL)),
        )
        handed = span.within is not None and span.agent != name
        giver, key = span.agent if handed and span.agent else HUMAN, f"{span.trace}:{span.id}"
        if handed:
            self.hand_over(key, giver, name, task or span.name, taker_run=run)
        if task is not None and span.settled:
            self.say(f"{key}:in", "task" if handed else "prompt", giver, name, task, recipient_runs=(run,))
        if span.end is None or span.attributes.get(STATUS) in ENDLESS:
            return
        self.at = moment_of(span.end)
        ended = {**place, "duration_ms": took(span)}
        if span.error is not None:
            self.tell(e.AgentFailed, **ended, reason=span.error)
        else:
            self.tell(e.AgentCompleted, **ended, outputs=answer)
        if handed:
            status = "completed" if span.error is None else "failed"
            self.tell(e.HandoffCompleted, **place, handoff=key, taker=name, status=status)
        said = answered(span.attributes) or _as_text(answer)
        if said is not None and span.settled:
            self.say(f"{key}:out", "result" if handed else "response", name, giver, said, **place)

    def _tool(self, span: Span) -> None:
        """A tool call; one of the tools that transfer is a handoff as well."""
        name = text(first(span.attributes, TOOL)) or span.name.removeprefix("execute_tool").strip() or span.name
        call = f"{span.trace}:{span.id}"  # models number their calls as they like, and a retry repeats the number
        self.call(call, name, told(first(span.attributes, ARGUMENTS)))
        said = span.attributes.get(STATUS)
        if span.end is None or said in ENDLESS:
            return
        self.at = moment_of(span.end)
        status = cast(e.CallStatus, said) if said in CALLS else "ok" if span.error is None else "error"
        result = told(first(span.attributes, RESULT)) if status == "ok" else span.error
        self.answer(call, status, result, duration_ms=took(span))

    def _model(self, span: Span) -> str:
        """A request's tokens; those that came from the cache are part of its input. Words only outside of agents."""
        attributes = span.attributes
        key = f"{span.trace}:{span.id}"
        told_any = False
        if span.settled and span.within is None and span.innermost:
            for name, kind, sender, recipient, said in (
                ("in", "prompt", HUMAN, MAIN, lately_asked(attributes)),
                ("out", "response", MAIN, HUMAN, answered(attributes)),
            ):
                if said is not None:
                    self.say(f"{key}:{name}", kind, sender, recipient, said)  # type: ignore[arg-type]  # both are kinds
                    told_any = True
        if span.error is not None and span.innermost:
            self.incident("api_error", {"error": span.error, "model": first(attributes, MODEL)}, key)
            told_any = True
        read, written = figure(first(attributes, CACHE_READ)), figure(first(attributes, CACHE_WRITE))
        figures = {
            "input_tokens": max(0, figure(first(attributes, INPUT)) - read - written),
            "output_tokens": figure(first(attributes, OUTPUT)),
            "cache_read_tokens": read,
            "cache_write_tokens": written,
        }
        if span.innermost and any(figures.values()):
            request = text(attributes.get("gen_ai.response.id")) or key
            self.tell(e.UsageRecorded, request_id=request, model=text(first(attributes, MODEL)), **figures)
            told_any = True
        return "" if told_any else "model-request"


def _as_text(value: Any) -> str | None:
    """A text; JSON for what is none."""
    if value is None or value == "":
        return None
    try:
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except (RecursionError, ValueError):
        return None

"""One span of a trace, whatever wrote it, and what the known conventions call the things that it says."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal

from orchestrion.ingest.values import count, mapping, text

Role = Literal["agent", "tool", "model", "other"]
SPAN = "span"
DIGITS = 20
PLUMBING = "plumbing"

ROLES: Mapping[str, Role] = {
    "invoke_agent": "agent",
    "execute_tool": "tool",
    "chat": "model",
    "generate_content": "model",
    "text_completion": "model",
    "embeddings": "model",
    "embedding": "model",
    "agent": "agent",
    "tool": "tool",
    "llm": "model",
    "generation": "model",
}
"""What the values of `OPERATION` make of a span."""
NO_ACTS = (
    *("chain", "workflow", "invoke_workflow", "task", "plan", "create_agent"),
    *("retriever", "retrieval", "reranker", "guardrail", "evaluator"),
)
"""Operations that are neither agent, tool nor model: ignored, each by a rule of its name."""

OPERATION = ("gen_ai.operation.name", "openinference.span.kind", "traceloop.span.kind", "langfuse.observation.type")
INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
OUTPUT = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion")
CACHE_READ = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
)
CACHE_WRITE = (
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "llm.token_count.prompt_details.cache_write",
)
MODEL = ("gen_ai.response.model", "gen_ai.request.model", "llm.model_name")
TOOL = ("gen_ai.tool.name", "tool.name", "traceloop.entity.name")
AGENT = ("gen_ai.agent.name", "agent.name", "traceloop.entity.name", "graph.node.id")
ARGUMENTS = (
    "gen_ai.tool.call.arguments",
    "gcp.vertex.agent.tool_call_args",
    "tool.parameters",
    "input.value",
    "traceloop.entity.input",
)
RESULT = (
    "gen_ai.tool.call.result",
    "gcp.vertex.agent.tool_response",
    "output.value",
    "traceloop.entity.output",
    "final_result",
)
CONVERSATION = (
    "gen_ai.conversation.id",
    "session.id",
    "traceloop.association.properties.session_id",
    "gcp.vertex.agent.session_id",
)
PENDING = ("logfire.span_type", "pending_span")
"""Logfire's notice that a span has begun; the span itself follows when it ends."""
OF_CLAUDE_CODE = "claude_code."
"""Claude Code's own spans and events: its hooks and transcripts tell the same, and more."""


@dataclass(slots=True)
class Span:
    """One span. Times are nanoseconds since 1970; attributes hold plain values."""

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
    agent: str | None = None
    """That agent's name."""
    under: str | None = None
    """The span of the tool call that this one is below, within that agent."""
    innermost: bool = True
    """Whether no span below it is a request to a model."""
    settled: bool = False
    """Whether its place is known: its agent, or that there is none up to the trace's root."""
    repeated: bool = False
    """Whether a span of this id came before."""

    @property
    def role(self) -> Role:
        """What the span is, by the attributes of the known conventions."""
        if self.ignored_as is not None:
            return "other"
        for name in OPERATION:
            role = ROLES.get(str(self.attributes.get(name, "")).lower())
            if role is not None:
                return role
        return "model" if first(self.attributes, INPUT) is not None else "other"

    @property
    def ignored_as(self) -> str | None:
        """The rule by which the span is ignored though its attributes may name a role; None if there is none."""
        if self.name.startswith(OF_CLAUDE_CODE):
            return "claude-code"
        return "pending" if self.attributes.get(PENDING[0]) == PENDING[1] else None

    @property
    def rule(self) -> str:
        """The rule by which a span that is neither agent, tool nor model is ignored."""
        named = (str(self.attributes.get(name, "")).lower() for name in OPERATION)
        return self.ignored_as or next((f"operation:{each}" for each in named if each in NO_ACTS), PLUMBING)

    def as_part(self) -> dict[str, Any]:
        """The span as a part of a document."""
        return {"type": SPAN, **{name: getattr(self, name) for name in _FIELDS}}

    @classmethod
    def of_part(cls, part: Mapping[str, Any]) -> "Span | None":
        """The span that a part of a document is; None if it has no id."""
        trace, id = text(part.get("trace")), text(part.get("id"))
        if part.get("type") != SPAN or trace is None or id is None:
            return None
        return cls(
            trace,
            id,
            text(part.get("parent")),
            text(part.get("name")) or "",
            figure(part.get("start")) or None,
            figure(part.get("end")) or None,
            text(part.get("error")),
            mapping(part.get("attributes")),
            text(part.get("within")),
            text(part.get("agent")),
            text(part.get("under")),
            part.get("innermost") is not False,
            part.get("settled") is True,
            part.get("repeated") is True,
        )


_FIELDS = tuple(each.name for each in fields(Span))


def agent_of(span: Span) -> str:
    """The name of the agent whose span it is."""
    return text(first(span.attributes, AGENT)) or span.name.removeprefix("invoke_agent").strip() or span.name


def first(attributes: Mapping[str, Any], names: Iterable[str]) -> Any:
    """The first of `names` that is there and says something."""
    return next((attributes[name] for name in names if attributes.get(name) not in (None, "")), None)


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


def took(span: Span) -> int | None:
    """Milliseconds from a span's start to its end."""
    if span.start is None or span.end is None or not 0 <= span.end - span.start < 2**63:
        return None
    return (span.end - span.start) // 1_000_000

"""Reads the observations of a Langfuse trace as spans."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from orchestrion.ingest.spans import Span
from orchestrion.ingest.telling import objects
from orchestrion.ingest.values import mapping, moment, text

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ROLE = "langfuse.observation.type"
RUN = " run"
"""How Pydantic AI's spans of agents end, whose type is only SPAN."""

_FIGURES = {
    "input": "gen_ai.usage.input_tokens",
    "output": "gen_ai.usage.output_tokens",
    "input_cache_read": "gen_ai.usage.cache_read_input_tokens",
    "prompt_details.cache_read": "gen_ai.usage.cache_read_input_tokens",
}
_NAMED = ("agent_run [", "invoke_agent ", "execute_tool ", "running tool: ")


def spans_of_langfuse(whole: dict[str, Any]) -> Iterator[Span]:
    """The observations of one exported trace."""
    trace = text(mapping(whole.get("trace")).get("id")) or "trace"
    for each in objects(whole["observations"]):
        id = text(each.get("id"))
        if id is not None:
            yield _span(trace, id, each)


def _span(trace: str, id: str, each: dict[str, Any]) -> Span:
    kind, name = (text(each.get("type")) or "SPAN").lower(), text(each.get("name")) or ""
    if kind == "span" and name.endswith(RUN):
        kind = "agent"
    own = _short(name)
    attributes = {
        ROLE: kind,
        "gen_ai.request.model": each.get("model"),
        "input.value": each.get("input"),
        "output.value": each.get("output"),
        **{ours: mapping(each.get("usageDetails")).get(theirs) for theirs, ours in _FIGURES.items()},
    }
    attributes |= {"gen_ai.tool.name": own} if kind == "tool" else {"gen_ai.agent.name": own} if kind == "agent" else {}
    failed = each.get("level") == "ERROR"
    said = text(each.get("statusMessage")) or "error"
    kept = {key: value for key, value in attributes.items() if value is not None}
    return Span(
        text(each.get("traceId")) or trace,
        id,
        text(each.get("parentObservationId")),
        name,
        _nanoseconds(each.get("startTime")),
        _nanoseconds(each.get("endTime")),
        said if failed else None,
        kept,
    )


def _short(name: str) -> str:
    """An agent's or tool's name without what the framework puts around it."""
    for start in _NAMED:
        name = name.removeprefix(start)
    return name.removesuffix(RUN).removesuffix("]") or "agent"


def _nanoseconds(value: Any) -> int | None:
    """An ISO time as nanoseconds since 1970; None if it is none."""
    at = moment(value)
    if at is None or at < EPOCH:
        return None
    since = at - EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000

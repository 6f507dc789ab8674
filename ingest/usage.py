"""Token usage of streamed messages: one request stands on several lines, and only its largest figures count."""

from typing import Any, NamedTuple

from orchestrion.domain.events import UsageRecorded
from orchestrion.ingest.claude_context import PARTIAL, Context, Origin
from orchestrion.ingest.values import mapping, text, tokens

FIELDS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
HOUR = "ephemeral_1h_input_tokens"
"""In `cache_creation`: what is written into the cache for an hour, a part of `cache_creation_input_tokens`."""

SYNTHETIC = "<synthetic>"
"""The model named on lines that the client wrote itself; they cost nothing."""


class Request(NamedTuple):
    """What the lines of one request told so far."""

    most: tuple[int, ...]
    """The largest figure of each field."""
    figures: dict[str, Any]
    """All figures of its last line."""
    model: str | None
    first: Origin


def observe(context: Context, origin: Origin, message: dict[str, Any]) -> None:
    """Tell the usage of `message`'s request if this line shows more of it than the lines before.

    The repeated lines of a message carry the same input and cache figures and growing output figures, so each
    observation holds the maximum of each field so far; its model and time are those of the request's first line.
    Of a subagent's requests the spawning run's file copies only some lines: its own file supersedes them.
    """
    figures, request, model = mapping(message.get("usage")), text(message.get("id")), text(message.get("model"))
    if not figures or request is None or model == SYNTHETIC:
        return
    key = (origin.session, request)
    before = context.usage.get(key)
    if before is not None and before.figures == figures:  # as most lines after a request's first
        return
    seen = (*(tokens(figures.get(name)) for name in FIELDS), tokens(mapping(figures.get("cache_creation")).get(HOUR)))
    if before is None:
        most = context.usage.keep(key, Request(seen, figures, model, origin))
    else:
        larger = tuple(map(max, before.most, seen))
        most = context.usage.keep(key, before._replace(most=larger, figures=figures))
        if larger == before.most:
            return
    context.tell(_event(request, most))


def _event(request: str, seen: Request) -> UsageRecorded:
    """The observation as an event; its place in the log rises with its size."""
    return UsageRecorded.trusted(
        **seen.first.fields(PARTIAL if seen.first.copy else None),
        request_id=request,
        model=seen.model,
        input_tokens=seen.most[0],
        output_tokens=seen.most[1],
        cache_read_tokens=seen.most[2],
        cache_write_tokens=seen.most[3],
        cache_write_1h_tokens=seen.most[4],
    )

"""Token usage of streamed messages: one request stands on several lines, and only its largest figures count."""

from typing import Any

from orchestrion.domain.events import UsageRecorded
from orchestrion.ingest.claude_context import PARTIAL, Context, Origin
from orchestrion.ingest.values import count, mapping, text

FIELDS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
HOUR = "ephemeral_1h_input_tokens"
"""In `cache_creation`: what is written into the cache for an hour, a part of `cache_creation_input_tokens`."""

SYNTHETIC = "<synthetic>"
"""The model named on lines that the client wrote itself; they cost nothing."""


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
    seen = (*(count(figures.get(name)) for name in FIELDS), count(mapping(figures.get("cache_creation")).get(HOUR)))
    if before is None:
        most = context.usage.keep(key, (seen, model, origin))
    else:
        larger = tuple(map(max, before[0], seen))
        if larger == before[0]:
            return
        most = context.usage.keep(key, (larger, *before[1:]))
    context.tell(_event(request, *most))


def _event(request: str, figures: tuple[int, ...], model: str | None, first: Origin) -> UsageRecorded:
    """The observation as an event; its place in the log rises with its size."""
    return UsageRecorded.trusted(
        **first.fields(PARTIAL if first.copy else None),
        request_id=request,
        model=model,
        input_tokens=figures[0],
        output_tokens=figures[1],
        cache_read_tokens=figures[2],
        cache_write_tokens=figures[3],
        cache_write_1h_tokens=figures[4],
    )

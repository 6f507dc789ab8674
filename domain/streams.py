"""Where a fact stands: the natural key of its stream, and its slot in it.

Ids that we mint are unique everywhere. Ids that others gave are qualified by the session they were seen in, so that
a forked session's copy stands beside the original and the projection decides which one owns the fact.

A *witnessed* fact (read from a transcript, a hook, a trace) is not the outcome of a decision: it has a fixed slot for
its kind, its witness and its parser, so the same fact seen twice collides with itself and a second witness stands
beside the first.
"""

import secrets
import time
from functools import cache

from orchestrion.domain import events as e
from orchestrion.domain.record import Fact

WITNESSES: tuple[e.Source, ...] = ("conductor", "hook", "transcript", "otlp", "mcp", "user")
OURS = frozenset({"conductor", "user", "mcp"})
"""Sources whose ids we mint ourselves."""

SLOTS_PER_WITNESS = 100
SLOTS_PER_PARSER = 10_000
SIZES = 2**36
"""Room for the size of an observation that grows, in tokens."""

_FAMILIES: dict[str, tuple[str, str]] = {
    "session": ("session", "session"),
    "plan": ("session", "session"),
    "agent": ("run", "run"),
    "tool": ("tool", "call"),
    "approval": ("approval", "approval"),
    "model": ("model", "request_id"),
    "message": ("message", "message"),
    "topic": ("topic", "run"),
    "handoff": ("handoff", "handoff"),
    "pattern": ("pattern", "pattern"),
    "usage": ("usage", "request_id"),
    "estimate": ("estimate", "subject"),
    "outcome": ("outcome", "subject"),
    "limit": ("limit", "subject"),
    "lease": ("lease", "session"),
    "process": ("process", "call"),
    "cancel": ("cancel", "session"),
    "incident": ("incident", "incident"),
    "import": ("import", "content_hash"),
    "archive": ("archive", "content_hash"),
    "body": ("body", "body"),
}
_ROSTER = frozenset({"agent.registered", "agent.retired"})
_UNQUALIFIED = frozenset({"session", "run"})
_WITNESS_SLOTS = {source: SLOTS_PER_WITNESS * index for index, source in enumerate(WITNESSES)}


def stream_of(event: e.Event) -> str:
    """The stream's natural key: `tool-toolu_01…/<session>`, `run-<run>`, `message-<id>`.

    Examples: a session's own facts and its plan stand in `session-<session>`, the roster's in `roster-<session>`.
    """
    start, field, qualified = _key(type(event))
    if not qualified or event.session is None or event.source in OURS:
        return f"{start}{getattr(event, field)}"
    return f"{start}{getattr(event, field)}/{event.session}"


@cache
def _key(kind: type[e.Event]) -> tuple[str, str, bool]:
    """How the streams of a kind begin, the field that goes on, and whether the session qualifies it."""
    if kind.kind in _ROSTER:
        return "roster-", "session", False
    family, field = _FAMILIES[kind.kind.partition(".")[0]]
    return f"{family}-", field, family not in _UNQUALIFIED


def slot_of(event: e.Event) -> int:
    """The fixed version of a witnessed fact: by kind, witness and parser; growing usage also by its size."""
    slot = event.slot + _WITNESS_SLOTS[event.source] + SLOTS_PER_PARSER * (event.parser or 0)
    if isinstance(event, e.UsageRecorded):
        seen = event.input_tokens + event.output_tokens + event.cache_read_tokens + event.cache_write_tokens
        return slot * SIZES + min(seen, SIZES - 1)
    return slot


def witnessed(event: e.Event) -> Fact:
    """A fact as seen by somebody else, at its natural place in the log."""
    return Fact(stream_of(event), slot_of(event), event)


def place(fact: Fact) -> str:
    """`stream@version`, as `cause` names an event."""
    return f"{fact.stream}@{fact.version}"


def new_id(prefix: str) -> str:
    """A fresh id that sorts by time: `prefix_` + 48 bits of milliseconds + 64 random bits, in hex."""
    return f"{prefix}_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(8)}"

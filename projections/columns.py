"""The wide typed table: one column a field name of `KINDS`, filled by one `from_json`, each row checked as read.

A stored state holds no nulls and no empty defaults, so a row was read whole exactly if as many of its kind's fields
came out as it has keys, the required ones among them. Every other row is looked at again in Python (`repair.py`).
"""

# ruff: noqa: S608 - every name in these statements is one of our own; no text of users or of the log is in them

import json
import types
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from orchestrion.domain.events import KINDS, Event

PLACE = {
    "position": "BIGINT",
    "stream": "VARCHAR",
    "version": "BIGINT",
    "kind": "VARCHAR",
    "recorded_at": "TIMESTAMP",
    "readable": "BOOLEAN",
}
"""Columns that every row has, before those of its event; `data`, the state as it is stored, comes last."""

_SCALARS: dict[Any, str] = {str: "VARCHAR", bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE", datetime: "TIMESTAMP"}
_LISTS = {(str, ...): "VARCHAR[]", (int, ...): "BIGINT[]"}


def type_of(annotation: Any) -> str:
    """The DuckDB type of a field; whatever is nested is JSON."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_of(args[0])
    if origin in (Union, types.UnionType):
        return type_of(next(a for a in args if a is not type(None)))
    if origin is Literal:
        return type_of(type(args[0]))
    if origin is tuple:
        return _LISTS.get(args, "JSON")
    return _SCALARS.get(annotation, "JSON")


def fields_of(kinds: Collection[type[Event]]) -> dict[str, str]:
    """Field name to type over `kinds`. Raises TypeError where two kinds disagree: they share a column."""
    found: dict[str, str] = {}
    for cls in kinds:
        for name, field in cls.model_fields.items():
            kind = type_of(field.annotation)
            if found.setdefault(name, kind) != kind:
                raise TypeError(f"{cls.kind}.{name} is {kind}, but {found[name]} in another kind")
    return found


FIELDS = fields_of(list(KINDS.values()))
ACTS = frozenset({"tool.called", "tool.returned", "message.sent", "usage.recorded"})
"""The kinds that agents at work tell of again and again."""
OFTEN = ACTS | {"session.started", "agent.started", "agent.completed", "agent.failed", "incident.observed"}
"""The kinds that make up a log; of the others a session has a handful."""


SELDOM_READ = frozenset(
    {"altered", "mcp_servers", "files_read", "next_agents", "evidence", "path", "content_hash"}
    | {"holder", "pid", "born", "host", "taker", "taker_run", "verdict", "by"}
    | {"priority", "topic", "thread", "expires_at", "recipient_runs"}
)
"""Fields that no read model takes from many events. A list is stored in four columns' parts."""


def _earns_a_column(name: str) -> bool:
    having = [kind for kind, cls in KINDS.items() if name in cls.model_fields]
    shared = len(having) > 1 or not OFTEN.isdisjoint(having)
    return FIELDS[name] != "JSON" and shared and name not in SELDOM_READ


TYPED = {name: kind for name, kind in FIELDS.items() if _earns_a_column(name)}
"""Stored as columns: each costs every batch that is taken in, so the fields of a single rare kind are not."""
NESTED = {name: kind for name, kind in FIELDS.items() if name not in TYPED}
"""Read from `data` when asked for: what is nested would make the table twice as large, what is rare is quickly read."""
STORED = (*PLACE, *TYPED, "data")
"""The columns of the wide table, in its order."""


def quoted(name: str) -> str:
    """A column's name as SQL takes it: some fields are called like keywords."""
    return f'"{name}"'


def create_wide(table: str) -> str:
    """The statement that makes the wide table."""
    columns = {**PLACE, **TYPED, "data": "VARCHAR"}
    shape = ", ".join(f"{quoted(name)} {kind} {_compressed(name, kind)}" for name, kind in columns.items())
    return f"CREATE TABLE {table} ({shape})"


def _compressed(name: str, kind: str) -> str:
    """How a text is stored, so that DuckDB need not try every way: names repeat, states are long and alike."""
    return "" if kind != "VARCHAR" else f"USING COMPRESSION {'zstd' if name == 'data' else 'dict_fsst'}"


@cache
def nested(name: str) -> str:
    """A field that has no column as an expression over `data`, which is parsed for events that may have it alone."""
    kind, value, text = NESTED[name], f"data->'$.{name}'", f"data->>'$.{name}'"
    if kind != "JSON":
        value = f"try_cast({value if kind.endswith('[]') else text} AS {kind})"
    having = [f"'{each}'" for each, cls in KINDS.items() if name in cls.model_fields]
    if len(having) < len(KINDS):
        value = f"CASE WHEN kind IN ({', '.join(having)}) THEN {value} END"
    return f"{value} AS {quoted(name)}"


@cache
def insert_wide(table: str, source: str, kinds: frozenset[str] | None, *, forced: bool = False) -> str:
    """One statement that reads rows of `source` (position, stream, version, kind, recorded_at, state) into `table`.

    `kinds` are those that occur, which keeps the statement of a small batch small; None stands for all. `forced`
    leaves out the check: the rows were read and written again by the codec.
    """
    classes = [KINDS[k] for k in sorted(KINDS if kinds is None else kinds & KINDS.keys())]
    fields = fields_of(classes or [Event])
    typed = [name for name in fields if name in TYPED]
    readable = "true" if forced else f"coalesce({_readable(classes)}, false)"
    # Each field is taken out of `f` once: to name it there in the check as well would copy the others each time.
    out = ", ".join(f"f.{quoted(name)} AS {_out(name)}" for name in (typed if forced else [*fields, "v"]))
    return (
        f"INSERT INTO {table} (position, stream, version, kind, recorded_at, readable, "
        f"{', '.join(map(quoted, typed))}, data) "
        f"SELECT position, stream, version, kind, recorded_at::TIMESTAMP, {readable}, "
        f"{', '.join(map(_out, typed))}, state "
        f"FROM (SELECT position, stream, version, kind, recorded_at, state, {out} "
        f"FROM (SELECT *, try(from_json(state, '{_shape(fields)}')) AS f FROM {source}))"
    )


def _out(name: str) -> str:
    """What a field is called between its state and its column."""
    return f"out_{name}"


def _shape(fields: Mapping[str, str]) -> str:
    """What `from_json` shall make of a state, in its own notation."""
    spec: dict[str, Any] = {n: [t[:-2]] if t.endswith("[]") else t for n, t in fields.items()}
    return json.dumps({**spec, "v": "BIGINT"})


def _readable(classes: Collection[type[Event]]) -> str:
    """True where a row's kind is known, its schema version ours, and every key of its state came out."""
    cases = [f"WHEN '{cls.kind}' THEN {_read_whole(cls)}" for cls in classes]
    return f"CASE kind {' '.join(cases)} ELSE false END" if cases else "false"


def _read_whole(cls: type[Event]) -> str:
    names = list(cls.model_fields)
    found = ", ".join(f"{_out(n)} IS NOT NULL" for n in [*names, "v"])
    required = [f"{_out(n)} IS NOT NULL" for n, field in cls.model_fields.items() if field.is_required()]
    whole = f"try(len(json_keys(state))) = list_sum([{found}])"
    return " AND ".join([f"{_out('v')} = {cls.schema_version}", *required, whole])

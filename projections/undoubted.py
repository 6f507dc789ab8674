"""Tells which rows stand as our door writes them, each field of the type that its kind gives it.

SQL reads such a row whole, so nothing need be checked in SQL: for a small batch the check takes longer to plan than all
else. Whatever is doubtful is left to it, and to the codec.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from orchestrion.domain.events import KINDS, Event
from orchestrion.projections.columns import type_of

_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)", re.ASCII)
_LEAST, _MOST = -(2**63), 2**63 - 1


def undoubted(kind: str, raw: bytes) -> bool:
    """Whether the state `raw` of a `kind` is read whole by SQL, for certain."""
    shape = _SHAPES.get(kind)
    if shape is None:
        return False
    try:
        state = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return False
    # Written again it is the same: no name stands in it twice, no number in another notation.
    return type(state) is dict and orjson.dumps(state) == raw and shape.holds(state)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the fields of one kind may be."""

    version: int
    required: frozenset[str]
    fits: dict[str, Callable[[Any], bool]]

    def holds(self, state: dict[str, Any]) -> bool:
        version = state.pop("v", None)
        if type(version) is not int or version != self.version or not self.required <= state.keys():
            return False
        return all(name in self.fits and self.fits[name](value) for name, value in state.items())


def _whole_number(value: Any) -> bool:
    return type(value) is int and _LEAST <= value <= _MOST


def _moment(value: Any) -> bool:
    if type(value) is not str or not _UTC.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _list_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: type(value) is list and all(map(fits, value))


_FITS: dict[str, Callable[[Any], bool]] = {
    "VARCHAR": lambda value: type(value) is str,
    "BOOLEAN": lambda value: type(value) is bool,
    "BIGINT": _whole_number,
    "DOUBLE": lambda value: type(value) is float or _whole_number(value),
    "TIMESTAMP": _moment,
    "JSON": lambda value: value is not None,
}
_FITS |= {f"{name}[]": _list_of(_FITS[name]) for name in ("VARCHAR", "BIGINT")}


def _shape(cls: type[Event]) -> _Shape:
    fields = cls.model_fields
    return _Shape(
        cls.schema_version,
        frozenset(name for name, field in fields.items() if field.is_required()),
        {name: _FITS[type_of(field.annotation)] for name, field in fields.items()},
    )


_SHAPES = {kind: _shape(cls) for kind, cls in KINDS.items()}

"""Values that JSON, UTF-8, SQLite or DuckDB cannot hold, made into such that they can, saying what was done."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time
from enum import Enum
from typing import Any

from pydantic import BaseModel

from orchestrion.domain.bounds import storable
from orchestrion.eventstore.trees import Opened, json_container, mapped

MAX_NESTING = 100
"""Levels of lists and objects; parsers downstream give up at a few hundred."""

MAX_INTEGER = 2**63 - 1
MIN_INTEGER = -(2**63)
MAX_DECIMAL_BITS = 8192
"""Python refuses to write longer integers in decimal; they are written in hexadecimal."""

Reasons = set[str]


def fits(value: Any) -> bool:
    """Whether `value` can be stored as it is; it must end. Text is left to the encoder, which refuses bad ones."""
    pending = [value]
    while pending:
        item = pending.pop()
        kind = item.__class__
        if kind is str or item is None or kind is bool:
            continue
        if kind is dict:
            if any(name.__class__ is not str for name in item):
                return False
            pending.extend(item.values())
        elif kind is list or kind is tuple:
            pending.extend(item)
        elif kind is int:
            if not MIN_INTEGER <= item <= MAX_INTEGER:
                return False
        elif kind is float:
            if not math.isfinite(item):
                return False
        elif isinstance(item, BaseModel):
            pending.append(item.__dict__)
        else:
            return False
    return True


def plain(value: Any, reasons: Reasons) -> Any:
    """`value` in dicts, lists, text, numbers, booleans and None; what was no JSON is told in `reasons`."""

    def leaf(item: Any) -> Any:
        if item is None or item.__class__ in (str, bool, int, float):
            return item
        if isinstance(item, Enum):
            return leaf(item.value)
        for basic in (str, int, float):
            if isinstance(item, basic):
                return basic(item)
        reasons.add("type")
        return _as_text(item)

    def key(name: Any) -> Any:
        if name.__class__ is str:
            return name
        reasons.add("key")
        return name if isinstance(name, str) else _as_text(name)

    def cut(reason: str) -> str:
        reasons.add(reason)
        return f"[{reason}]"

    return mapped(value, leaf, key=key, opened=lambda item: _opened(item, reasons), cut=cut)


def _opened(item: Any, reasons: Reasons) -> Opened:
    """What is in `item`, if anything: of JSON's own containers and our models, and of others with a reason."""
    inner = item.__dict__ if isinstance(item, BaseModel) else json_container(item)
    if inner is None and (inner := _foreign(item)) is not None:
        reasons.add("type")
    return inner


def _foreign(item: Any) -> Opened:
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return {field.name: getattr(item, field.name, None) for field in dataclasses.fields(item)}
    if isinstance(item, Mapping):
        return dict(item)
    if isinstance(item, AbstractSet):
        return sorted(item, key=_as_text)
    if isinstance(item, Sequence) and not isinstance(item, (str, bytes, bytearray, memoryview)):
        return list(item)
    return None


def _as_text(item: Any) -> str:
    if isinstance(item, (bytes, bytearray, memoryview)):
        return bytes(item).decode("utf-8", "backslashreplace")
    if isinstance(item, (datetime, date, time)):
        return item.isoformat()
    try:
        return str(item)
    except Exception:  # whatever an object's own __str__ raises: content never fails an append
        return f"<{type(item).__name__}>"


def normal(value: Any, reasons: Reasons, *, typed: bool = False) -> Any:
    """A `plain` value as it can be stored; what was done is told in `reasons`.

    NaN and infinity become null, in a `typed` field their names; integers beyond 64 bits their digits; lone surrogates
    their escapes; NUL ␀; what is nested deeper than MAX_NESTING "[depth]".
    """

    def leaf(item: Any) -> Any:
        if isinstance(item, str):
            return text(item)
        if isinstance(item, float) and not math.isfinite(item):
            reasons.add("nan")
            return str(item) if typed else None
        if isinstance(item, int) and not MIN_INTEGER <= item <= MAX_INTEGER:
            reasons.add("integer")
            return digits(item)
        return item

    def text(item: Any) -> Any:
        stored = storable(item)
        if stored is not item and stored != item:
            reasons.add("nul" if "\0" in item else "surrogate")
        return stored

    def cut(reason: str) -> str:
        reasons.add(reason)
        return f"[{reason}]"

    return mapped(value, leaf, key=text, deepest=MAX_NESTING, cut=cut)


def digits(number: int) -> str:
    """`number` in decimal, or in hexadecimal where it is too long for that."""
    return str(number) if number.bit_length() <= MAX_DECIMAL_BITS else hex(number)


def raw_json(value: Any) -> bytes:
    """A `plain` value of any depth as Python's json module writes it: NaN, long integers and `\\udXXX` included."""
    parts: list[str] = []
    pending: list[tuple[bool, Any]] = [(False, value)]
    while pending:
        written, item = pending.pop()
        if written:
            parts.append(item)
        elif isinstance(item, dict):
            pending.append((True, "}"))
            for index, (name, inner) in reversed(list(enumerate(item.items()))):
                pending.append((False, inner))
                pending.append((True, f"{',' if index else ''}{json.dumps(name)}:"))
            parts.append("{")
        elif isinstance(item, list):
            pending.append((True, "]"))
            for index, inner in reversed(list(enumerate(item))):
                pending.append((False, inner))
                if index:
                    pending.append((True, ","))
            parts.append("[")
        elif isinstance(item, int) and item.bit_length() > MAX_DECIMAL_BITS:
            parts.append(json.dumps(digits(item)))
        else:
            parts.append(json.dumps(item))
    return "".join(parts).encode("ascii")

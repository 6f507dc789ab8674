"""Turns values of the views into what each output format can hold: JSON values, cells of a table, CSV or Markdown."""

import json
import math
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from orchestrion.domain.inert import escaped_json, inert, one_line

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A text that begins so is taken for a formula by spreadsheets (OWASP: CSV injection)."""
_MARKDOWN = re.compile(r"([\\`*_\[\]|#~!$])")
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Written(str):
    """A number as people write it (`≥ $1.20`): it stands at the right like one, and is never cut."""

    __slots__ = ()


def jsonable(value: Any) -> Any:  # noqa: PLR0911  a table of types
    """`value` as JSON can say it: times in ISO 8601 (UTC, `Z`), bytes in hex, NaN and infinities as strings."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case datetime():
            return moment(value)
        case date() | UUID():
            return str(value)
        case timedelta():
            return value.total_seconds()
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case Mapping():
            return {str(key): jsonable(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [jsonable(item) for item in value]
        case _:
            return str(value)


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """`value` as a JSON document that no terminal obeys; large integers stay whole."""
    return escaped_json(json.dumps(jsonable(value), ensure_ascii=False, indent=indent, allow_nan=False))


def cell(value: Any) -> str:
    """`value` in one line for people; nothing known is `–`."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.12g}"  # without the noise of binary fractions; json and csv have every digit
    return one_line(_text(value))


def csv_cell(value: Any) -> str:
    """`value` for a CSV field; a text that a spreadsheet would run gets an apostrophe before it."""
    if value is None:
        return ""
    text = inert(_text(value))
    return "'" + text if isinstance(value, str) and text.startswith(FORMULA_STARTS) else text


def markdown(value: Any) -> str:
    """`value` in one line as Markdown and HTML would show it literally."""
    return _MARKDOWN.sub(r"\\\1", cell(value)).translate(_HTML)


def moment(at: datetime) -> str:
    """A UTC time as `2026-01-30T10:23:45.123Z`."""
    return at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def clock(at: datetime | None) -> str:
    """The time of day of a UTC time, with milliseconds; unknown ones say so."""
    return at.strftime("%H:%M:%S.") + f"{at.microsecond // 1000:03d}" if at else "??:??:??.???"


def lasting(milliseconds: float | None) -> str:
    """A duration for people: `234 ms`, `8.2 s`, `3 min 20 s`, `2 h 05 min`; `unknown` if it is not known."""
    if milliseconds is None:
        return "unknown"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _text(value: Any) -> str:
    plain = jsonable(value)
    if isinstance(plain, str):
        return plain
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))

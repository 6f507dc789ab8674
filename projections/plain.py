"""Values of DuckDB as values that JSON can hold, losing nothing: what does not fit comes as its text."""

import datetime as dt
import math
from decimal import Decimal
from typing import Any

MAX_INT = 2**53
"""Beyond this other readers of JSON round."""


def plain(value: Any) -> Any:
    """`value` for JSON: times in ISO 8601 (`Z`, for all are UTC), bytes in hex, big and inexact numbers as text."""
    match value:
        case None | bool() | str():
            return value
        case list() | tuple():
            return [plain(item) for item in value]
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case int() | float() | Decimal():
            return _number(value)
        case _:
            return _text(value)


def _number(value: float | Decimal) -> Any:
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, int):
        return value if -MAX_INT <= value <= MAX_INT else str(value)
    return value if math.isfinite(value) else str(value)


def _text(value: Any) -> str:
    match value:
        case dt.datetime():
            return value.replace(tzinfo=None).isoformat() + "Z"
        case dt.date() | dt.time():
            return value.isoformat()
        case bytes() | bytearray():
            return value.hex()
        case _:
            return str(value)


def _decimal(value: Decimal) -> Any:
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value():
        return plain(int(value))
    near = float(value)
    return near if Decimal(str(near)) == value else str(value)

"""How values of the views are written in cells: short, inert, and unknown where nothing is known."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from orchestrion.domain.inert import inert, one_line
from orchestrion.domain.money import dollars

UNKNOWN = "unknown"
LONGEST_CELL = 400
"""Characters of a value that a cell draws; the whole stands where the thing is opened."""
_BLOCKS = "▁▂▃▄▅▆▇█"

Writer = Callable[[Any], str]


def text(value: Any) -> str:
    """Any value on one line."""
    if value is None:
        return UNKNOWN
    plain = value if isinstance(value, str) else _plain(value)
    return one_line(plain[:LONGEST_CELL])


def optional(value: Any) -> str:
    """Like `text`, but what is not there leaves the cell empty: its absence is known."""
    return "" if value is None or value == "" else text(value)


def null(value: Any) -> str:
    """A value of a query: what is null is `null`."""
    return "null" if value is None else text(value)


def count(value: Any) -> str:
    """A whole number with thin groups: `12,345`."""
    return UNKNOWN if value is None else f"{int(value):,}"


def tokens(value: Any) -> str:
    """A number of tokens in three digits: `950`, `12.3k`, `4.56M`."""
    if value is None:
        return UNKNOWN
    amount = float(value)
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if amount >= size:
            return f"{amount / size:.3g}{unit}" if amount < 999.5 * size else f"{amount / size:.0f}{unit}"
    return f"{amount:.0f}"


def money(value: Any) -> str:
    """What was spent, `{"cost": micro-dollars, "unpriced": requests without a price}`: `$1.20`, `≥ $1.20`."""
    return UNKNOWN if value is None else dollars(value["cost"], value["unpriced"])


def lasting(milliseconds: Any) -> str:
    """A duration: `234ms`, `8.2s`, `3m20s`, `2h05m`, `4d3h`."""
    if milliseconds is None:
        return UNKNOWN
    if milliseconds < 1000:
        return f"{milliseconds:.0f}ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours < 48 else f"{hours // 24}d{hours % 24}h"


def interval(low: Any, middle: Any, high: Any) -> str:
    """Milliseconds that are expected, of which one number alone would say too much: `8.2s (5.0s to 12.0s)`."""
    return UNKNOWN if middle is None else f"{lasting(middle)} ({lasting(low)} to {lasting(high)})"


def taken(duration: Any) -> str:
    """How long something took, `{"ms": milliseconds, "so_far": whether it goes on}`: `8.2s`, `≥ 8.2s`."""
    if duration is None or duration["ms"] is None:
        return UNKNOWN
    return ("≥ " if duration["so_far"] else "") + lasting(duration["ms"])


def clock(at: datetime | None) -> str:
    """Time of day in UTC with milliseconds."""
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}" if at else UNKNOWN


def moment(at: datetime | None) -> str:
    """Day and time in UTC, to the second."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else UNKNOWN


def percent(share: Any) -> str:
    """A share from 0 to 1 in per cent."""
    return UNKNOWN if share is None else f"{100 * share:.0f}%"


def spark(values: list[float], width: int) -> str:
    """`values` in time order as a line of blocks of at most `width` cells; a cell stands for the sum of its share."""
    if not values or width < 1:
        return ""
    cells = min(width, len(values))
    sums = [sum(values[len(values) * i // cells : len(values) * (i + 1) // cells]) for i in range(cells)]
    top = max(sums) or 1
    return "".join(_BLOCKS[min(len(_BLOCKS) - 1, int(value / top * len(_BLOCKS)))] for value in sums)


def progress(done: int, total: int, width: int) -> str:
    """A bar of `width` cells."""
    full = round(width * done / total) if total else 0
    return "█" * full + "░" * (width - full)


def document(value: Any) -> Any:
    """A JSON text as the value it means; a text that is none stays as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def members(value: Any) -> str:
    """A structure as its members on one line: `path: auth.py, limit: 5`; anything else as `optional` writes it.

    A command is shown as one: `$ …/python -m pytest`, of absolute paths the last name alone.
    """
    value = document(value)
    if not isinstance(value, dict):
        return optional(value)
    command = value.get("command")
    if isinstance(command, list):
        words = (str(word) for word in command)
        return text("$ " + " ".join("…/" + word.rpartition("/")[2] if word[:1] == "/" else word for word in words))
    return ", ".join(f"{text(name)}: {text(item)}" for name, item in value.items())[:LONGEST_CELL]


def lines(value: Any) -> str:
    """Any value as inert text of many lines."""
    return inert(value if isinstance(value, str) else _plain(value, indent=2))


def _plain(value: Any, indent: int | None = None) -> str:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, ensure_ascii=False, default=str, indent=indent)
    return str(value)

"""Says times, durations, shares and states for people; what is not known is `unknown`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from orchestrion.domain.inert import one_line
from orchestrion.domain.money import dollars
from orchestrion.tui.report.facts import Spending

UNKNOWN = "unknown"
NONE = "–"
MAX_POSITIONS = 8
"""So many positions are written out; of more, the first ones and how many there are."""

MAX_CHARACTERS = 400
"""Of any text that a report shows."""

STATUS_SIGNS = {
    "completed": "✅",
    "running": "🔄",
    "waiting": "⏸️",
    "failed": "❌",
    "timed_out": "⏱️",
    "cancelled": "⛔",
    "budget": "💰",
    "loop": "🔁",
    "refused": "🚫",
    "lost": "❓",
    "interrupted": "⏹️",
    "unknown": "❔",
    "planned": "⏳",
    "accepted": "✅",
    "offered": "⏳",
    "rejected": "❌",
}
MESSAGE_SIGNS = {
    "finding_report": "🔍",
    "context_share": "📎",
    "warning": "⚠️",
    "assistance_request": "🙋",
    "validation_request": "✅",
    "validation_result": "📋",
    "handoff": "🤝",
    "progress_update": "📈",
    "pattern_discovered": "💡",
    "optimization_tip": "🚀",
    "prompt": "🗣️",
    "response": "💬",
    "task": "📌",
    "result": "📦",
}
WEIGHT_SIGNS = {"high": "🔴", "medium": "🟡", "low": "🔵"}


def status(state: str | None) -> str:
    """A state with its sign: `✅ completed`."""
    name = state or UNKNOWN
    return f"{STATUS_SIGNS.get(name, '❔')} {one_line(name).replace('_', ' ')}"


def moment(at: datetime | None) -> str:
    """A naive UTC time as `2026-01-30T10:23:45.123Z`."""
    return at.isoformat(timespec="milliseconds") + "Z" if at else UNKNOWN


def clock(at: datetime | None) -> str:
    """The time of day of a naive UTC time, `10:23:45`."""
    return at.strftime("%H:%M:%S") if at else UNKNOWN


def lasting(milliseconds: float | None) -> str:
    """A duration: `234 ms`, `8.2 s`, `3 min 20 s`, `2 h 05 min`, `3 d 04 h`."""
    if milliseconds is None:
        return UNKNOWN
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 59_950:
        return f"{milliseconds / 1000:.1f} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours:02d} h"
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"


def percent(share: float | None) -> str:
    """A share from 0 to 1 as `60%`."""
    return UNKNOWN if share is None else f"{share:.0%}"


def count(value: Any) -> str:
    """A number with thousands apart: `12,345`."""
    return UNKNOWN if value is None else f"{value:,}"


def spent(each: Spending) -> tuple[str, ...]:
    """An agent's model requests, tokens and cost; a dash where the log knows of no request."""
    if not each.requests:
        return ("0", *(NONE,) * 5)
    tokens = (each.input_tokens, each.output_tokens, each.cache_read_tokens, each.cache_write_tokens)
    return (count(each.requests), *map(count, tokens), dollars(each.cost_microdollars, each.unpriced))


def plain(value: Any) -> str:
    """Any text on one line, inert, cut where nobody reads on; unknown if there is none."""
    return UNKNOWN if value is None or value == "" else short(str(value))


def short(text: str) -> str:
    """`text` on one line, inert, no longer than `MAX_CHARACTERS`."""
    return one_line(text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…")


def evidence(positions: Sequence[int]) -> str:
    """Where it can be checked: `positions 3, 7, 9`; nothing if it rests on no event."""
    if not positions:
        return ""
    shown = ", ".join(map(str, positions[:MAX_POSITIONS]))
    more = f", … {len(positions)} in all" if len(positions) > MAX_POSITIONS else ""
    return f"position{'s' if len(positions) > 1 else ''} {shown}{more}"

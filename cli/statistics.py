"""The questions behind `stats`: one SELECT over the public views for each way of counting."""

from datetime import datetime
from typing import Any

_DURATIONS = "quantile_disc(duration_ms, 0.5) AS median_ms, quantile_disc(duration_ms, 0.95) AS p95_ms"
_TOKENS = ", ".join(f"sum({name}_tokens) AS {name}_tokens" for name in ("input", "output", "cache_read", "cache_write"))
_OF_SESSIONS = f"""count(*) AS sessions, sum(agents) AS agents, sum(tool_calls) AS tool_calls,
    sum(messages) AS messages, {_TOKENS}"""

# grouping: (its column, the view, the time that --since asks for, what is counted)
_COUNTS: dict[str, tuple[str, str, str, str]] = {
    "agent": (
        "agent", "agent_runs", "started_at",
        f"""count(*) AS runs, count(*) FILTER (status = 'completed') AS completed, sum(tool_calls) AS tool_calls,
        sum(messages) AS messages, {_DURATIONS}""",
    ),
    "tool": (
        "tool", "tool_calls", "started_at",
        f"""count(*) AS calls, count(*) FILTER (status = 'ok') AS ok,
        count(*) FILTER (status NOT IN ('ok', 'unresolved')) AS failed,
        count(*) FILTER (status = 'unresolved') AS unresolved, {_DURATIONS}""",
    ),
    "message": (
        "type", "messages", "happened_at",
        "count(*) AS messages, count(DISTINCT sender) AS senders, count(DISTINCT recipient) AS recipients",
    ),
    "model": ("model", "usage", "happened_at", f"count(*) AS requests, {_TOKENS}"),
    "source": ("source", "sessions", "started_at", _OF_SESSIONS),
    "project": ("project", "sessions", "started_at", _OF_SESSIONS),
}  # fmt: skip


def question(by: str, *, session: str | None, since: datetime | None) -> tuple[str, tuple[Any, ...]]:
    """The SELECT that counts by `by`, and its parameters."""
    column, view, time, counted = _COUNTS[by]
    conditions = {"session = ?": session, f"{time} >= ?": since}
    given = {condition: value for condition, value in conditions.items() if value is not None}
    where = f"WHERE {' AND '.join(given)}" if given else ""
    sql = f"SELECT {column}, {counted} FROM {view} {where} GROUP BY {column} ORDER BY 2 DESC, 1"  # noqa: S608  ours
    return sql, tuple(given.values())

"""The questions behind `stats`: one SELECT over the public views for each way of counting."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

_DURATIONS = "quantile_disc(duration_ms, 0.5) AS median_ms, quantile_disc(duration_ms, 0.95) AS p95_ms"
_KINDS = tuple(f"{name}_tokens" for name in ("input", "output", "cache_read", "cache_write"))
_TOKENS = ", ".join(f"sum({name}) AS {name}" for name in _KINDS)
_COST = "sum(cost_microdollars) AS cost_microdollars"
_SPENT = f"{_TOKENS}, {_COST}, coalesce(sum(unpriced_requests), 0) AS unpriced_requests"
_OF_SESSIONS = f"""count(*) AS sessions, sum(agents) AS agents, sum(tool_calls) AS tool_calls,
    sum(messages) AS messages, {_SPENT}"""
_OWN = ", ".join(f"own_{name} AS {name}" for name in (*_KINDS, "cost_microdollars"))
_PRICED = f"{', '.join(_KINDS)}, cost_microdollars, (cost_microdollars IS NULL)::INTEGER AS unpriced_requests"

# A request whose run nobody named is the agent's all the same.
_RUNS_AND_REQUESTS = f"""(
    SELECT * RENAME ({_OWN}), 1 AS runs FROM agent_runs
    UNION ALL BY NAME
    SELECT agent, session, happened_at AS started_at, 0 AS runs, {_PRICED} FROM usage WHERE run IS NULL
)"""  # noqa: S608  our own names
_ACTS = f"""(
    SELECT session, started_at AS moment, 1 AS runs FROM agent_runs
    UNION ALL BY NAME SELECT session, started_at AS moment, 1 AS tool_calls FROM tool_calls
    UNION ALL BY NAME SELECT session, happened_at AS moment, 1 AS messages FROM messages
    UNION ALL BY NAME SELECT session, happened_at AS moment, {_PRICED} FROM usage
)"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class _Count:
    """A way of counting: the grouping's expression, a relation, its time, the figures, and the order."""

    by: str
    relation: str
    time: str
    figures: str
    order: str = "2 DESC, 1"


_COUNTS: dict[str, _Count] = {
    "agent": _Count(
        "agent", _RUNS_AND_REQUESTS, "started_at",
        f"""sum(runs) AS runs, count(*) FILTER (status = 'completed') AS completed, sum(tool_calls) AS tool_calls,
        sum(messages) AS messages, {_DURATIONS}, {_SPENT}""",
    ),
    "tool": _Count(
        "tool", "tool_calls", "started_at",
        f"""count(*) AS calls, count(*) FILTER (status = 'ok') AS ok,
        count(*) FILTER (status NOT IN ('ok', 'unresolved')) AS failed,
        count(*) FILTER (status = 'unresolved') AS unresolved, {_DURATIONS}""",
    ),
    "message": _Count(
        "type", "messages", "happened_at",
        "count(*) AS messages, count(DISTINCT sender) AS senders, count(DISTINCT recipient) AS recipients",
    ),
    "model": _Count(
        "model", "usage", "happened_at",
        f"""count(*) AS requests, {_TOKENS}, {_COST},
        count(*) FILTER (cost_microdollars IS NULL) AS unpriced_requests""",
    ),
    "day": _Count(
        "strftime(moment, '%Y-%m-%d') AS day", _ACTS, "moment",
        f"""count(DISTINCT session) AS sessions, coalesce(sum(runs), 0) AS runs,
        coalesce(sum(tool_calls), 0) AS tool_calls, coalesce(sum(messages), 0) AS messages, {_SPENT}""",
        order="1 NULLS FIRST",
    ),
    "session": _Count("session", "sessions", "started_at", _OF_SESSIONS.partition(", ")[2],
                      order="cost_microdollars DESC NULLS LAST, 1"),
    "source": _Count("source", "sessions", "started_at", _OF_SESSIONS),
    "project": _Count("project", "sessions", "started_at", _OF_SESSIONS),
}  # fmt: skip


def question(by: str, *, session: str | None, since: datetime | None) -> tuple[str, tuple[Any, ...]]:
    """The SELECT that counts by `by`, and its parameters."""
    count = _COUNTS[by]
    conditions = {"session = ?": session, f"{count.time} >= ?": since}
    given = {condition: value for condition, value in conditions.items() if value is not None}
    where = f"WHERE {' AND '.join(given)}" if given else ""
    sql = f"SELECT {count.by}, {count.figures} FROM {count.relation} {where} GROUP BY 1 ORDER BY {count.order}"  # noqa: S608
    return sql, tuple(given.values())

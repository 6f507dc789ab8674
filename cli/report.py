"""Gathers what the log knows of one session for its report; what it does not know stays None."""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestrion.cli.report_rules import Seen, recommendations

if TYPE_CHECKING:
    from orchestrion.projections import Store

RECENT_MESSAGES = 10
Row = dict[str, Any]


def report_of(store: "Store", session: str, *, at: int | None = None) -> Row:
    """The report of `session` as it stood at position `at`.

    Keys: session, position, agents, flow, progress, messages, metrics, patterns, summary, recommendations. Durations
    are milliseconds; shares go from 0 to 1.
    """

    def rows(sql: str) -> list[Row]:
        return store.query(sql, {"session": session}, at=at).dicts()

    overview = rows("SELECT * FROM sessions WHERE session = $session")[0]
    runs = rows("SELECT * FROM agent_runs WHERE session = $session ORDER BY started_at, run")
    calls = rows("SELECT * FROM tool_calls WHERE session = $session ORDER BY started_at, call")
    messages = rows("SELECT * FROM messages WHERE session = $session ORDER BY happened_at NULLS FIRST, position")
    handoffs = rows("SELECT * FROM handoffs WHERE session = $session ORDER BY offered_at")
    plans = rows("SELECT tasks FROM plans WHERE session = $session ORDER BY position DESC LIMIT 1")
    tasks = json.loads(plans[0]["tasks"]) if plans else []
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place in rows(_PLACES):
        places[place["kind"], place["subject"]].append(place["position"])
    seen = Seen(runs, calls, messages, handoffs, tasks, places)
    return {
        "session": overview,
        "position": store.position if at is None else at,
        "agents": _agents(runs),
        "flow": rows(_FLOW),
        "progress": _progress(runs, tasks),
        "messages": messages[-RECENT_MESSAGES:][::-1],
        "metrics": _metrics(runs, calls),
        "patterns": rows(_PATTERNS),
        "summary": _summary(overview, runs, messages, handoffs),
        "recommendations": recommendations(seen),
    }


_FLOW = """SELECT sender, recipient, count(*) AS messages, list(DISTINCT type ORDER BY type) AS types
    FROM messages WHERE session = $session GROUP BY sender, recipient ORDER BY 3 DESC, 1, 2"""

_PATTERNS = """SELECT pattern, name, type, context, confidence, confirmations, contradictions, evidence, agent
    FROM patterns WHERE session = $session ORDER BY happened_at, pattern"""

_PLACES = """SELECT position, kind, coalesce(data->>'call', data->>'handoff', run) AS subject
    FROM events WHERE session = $session
    AND (kind LIKE 'tool.%' OR kind LIKE 'handoff.%' OR kind IN ('agent.started', 'agent.completed', 'agent.failed'))
    ORDER BY position"""


def _agents(runs: list[Row]) -> list[Row]:
    """A row an agent: its runs put together."""
    names = dict.fromkeys(run["agent"] or run["run"] for run in runs)
    result = []
    for name in names:
        own = [run for run in runs if (run["agent"] or run["run"]) == name]
        known = [run["duration_ms"] for run in own if run["duration_ms"] is not None]
        result.append(
            {
                "agent": name,
                "runs": len(own),
                "status": sorted({run["status"] or "unknown" for run in own}),
                "duration_ms": sum(known) if known else None,
                "tool_calls": sum(run["tool_calls"] or 0 for run in own),
                "messages": sum(run["messages"] or 0 for run in own),
            }
        )
    return result


def _progress(runs: list[Row], tasks: list[Row]) -> Row:
    """How many of the planned tasks (or, without a plan, of the runs that began) are completed."""
    done = [run for run in runs if run["status"] == "completed"]
    if not tasks:
        return {"of": "runs", "total": len(runs), "completed": len(done)}
    ids = {run["task_id"] for run in done}
    return {"of": "tasks", "total": len(tasks), "completed": sum(task["id"] in ids for task in tasks)}


def _metrics(runs: list[Row], calls: list[Row]) -> Row:
    took = sorted(call["duration_ms"] for call in calls if call["duration_ms"] is not None)
    return {
        "parallelism": parallelism(runs),
        "mcp_use": sum(call["mcp_server"] is not None for call in calls) / len(calls) if calls else None,
        "tool_calls": len(calls),
        "timed_calls": len(took),
        "average_response_ms": sum(took) / len(took) if took else None,
        "p95_response_ms": took[min(len(took) - 1, int(0.95 * len(took)))] if took else None,
    }


def parallelism(runs: Sequence[Row]) -> float | None:
    """The share of the working time in which two or more agents worked at once; None if no times are known.

    A run that started others waits for them or is their frame, so only runs that started none are counted.
    """
    parents = {run["parent_run"] for run in runs}
    spans = [
        (run["started_at"], run["ended_at"])
        for run in runs
        if run["run"] not in parents and run["started_at"] and run["ended_at"] and run["ended_at"] > run["started_at"]
    ]
    if not spans:
        return None
    edges: list[tuple[datetime, int]] = sorted([(a, 1) for a, _ in spans] + [(b, -1) for _, b in spans])
    working = together = 0.0
    active, before = 0, edges[0][0]
    for moment, change in edges:
        passed = (moment - before).total_seconds()
        working += passed if active else 0
        together += passed if active > 1 else 0
        active, before = active + change, moment
    return together / working


def _summary(overview: Row, runs: list[Row], messages: list[Row], handoffs: list[Row]) -> Row:
    start, end = overview["started_at"], overview["ended_at"]
    return {
        "status": overview["status"],
        "duration_ms": (end - start).total_seconds() * 1000 if start and end else None,
        "agents": sorted({run["agent"] for run in runs if run["agent"]}),
        "runs": len(runs),
        "messages": len(messages),
        "handoffs": len(handoffs),
        "findings": sum(message["type"] == "finding_report" for message in messages),
    }

"""Asks the views everything that is known of one session, and which log positions each answer rests on."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from orchestrion.domain.errors import NotFound
from orchestrion.domain.inert import one_line
from orchestrion.tui.report.facts import Call, Facts, Handoff, Message, Pattern, Plan, Positions, Run, Spending
from orchestrion.tui.work import phases

MAX_TEXT = 200
"""Characters of a message's text, or of a task, that a report shows."""
SAYING_FIELDS = ("text", "issue", "warning", "tip", "progress", "pattern", "task", "capability", "changes", "context")
"""Fields of a payload that say in words what it is about, the most telling first."""
STATES = ("unknown", "queued", "delivered", "acknowledged", "expired")
"""Delivery states; of several recipients' the first of these is shown, unless some only were never reached."""
TOKENS = ("tokens", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")

POSITIONS = """
SELECT position, kind, run, coalesce(data->>'$.call', data->>'$.message', data->>'$.handoff', data->>'$.pattern') AS id,
    CASE WHEN kind = 'agent.completed' THEN data->>'$.next_agents' END AS next_agents
FROM events WHERE session = $session ORDER BY position"""
SESSION = "SELECT * FROM sessions WHERE session = $session"
RUNS = "SELECT * FROM run_states WHERE session = $session ORDER BY started_at NULLS LAST, run"
CALLS = """
SELECT call, run, agent, tool, mcp_server, started_at, ended_at, duration_ms, status, md5(params::VARCHAR) AS params,
    coalesce(params->>'$.file_path', params->>'$.notebook_path', params->>'$.path') AS file,
    CASE WHEN mcp_server IS NOT NULL THEN result->>'$.shared_from' END AS shared_from
FROM tool_calls WHERE session = $session ORDER BY started_at NULLS LAST, position"""
MESSAGES = "SELECT * FROM messages WHERE session = $session ORDER BY happened_at NULLS FIRST, position"
DELIVERIES = """
SELECT message, list_distinct(list(state)) AS states, CASE WHEN count(DISTINCT run) = 1 THEN min(run) END AS run
FROM deliveries WHERE session = $session GROUP BY message"""
HANDOFFS = "SELECT * FROM handoffs WHERE session = $session ORDER BY offered_at NULLS LAST, handoff"
PATTERNS = "SELECT * FROM patterns WHERE session = $session ORDER BY happened_at NULLS LAST, pattern"
PLANS = "SELECT phases, tasks, position FROM plans WHERE session = $session ORDER BY position DESC LIMIT 1"
SPENDING = """
WITH mine AS MATERIALIZED (SELECT * FROM run_states WHERE session = $session),
took AS (
    SELECT coalesce(agent, run) AS agent, count(*) AS runs, sum(duration_ms)::BIGINT AS duration_ms,
        sum(tool_calls)::BIGINT AS tool_calls
    FROM mine GROUP BY ALL
), spent AS (
    SELECT coalesce(r.agent, u.agent, u.run) AS agent, count(*) AS requests,
        sum(u.input_tokens)::BIGINT AS input_tokens, sum(u.output_tokens)::BIGINT AS output_tokens,
        sum(u.cache_read_tokens)::BIGINT AS cache_read_tokens, sum(u.cache_write_tokens)::BIGINT AS cache_write_tokens,
        sum(u.cost_microdollars)::BIGINT AS cost_microdollars, count(*) FILTER (u.cost_microdollars IS NULL) AS unpriced
    FROM usage AS u LEFT JOIN mine AS r ON u.run = r.run WHERE u.session = $session GROUP BY ALL
)
SELECT coalesce(took.agent, spent.agent) AS agent, coalesce(runs, 0) AS runs, duration_ms,
    coalesce(tool_calls, 0) AS tool_calls, coalesce(requests, 0) AS requests, input_tokens, output_tokens,
    cache_read_tokens, cache_write_tokens, cost_microdollars, coalesce(unpriced, 0) AS unpriced
FROM took FULL JOIN spent ON took.agent IS NOT DISTINCT FROM spent.agent
ORDER BY cost_microdollars DESC NULLS LAST, input_tokens + output_tokens DESC NULLS LAST, duration_ms DESC NULLS LAST,
    agent"""

Row = dict[str, Any]


class Rows(Protocol):
    """An answer of the views."""

    def dicts(self) -> list[Row]: ...


class Views(Protocol):
    """What a report needs of `projections.Store`."""

    def query(
        self, sql: str, params: Sequence[object] | Mapping[str, object] = (), *, at: int | None = None
    ) -> Rows: ...


def gather(views: Views, session: str, at: int | None) -> Facts:
    """What is known of `session` at position `at` (None: now). Raises NotFound."""

    def ask(question: str) -> list[Row]:
        return views.query(question, {"session": session}, at=at).dicts()

    found = ask(SESSION)
    if not found:
        stood = "" if at is None else f" at position {at}"
        raise NotFound(f"there is no session {one_line(session)!r}{stood}; `orchestrion sessions` lists them")
    row = found[0]
    index = _Index(ask(POSITIONS))
    ran = ask(RUNS)
    runs = tuple(_run(run, index) for run in ran)
    deliveries = {delivery["message"]: delivery for delivery in ask(DELIVERIES)}
    return Facts(
        session=session,
        source=row["source"],
        project=row["project"],
        request=_cut(row["request"]),
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        status=row["status"] or "unknown",
        tokens={name: row[name] if index.usage else None for name in TOKENS},
        runs=runs,
        calls=tuple(Call(**call, positions=index.of("tool", call["call"])) for call in ask(CALLS)),
        messages=tuple(_message(message, deliveries.get(message["message"]), index) for message in ask(MESSAGES)),
        handoffs=tuple(_handoff(handoff, index) for handoff in ask(HANDOFFS)),
        patterns=tuple(_pattern(pattern, index) for pattern in ask(PATTERNS)),
        spending=tuple(_spending(each, runs, index) for each in ask(SPENDING)),
        plan=_plan(ask(PLANS), ran),
        first=index.first,
        last=index.last,
        bounds=index.bounds,
        end_known=index.end_known,
        usage=index.usage,
    )


class _Index:
    """Positions by what their events are about."""

    def __init__(self, rows: list[Row]) -> None:
        self.first = rows[0]["position"] if rows else 0
        self.last = rows[-1]["position"] if rows else 0
        self.next_agents: dict[str, tuple[str, ...]] = {}
        self._of: dict[tuple[str, str | None], list[int]] = defaultdict(list)
        bounds, usage = [], []
        for row in rows:
            family, _, act = row["kind"].partition(".")
            if family == "usage":
                usage.append(row["position"])
                self._of["usage", row["run"]].append(row["position"])
            elif family == "agent":
                self._of["run", row["run"]].append(row["position"])
                if row["next_agents"]:
                    self.next_agents[row["run"]] = tuple(json.loads(row["next_agents"]))
            elif family == "session" and act in ("started", "ended"):
                bounds.append(row["position"])
            elif row["id"] is not None:
                self._of[family, row["id"]].append(row["position"])
        self.end_known = any(row["kind"] == "session.ended" for row in rows)
        self.bounds, self.usage = tuple(bounds), tuple(usage)

    def of(self, family: str, name: str | None) -> Positions:
        """Positions of the events about one call, message, handoff, pattern or run."""
        return tuple(self._of.get((family, name), ()))


def _run(row: Row, index: _Index) -> Run:
    return Run(
        run=row["run"],
        agent=row["agent"],
        parent=row["parent_run"],
        task=_cut(row["task"]),
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        duration_ms=row["duration_ms"],
        status=row["status"] or "unknown",
        positions=index.of("run", row["run"]),
        next_agents=index.next_agents.get(row["run"], ()),
    )


def _message(row: Row, delivery: Row | None, index: _Index) -> Message:
    known = delivery["states"] if delivery else ()
    return Message(
        message=row["message"],
        sender=row["sender"],
        recipient=row["recipient"],
        type=row["type"],
        priority=row["priority"],
        text=_saying(row["payload"]),
        in_reply_to=row["in_reply_to"],
        happened_at=row["happened_at"],
        run=row["run"],
        to_run=delivery["run"] if delivery else None,
        state="partly expired" if "expired" in known and len(known) > 1 else _first(known),
        positions=index.of("message", row["message"]),
    )


def _first(known: Sequence[str]) -> str | None:
    return next((state for state in STATES if state in known), None)


def _handoff(row: Row, index: _Index) -> Handoff:
    return Handoff(
        handoff=row["handoff"],
        giver=row["giver"],
        taker=row["taker"],
        task=_cut(row["task"]) or "",
        urgency=row["urgency"],
        status=row["status"],
        offered_at=row["offered_at"],
        accepted_at=row["accepted_at"],
        problems=tuple(row["problems"] or ()),
        positions=index.of("handoff", row["handoff"]),
    )


def _pattern(row: Row, index: _Index) -> Pattern:
    return Pattern(
        pattern=row["pattern"],
        name=row["name"],
        type=row["type"],
        context=_cut(row["context"]),
        confidence=row["confidence"],
        agent=row["agent"],
        positions=tuple(sorted({*index.of("pattern", row["pattern"]), *(row["evidence"] or ())})),
    )


def _spending(row: Row, runs: Sequence[Run], index: _Index) -> Spending:
    own = [run.run for run in runs if (run.agent or run.run) == row["agent"]]
    where = {position for run in own for family in ("run", "usage") for position in index.of(family, run)}
    return Spending(**row, positions=tuple(sorted(where)))


def _plan(rows: list[Row], runs: list[Row]) -> Plan | None:
    if not rows:
        return None
    plan = rows[0]
    tasks = json.loads(plan["tasks"] or "[]")
    return Plan(
        {task["id"]: (task["agent"], tuple(task.get("depends_on", ()))) for task in tasks},
        tuple(phases(plan, runs)),
        (plan["position"],),
    )


def _saying(payload: str | None) -> str:
    """What a payload (JSON text) says, in one short text."""
    if not payload:
        return ""
    value = json.loads(payload)
    if isinstance(value, dict):
        told = next((value[name] for name in SAYING_FIELDS if value.get(name)), value)
        if "approved" in value:
            told = " · ".join(["approved" if value["approved"] else "rejected", *map(str, value.get("reasons") or ())])
        if isinstance(told, list):
            told = "; ".join(map(str, told))
        place = f" ({value['file']}:{value.get('line', '?')})" if value.get("file") else ""
        value = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
        return (_cut(value) or "") + place
    return _cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)) or ""


def _cut(text: str | None) -> str | None:
    """`text` on one line, no longer than `MAX_TEXT`."""
    if text is None:
        return None
    flat = " ".join(text[: 4 * MAX_TEXT].split())
    return flat if len(flat) <= MAX_TEXT else flat[: MAX_TEXT - 1] + "…"

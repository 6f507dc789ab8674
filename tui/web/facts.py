"""Tells single events in short: what a stream sends and what a figure rests on."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrion.domain.inert import inert, one_line
from orchestrion.tui.commentary import TOLD_OF
from orchestrion.tui.large import LARGEST, Blob, whole
from orchestrion.tui.report import words

MOST_FACTS = 200
"""Of one piece of a stream; the rest follows at once in the next."""
MOST_EVIDENCE = 100
MOST_BYTES = 8_000_000
"""Of the large fields of all events that are shown together."""
MOST_CHARACTERS = 160

SINCE = """
SELECT position, kind, happened_at, session, run, agent, data FROM events
WHERE position > {after:d} ORDER BY position LIMIT {limit:d}"""
"""Numbers stand in it, not parameters: of SQL without parameters the store knows which tables it reads, and brings no
others up to date before it answers; a live stream asks this at every step of the log."""
AT = "SELECT * FROM events WHERE list_contains($positions, position) ORDER BY position"
OF_FIGURE = """
SELECT *, count(*) OVER () AS found FROM events
WHERE {where} AND ($upto IS NULL OR position <= $upto) ORDER BY position LIMIT $limit"""

TELLING = {
    "session": ("request", "status", "reason"),
    "agent": ("task", "status", "reason", "summary"),
    "tool": ("tool", "mcp_server"),
    "message": ("recipient", "reason"),
    "handoff": ("taker", "status", "problems"),
    "pattern": ("name", "confidence", "context"),
    "outcome": ("verdict", "quality", "reason"),
    "limit": ("subject", "limit", "allowed", "reached"),
    "incident": ("type",),
    "plan": ("planner", "phases"),
}
"""Fields that say what an event is about, by the first word of its kind."""
Row = Mapping[str, Any]


def told(row: Row) -> dict[str, Any]:
    """One event as a line of the running commentary; every text inert. Lines of a `fact` are its witnesses."""
    data = json.loads(row["data"])
    name = {**data, "session": row["session"], "run": row["run"]}.get(TOLD_OF.get(row["kind"], ""))
    return {
        "position": row["position"],
        "kind": row["kind"],
        "at": words.clock(row["happened_at"]),
        "agent": one_line(row["agent"] or ""),
        "text": one_line(_text(row["kind"], data)[:MOST_CHARACTERS]),
        "call": one_line(data.get("call") or ""),
        "fact": one_line(f"{row['kind']} {name}") if name else "",
        "failed": data.get("status") in ("error", "failed", "timed_out") or row["kind"] == "agent.failed",
    }


def shown_together(rows: Sequence[Row], blob: Blob) -> list[dict[str, Any]]:
    """Events whole, their states as indented JSON text, every text inert; once they are too large, with beginnings."""
    left, events = MOST_BYTES, []
    for row in rows:
        event = _shown(row, blob, min(LARGEST, left))
        left = max(0, left - len(event["data"]))
        events.append(event)
    return events


def _shown(row: Row, blob: Blob, largest: int) -> dict[str, Any]:
    data = json.dumps(whole(json.loads(row["data"]), blob, largest), ensure_ascii=False, indent=2)
    place = f"{row['stream']}@{row['version']}"
    return {
        "position": row["position"],
        "kind": row["kind"],
        "place": one_line(place),
        "at": words.moment(row["happened_at"]),
        "source": row["source"],
        "data": inert(data),
    }


def _text(kind: str, data: Mapping[str, Any]) -> str:
    def said(*names: str) -> str:
        return " · ".join(str(data[name]) for name in names if data.get(name) is not None)

    if kind == "tool.returned":
        took = data.get("duration_ms")
        return said("status", "error") + ("" if took is None else f" · {words.lasting(took)}")
    if kind == "message.sent":
        return f"{data.get('sender')} → {data.get('recipient')} · {said('type', 'priority')}"
    if kind == "handoff.offered":
        return f"{data.get('giver')} → {data.get('taker')} · {said('task')}"
    if kind == "usage.recorded":
        return f"{said('model')} · {data.get('input_tokens', 0):,} in, {data.get('output_tokens', 0):,} out"
    return said(*TELLING.get(kind.partition(".")[0], ()))

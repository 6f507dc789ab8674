"""Whom an agent works with, which handoffs come to a good end, and whether what it asks is answered."""

from typing import Any

from orchestrion.projections.learning.executions import ENOUGH
from orchestrion.projections.learning.posterior import confidence, percent
from orchestrion.projections.store import Store

_NOBODY = ("all", "conductor", "human")
_ALL = """SELECT
    (SELECT list(t) FROM (
        SELECT CASE WHEN sender = $agent THEN recipient ELSE sender END AS peer, count(*) AS messages,
            list(position) AS positions
        FROM messages WHERE sender = $agent OR recipient = $agent GROUP BY peer
    ) AS t) AS talk,
    (SELECT list(a) FROM (
        SELECT asked.message, count(answered.message) AS answers
        FROM messages AS asked LEFT JOIN messages AS answered ON answered.in_reply_to = asked.message
        WHERE asked.sender = $agent AND asked.type IN ('assistance_request', 'validation_request')
        GROUP BY asked.message
    ) AS a) AS asked,
    (SELECT list(h) FROM (
        SELECT giver, taker, count(*) AS offered,
            count(*) FILTER (status = 'completed' AND coalesce(outcome, 'completed') = 'completed') AS completed,
            count(*) FILTER (status = 'rejected' OR (status = 'completed' AND outcome <> 'completed')) AS spoiled,
            list_sort(list(handoff)) AS handoffs
        FROM handoffs WHERE giver = $agent OR taker = $agent GROUP BY giver, taker
    ) AS h) AS handed"""
EVIDENCE_SHOWN = 50
"""Positions of messages that are named; the count is always whole."""


def collaboration(store: Store, agent: str, *, at: int | None = None) -> dict[str, Any]:
    """`collaborationPatterns` of an agent.

    Collaborators: messages and handoffs exchanged, by name. Effective handoffs: pairs with `ENOUGH` ended ones of
    which more than half came to a good end. Efficiency: percent of its requests that were answered, null for fewer
    than `ENOUGH`.
    """
    talk, asked, handed = (found or [] for found in store.query(_ALL, {"agent": agent}, at=at).rows[0])
    peers: dict[str, int] = {}
    positions: set[int] = set()
    for row in talk:
        if row["peer"] not in (*_NOBODY, agent, None):
            peers[row["peer"]] = row["messages"]
            positions.update(row["positions"])
    for row in handed:
        peer = row["taker"] if row["giver"] == agent else row["giver"]
        if peer != agent:
            peers[peer] = peers.get(peer, 0) + row["offered"]
    return {
        "frequentCollaborators": dict(sorted(peers.items(), key=lambda item: (-item[1], item[0]))),
        "effectiveHandoffs": [_handoff(row) for row in sorted(handed, key=_surest) if _effective(row)],
        **_efficiency(asked),
        "evidence": sorted(positions)[-EVIDENCE_SHOWN:],
    }


def _effective(row: dict[str, Any]) -> bool:
    return bool(row["completed"] + row["spoiled"] >= ENOUGH and row["completed"] > row["spoiled"])


def _surest(row: dict[str, Any]) -> tuple[float, str, str]:
    return -confidence(row["completed"], row["spoiled"]), row["giver"], row["taker"]


def _handoff(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "from": row["giver"],
        "to": row["taker"],
        "confidence": percent(confidence(row["completed"], row["spoiled"])),
        "support": row["completed"],
        "contradictions": row["spoiled"],
        "handoffs": row["handoffs"][:EVIDENCE_SHOWN],
    }


def _efficiency(asked: list[dict[str, Any]]) -> dict[str, Any]:
    answered = sum(row["answers"] > 0 for row in asked)
    told: dict[str, Any] = {
        "communicationEfficiency": None,
        "support": answered,
        "contradictions": len(asked) - answered,
    }
    if len(asked) < ENOUGH:
        return told | {"reason": f"it asked for assistance or validation {len(asked)} times; {ENOUGH} are needed"}
    return told | {"communicationEfficiency": percent(answered / len(asked))}

"""Whom an agent works with, which handoffs come to a good end, and whether what it asks is answered."""

from typing import Any

from orchestrion.projections.learning.executions import ENOUGH
from orchestrion.projections.learning.kept import Kept, together_of
from orchestrion.projections.learning.posterior import confidence, percent
from orchestrion.projections.store import Store

_NOBODY = ("all", "conductor", "human", "tool")
"""Names in messages that are no agents; recordings without calls let a tool speak."""
EVIDENCE_SHOWN = 50
"""Positions of messages and handoffs that are named (the view keeps as many); the counts are always whole."""


def collaboration(store: Store, agent: str, *, at: int | None = None, ready: Kept | None = None) -> dict[str, Any]:
    """`collaborationPatterns` of an agent; `ready` is what is kept of it.

    Collaborators: messages and handoffs exchanged, by name. Effective handoffs: pairs with `ENOUGH` ended ones of
    which more than half came to a good end. Efficiency: percent of its requests that were answered, null for fewer
    than `ENOUGH`.
    """
    told = ready.together if ready else together_of(store, agent, at)
    handed = told.get("handed") or []
    peers: dict[str, int] = {}
    positions: set[int] = set()
    for row in told.get("talk") or []:
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
        **_efficiency(told.get("asked") or 0, told.get("answered") or 0),
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
        "handoffs": list(row["handoffs"]),
    }


def _efficiency(asked: int, answered: int) -> dict[str, Any]:
    told: dict[str, Any] = {"communicationEfficiency": None, "support": answered, "contradictions": asked - answered}
    if asked < ENOUGH:
        return told | {"reason": f"it asked for assistance or validation {asked} times; {ENOUGH} are needed"}
    return told | {"communicationEfficiency": percent(answered / asked)}

"""Reads what the snapshot keeps ready for an agent, wherever nothing has happened since that could change it."""

from dataclasses import dataclass
from typing import Any

import orjson

from orchestrion.projections.store import Store

KEPT_RUNS = 100
"""Runs of an agent that a snapshot keeps ready (see `sql/learn_kept.sql`)."""

_KEPT = "SELECT runs, together FROM snap.own.kept_learn_kept WHERE agent = $agent"
_FRESH = """(
    SELECT DISTINCT unnest([run, subject]) AS run FROM tail.own.wide
)"""
_OVERTAKEN = f"""SELECT
    EXISTS (
        FROM tail.own.wide
        WHERE kind = 'session.forked' OR NOT readable OR $agent IN (agent, sender, recipient, giver, taker)
    )
    OR EXISTS (FROM snap.own.learn_spans WHERE agent = $agent AND run IN {_FRESH})
    OR EXISTS (
        FROM snap.own.messages
        WHERE message IN (SELECT unnest([in_reply_to, message]) FROM tail.own.wide)
            AND ($agent IN (sender, recipient) OR run IN (SELECT run FROM snap.own.learn_spans WHERE agent = $agent))
    )
    OR EXISTS (
        FROM snap.own.handoffs
        WHERE handoff IN (SELECT handoff FROM tail.own.wide) AND $agent IN (giver, taker)
    )"""  # noqa: S608  our own names
"""Whether anything beyond the snapshot could change what it keeps of an agent: its own acts, words on its runs,
answers to it, moves of its handoffs, and forks, which change whose facts are believed."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept of one agent: rows as `learn_runs` has them, and the row of `learn_together` if there is one."""

    runs: list[dict[str, Any]]
    together: dict[str, Any] | None


def kept(store: Store, agent: str) -> Kept | None:
    """What the snapshot keeps of `agent`, as it is true now; None if it cannot tell."""
    if not store.snapped:
        return None
    rows = store.as_it_lies(_KEPT, {"agent": agent}).rows
    if not rows or (store.position > store.snapped and _overtaken(store, agent)):
        return None
    runs, together = rows[0]
    return Kept(orjson.loads(runs) if runs else [], orjson.loads(together) if together else None)


def _overtaken(store: Store, agent: str) -> bool:
    rows = store.as_it_lies(_OVERTAKEN, {"agent": agent}).rows
    return not rows or bool(rows[0][0])

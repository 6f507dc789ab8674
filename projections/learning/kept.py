"""Reads what the snapshot keeps ready for an agent, wherever nothing has happened since that could change it."""

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import orjson

from orchestrion.projections.base import Base
from orchestrion.projections.store import Store

KEPT_RUNS = 100
"""Runs of an agent that a snapshot keeps ready (see `sql/learn_kept.sql`)."""

_KEPT = "SELECT runs, together FROM snap.own.kept_learn_kept WHERE agent = $agent"
_ALL_MAY_HAVE_CHANGED = "SELECT count(*) > 0 FROM tail.own.wide WHERE kind = 'session.forked' OR NOT readable"
_FRESH = Base("live", "tail.own").events("agent sender recipient giver taker run subject message in_reply_to handoff")
_TOUCHED = f"""WITH fresh AS (SELECT DISTINCT * FROM ({_FRESH})),

messages AS (
    SELECT sender, recipient, run
    FROM snap.own.messages
    WHERE message IN (SELECT message FROM fresh UNION SELECT in_reply_to FROM fresh)
)

SELECT unnest([agent, sender, recipient, giver, taker]) AS agent FROM fresh
UNION
SELECT unnest([sender, recipient]) FROM messages
UNION
SELECT unnest([giver, taker]) FROM snap.own.handoffs WHERE handoff IN (SELECT handoff FROM fresh)
UNION
SELECT agent
FROM snap.own.learn_spans
WHERE run IN (SELECT run FROM fresh UNION SELECT subject FROM fresh UNION SELECT run FROM messages)"""  # noqa: S608  our own names
"""Agents of which anything beyond the snapshot could change what it keeps: by their own acts, words on their runs,
answers to them, moves of their handoffs. Forks change whose facts are believed, of anybody's."""

_touched: "WeakKeyDictionary[Store, tuple[int, frozenset[str] | None]]" = WeakKeyDictionary()
"""By store, the position at which it was last asked for, and the agents; None where it may be all."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept of one agent: of its runs the rows that `execution_of` wants, and its row of `learn_together`."""

    runs: list[list[Any]]
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
    position, agents = _touched.get(store, (0, None))
    if position != store.position:
        position, agents = store.position, _agents_touched(store)
        _touched[store] = position, agents
    return agents is None or agent in agents


def _agents_touched(store: Store) -> frozenset[str] | None:
    changed = store.as_it_lies(_ALL_MAY_HAVE_CHANGED, {}).rows
    if not changed or changed[0][0]:
        return None
    return frozenset(row[0] for row in store.as_it_lies(_TOUCHED, {}).rows if row[0] is not None)

"""What learning asks of an agent, kept from one question to the next for as long as nothing has happened to it.

A snapshot keeps it of every agent (`sql/learn_kept.sql`); of those that something has happened to since, a process
keeps what the views told.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import orjson

from orchestrion.projections.learning.touched import Bearing
from orchestrion.projections.store import Store

KEPT_RUNS = 100
"""Runs of an agent that are kept ready."""
KEPT_AGENTS = 64
"""Agents of which a process keeps what it has read, those last asked for."""

COLUMNS = """run, session, agent, task, status, started_at, duration_ms, good, objections, reason, refused_because,
    files_modified, calls, position, judged_at, expected.low AS low_ms, expected.high AS high_ms, taught"""
"""What `execution_of` wants of `learn_runs`, in this order."""

_RUNS = f"""WITH newest AS MATERIALIZED (
    SELECT {COLUMNS.removesuffix(", taught")}, ended_at FROM learn_runs WHERE agent = $agent
    ORDER BY ended_at DESC NULLS LAST, run LIMIT $limit
)
SELECT newest.* EXCLUDE (ended_at), learn_tools.taught FROM newest LEFT JOIN learn_tools ON newest.run = learn_tools.run
ORDER BY newest.ended_at DESC NULLS LAST, newest.run"""  # noqa: S608  our own names
"""What the calls taught is long: it is fetched for the runs that are wanted, and never of all."""
_TOGETHER = "SELECT talk, asked, answered, handed FROM learn_together WHERE agent = $agent"
_KEPT = "SELECT runs, together FROM snap.own.kept_learn_kept WHERE agent = $agent"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one agent: of its newest runs the rows that `execution_of` wants, and its row of
    `learn_together`."""

    runs: Sequence[Sequence[Any]]
    together: dict[str, Any]


def kept(store: Store, agent: str) -> Kept:
    """What is known of `agent` now: its newest `KEPT_RUNS` runs, no more, and its dealings."""
    with _remembering:
        memory = _memories.setdefault(store, _Memory())
    return memory.of(store, agent)


def runs_of(store: Store, agent: str, limit: int, at: int | None) -> Sequence[Sequence[Any]]:
    """The rows of `COLUMNS` of the newest `limit` runs of `agent`, asked of the views."""
    return store.query(_RUNS, {"agent": agent, "limit": limit}, at=at).rows


def together_of(store: Store, agent: str, at: int | None) -> dict[str, Any]:
    """The row of `learn_together` of `agent`, asked of the views; empty without one."""
    rows = store.query(_TOGETHER, {"agent": agent}, at=at).dicts()
    return rows[0] if rows else {}


class _Memory:
    """What a process knows of the agents of one store; of any of them all is as true as of `_position`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begin(0)

    def _begin(self, snapped: int) -> None:
        self._snapped = self._position = snapped
        self._bearing = Bearing()
        self._overtaken: set[str] | None = set()
        """Agents that something bears on beyond the snapshot; None where that may be all."""
        self._known: OrderedDict[str, Kept] = OrderedDict()

    def of(self, store: Store, agent: str) -> Kept:
        """What is known of `agent` now."""
        with self._lock:
            self._look(store)
            position = self._position
            if agent in self._known:
                self._known.move_to_end(agent)
                return self._known[agent]
            lies = self._snapped > 0 and self._overtaken is not None and agent not in self._overtaken
        found = _as_it_lies(store, agent) if lies else None
        found = found or Kept(runs_of(store, agent, KEPT_RUNS, None), together_of(store, agent, None))
        with self._lock:
            if self._position == position:
                self._known[agent] = found
                while len(self._known) > KEPT_AGENTS:
                    self._known.popitem(last=False)
        return found

    def _look(self, store: Store) -> None:
        """Forget of whom something has come since it was last looked."""
        if store.snapped != self._snapped:
            self._begin(store.snapped)
        position = store.position
        if position == self._position:
            return
        agents = self._bearing.agents_since(store, self._position)
        if agents is None:
            self._overtaken = None
            self._known.clear()
        else:
            for agent in agents & self._known.keys():
                del self._known[agent]
            if self._overtaken is not None:
                self._overtaken |= agents
        self._position = position


def _as_it_lies(store: Store, agent: str) -> Kept | None:
    """What the snapshot keeps of `agent`; None if it does not know it."""
    rows = store.as_it_lies(_KEPT, {"agent": agent}).rows
    if not rows:
        return None
    runs, together = rows[0]
    return Kept(orjson.loads(runs) if runs else [], orjson.loads(together) if together else {})


_remembering = threading.Lock()
_memories: WeakKeyDictionary[Store, _Memory] = WeakKeyDictionary()

"""Reads a session's events out of the store, from the beginning or as they come, and lets the narrator tell them."""

import json
from typing import TYPE_CHECKING

from orchestrion.cli.commentary import Narrator
from orchestrion.cli.show import out, say

if TYPE_CHECKING:
    from orchestrion.projections import Store

FOLLOW_SECONDS = 1.0
"""How long one wait may take; news wake it within milliseconds."""
EVENTS_A_PAGE = 5_000

_EVENTS = """SELECT position, kind, happened_at, session, run, agent, data FROM events
    WHERE session = ? AND position > ? ORDER BY position LIMIT ?"""


def tell(store: "Store", session: str, *, follow: bool = False, at: int | None = None) -> None:
    """Print the commentary of `session`; with `follow` until the session ends (or the user stops it)."""
    narrator, position = Narrator(), 0
    while True:
        position = _told(store, session, narrator, position, at)
        if not follow or narrator.ended or at is not None:
            break
        store.follow(FOLLOW_SECONDS)
    for line in narrator.total():
        out(line)
    if not narrator.ended:
        say("The log knows no end of this session.")


def _told(store: "Store", session: str, narrator: Narrator, position: int, at: int | None) -> int:
    """Tell the events after `position`; the position told last."""
    while rows := store.query(_EVENTS, (session, position, EVENTS_A_PAGE), at=at).rows:
        position = rows[-1][0]
        for _, kind, happened_at, *names, data in rows:
            fields = json.loads(data) if isinstance(data, str) else dict(data or {})
            fields |= {name: value for name, value in zip(("session", "run", "agent"), names, strict=True) if value}
            for line in narrator.lines(kind, happened_at, fields):
                out(line)
    return position

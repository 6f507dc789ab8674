"""Prints a session's commentary as it went: each line when its event is due. It reads, and does nothing else."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from orchestrion.cli.commentary import Narrator
from orchestrion.cli.show import out
from orchestrion.cli.storytelling import total

if TYPE_CHECKING:
    from orchestrion.projections import Store

EVENTS_A_PAGE = 5_000

_EVENTS = """SELECT position, kind, happened_at, session, run, agent, data FROM events
    WHERE session = ? AND position > ? ORDER BY position LIMIT ?"""


def replay(
    store: "Store",
    session: str,
    *,
    speed: float,
    at: int | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Tell `session` (up to position `at`) with its own silences divided by `speed`; 0 leaves them out."""
    narrator, last = Narrator(), None
    for moment, lines in _told(store, session, narrator, at):
        if speed and moment is not None and last is not None and moment > last:
            sleep((moment - last).total_seconds() / speed)
        last = moment if last is None or (moment is not None and moment > last) else last
        for line in lines:
            out(line)
    total(store, session, narrator, at=at)


def _told(
    store: "Store", session: str, narrator: Narrator, at: int | None
) -> Iterator[tuple[datetime | None, list[str]]]:
    """Events that are part of the story: when each happened, and its lines."""
    position = 0
    while rows := store.query(_EVENTS, (session, position, EVENTS_A_PAGE), at=at).rows:
        position = rows[-1][0]
        for _, kind, happened_at, *names, data in rows:
            fields = json.loads(data)
            fields |= {name: value for name, value in zip(("session", "run", "agent"), names, strict=True) if value}
            if lines := narrator.lines(kind, happened_at, fields):
                yield happened_at, lines

"""Reads a session's events out of the store, from the beginning or as they come, and lets the narrator tell them."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from orchestrion.cli.commentary import Narrator
from orchestrion.cli.plain import json_text
from orchestrion.cli.show import out, say
from orchestrion.domain.elapsed import elapsed_ms

if TYPE_CHECKING:
    from orchestrion.projections import Store

FOLLOW_SECONDS = 1.0
"""How long one wait may take; news wake it within milliseconds."""
EVENTS_A_PAGE = 5_000

_EVENTS = """SELECT position, kind, happened_at, session, run, agent, data FROM events
    WHERE session = ? AND position > ? ORDER BY position LIMIT ?"""


Row = dict[str, Any]


def tell(store: "Store", session: str, *, follow: bool = False, at: int | None = None) -> None:
    """Print the commentary of `session`; with `follow` until the session ends (or the user stops it)."""
    narrator = Narrator()
    for row in _events(store, session, follow=follow, at=at):
        names = {name: row[name] for name in ("session", "run", "agent") if row[name]}
        for line in narrator.lines(row["kind"], row["happened_at"], row["data"] | names):
            out(line)
    total(store, session, narrator, at=at)


def total(store: "Store", session: str, narrator: Narrator, *, at: int | None = None) -> None:
    """Print what it came to, in the time that all the views give it."""
    span = "SELECT started_at, ended_at FROM sessions WHERE session = ?"
    rows = store.query(span, (session,), at=at).rows
    for line in narrator.total(elapsed_ms(*rows[0]) if rows else None):
        out(line)
    if not narrator.ended:
        say("The log knows no end of this session.")


def lines_of(store: "Store", session: str, *, follow: bool = False, at: int | None = None) -> None:
    """Print the events of `session`, each as one line of JSON; with `follow` until the session ends."""
    for row in _events(store, session, follow=follow, at=at):
        out(json_text(row, indent=None))


def _events(store: "Store", session: str, *, follow: bool, at: int | None) -> Iterator[Row]:
    """The events of `session` in the log's order; with `follow` as they come, until no more are to be expected."""
    position, ended, following = 0, False, False
    while True:
        news = False
        for row in _after(store, session, position, at):
            position, ended, news = row["position"], ended or row["kind"] == "session.ended", True
            yield row
        if not follow or ended or at is not None or (not (news and following) and _over(store, session)):
            return
        if not following:
            say(f"Following {session} until it ends; Ctrl-C stops.")
            following = True
        store.follow(FOLLOW_SECONDS)


def _after(store: "Store", session: str, position: int, at: int | None) -> Iterator[Row]:
    while rows := store.query(_EVENTS, (session, position, EVENTS_A_PAGE), at=at).dicts():
        position = rows[-1]["position"]
        for row in rows:
            data = row["data"]
            yield {**row, "data": json.loads(data) if isinstance(data, str) else dict(data or {})}


def _over(store: "Store", session: str) -> bool:
    from orchestrion.tui.work import over

    return over(*store.query("SELECT status, ended_at FROM sessions WHERE session = ?", (session,)).rows[0])

"""Loads a session's time line, in a thread."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from textual.message import Message

from orchestrion.domain.errors import OrchestrionError
from orchestrion.tui.asking import Trouble
from orchestrion.tui.feed import Views
from orchestrion.tui.literals import bound
from orchestrion.tui.questions import question
from orchestrion.tui.timeline import Mark, Step, Timeline

if TYPE_CHECKING:
    from textual.app import App


class Timed(Message):
    """The time line of a session is here; None if it could not be read."""

    def __init__(self, session: str, timeline: Timeline | None) -> None:
        super().__init__()
        self.session, self.timeline = session, timeline


def load(app: "App[Any]", views: Views, session: str) -> None:
    """Ask for the time line and post it."""
    try:
        app.post_message(Timed(session, timeline_of(views, session)))
    except (OrchestrionError, OSError) as error:
        app.post_message(Trouble(str(error)))
        app.post_message(Timed(session, None))


def timeline_of(views: Views, session: str) -> Timeline:
    """The time line of `session`: its events by position, up to where the log stands. Raises OrchestrionError."""
    views.catch_up()
    rows = views.query(bound(question("timeline"), {"session": session})).rows
    return Timeline([_step(*row) for row in rows])


def _step(position: int, happened_at: datetime | None, actor: str | None, mark: Mark) -> Step:
    return Step(position, happened_at, actor or "", mark)

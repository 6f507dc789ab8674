"""The events a figure rests on; one of them opened is the log itself."""

from collections.abc import Mapping

from textual.app import ComposeResult

from orchestrion.tui import figures
from orchestrion.tui.asking import Answered, Question
from orchestrion.tui.columns import Column, Evidence
from orchestrion.tui.screens.opened import OpenedEvent
from orchestrion.tui.screens.view import View
from orchestrion.tui.story import Told
from orchestrion.tui.widgets.grid import Grid

COLUMNS = (
    Column("position", "Position", figures.count, right=True),
    Column("happened_at", "Happened", figures.moment, tone="quiet"),
    Column("kind", "Kind", tone="strong", widest=22),
    Column("told", "What happened", grow=True, widest=40),
    Column("source", "Witness", tone="quiet"),
    Column("stream", "Stream", tone="quiet", widest=40),
)
_EVENTS = """SELECT position, happened_at, kind, source, stream, session, run, agent, data->>'$.call' AS call,
    data->>'$.message' AS message, data
FROM events WHERE """

_UNREADABLE = """SELECT position, NULL::TIMESTAMP AS happened_at, kind, reason AS told, NULL::VARCHAR AS source, stream
FROM dead_letters WHERE """


class EventList(View):
    """Events that meet a condition, by position."""

    def __init__(self, evidence: Evidence) -> None:
        super().__init__()
        self.evidence = evidence

    def body(self) -> ComposeResult:
        yield Grid(COLUMNS, id="events", empty="No event: this figure rests on nothing that is recorded.")

    def questions(self) -> list[Question]:
        of, finish = (_UNREADABLE, None) if self.evidence.unreadable else (_EVENTS, Told(None))
        sql, grid = of + self.evidence.where, self.query_one(Grid)
        return [grid.question(sql, "position", self.evidence.params, finish=finish)]

    def draw(self, answered: Mapping[str, Answered]) -> None:
        self.query_one(Grid).fill(answered["events"])

    def subject(self) -> str:
        return f"{self.query_one(Grid).counted} events behind: {self.evidence.title}"

    def detail(self, opened: Grid.Opened) -> View | None:
        return None if self.evidence.unreadable else OpenedEvent(opened.row["position"])

"""The board of handed-over work: a column for each state; one opened with its package and its problems."""

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Container

from orchestrion.tui import figures
from orchestrion.tui.asking import Answered, Question
from orchestrion.tui.columns import Column, events_of
from orchestrion.tui.questions import question
from orchestrion.tui.screens.opened import OpenedHandoff
from orchestrion.tui.screens.view import View
from orchestrion.tui.widgets.grid import Grid

STATES = ("offered", "accepted", "rejected", "completed")
COLUMNS = (
    Column("pair", "Who to whom", tone="strong", widest=44),
    Column("urgency", "Urgency", tone="status"),
    Column("task", "Task", grow=True, widest=40),
    Column("changed_at", "Since", figures.clock, right=True, tone="quiet", rests=events_of(
        "this handoff", "data->>'$.handoff' = $handoff AND kind LIKE 'handoff.%'", "handoff")),
)  # fmt: skip


class Handoffs(View):
    """Handoffs by state."""

    here = "handoffs"
    _looked = False

    def body(self) -> ComposeResult:
        with Container(id="board"):
            for state in STATES:
                yield Grid(COLUMNS, id=state, empty="none", title=state).add_class("bordered")

    def questions(self) -> list[Question]:
        sql, order = question("handoffs"), "changed_at DESC NULLS LAST, handoff"
        session = self.dashboard.scope
        return [
            self.query_one(f"#{state}", Grid).question(sql, order, {"session": session, "status": state})
            for state in STATES
        ]

    def draw(self, answered: Mapping[str, Answered]) -> None:
        for state in STATES:
            grid = self.query_one(f"#{state}", Grid)
            grid.fill(_paired(answered[state]))
            grid.set_class(not grid.count, "-none")
        self._look_where_something_is()

    def _look_where_something_is(self) -> None:
        """The cursor begins in a column that has rows; where a reader put it, it stays."""
        if self._looked:
            return
        filled = next((grid for grid in self.query(Grid) if grid.count), None)
        if filled is not None:
            self._looked = True
            filled.focus()

    def _frame(self, late: str) -> None:
        super()._frame(late)
        for grid in self.query(Grid):
            grid.border_title = f"{grid.id} {grid.counted}"

    def subject(self) -> str:
        grids = list(self.query(Grid))
        total = "…" if any(grid.late for grid in grids) else f"{sum(grid.count for grid in grids):,}"
        return f"{total} handoffs · {self.dashboard.scope or 'all sessions'}"

    def detail(self, opened: Grid.Opened) -> View:
        return OpenedHandoff(opened.row["handoff"])


def _paired(answered: Answered) -> Answered:
    """The rows with `giver → taker` as one more column."""
    pairs = [f"{figures.text(row['giver'])} → {figures.text(row['taker'])}" for row in answered.dicts()]
    rows = [(*row, pair) for row, pair in zip(answered.rows, pairs, strict=True)]
    return Answered((*answered.columns, "pair"), rows, answered.count, answered.offset)

"""What was discovered, by whom, and what speaks for and against it."""

from collections.abc import Mapping

from textual.app import ComposeResult

from orchestrion.tui import figures
from orchestrion.tui.asking import Answered, Question
from orchestrion.tui.columns import Column, events_of, number
from orchestrion.tui.questions import question
from orchestrion.tui.screens.opened import PATTERN, OpenedPattern
from orchestrion.tui.screens.view import View
from orchestrion.tui.widgets.grid import Grid

COLUMNS = (
    Column("name", "Pattern", tone="strong", widest=40),
    Column("type", "Type", widest=20),
    Column("agent", "By", widest=24),
    number("confidence", "Sure", PATTERN["confidence"], figures.percent),
    number("evidence", "Evidence", events_of(
        "the evidence", "position IN (SELECT unnest(evidence) FROM patterns WHERE pattern = $pattern)", "pattern")),
    number("confirmations", "For", PATTERN["confirmations"]),
    number("contradictions", "Against", PATTERN["contradictions"]),
    Column("context", "Context", figures.optional, grow=True, widest=30),
    Column("happened_at", "When", figures.moment, tone="quiet"),
)  # fmt: skip


class Patterns(View):
    """What was learned."""

    here = "patterns"

    def body(self) -> ComposeResult:
        yield Grid(COLUMNS, id="patterns", empty="No pattern was discovered.")

    def questions(self) -> list[Question]:
        order = "happened_at DESC NULLS LAST, pattern"
        return [self.query_one(Grid).question(question("patterns"), order, {"session": self.dashboard.scope})]

    def draw(self, answered: Mapping[str, Answered]) -> None:
        self.query_one(Grid).fill(answered["patterns"])

    def subject(self) -> str:
        return f"{self.query_one(Grid).counted} patterns · {self.dashboard.scope or 'all sessions'}"

    def detail(self, opened: Grid.Opened) -> View:
        return OpenedPattern(opened.row["pattern"])

"""All sessions, live ones first; a filter searches requests, messages and tool parameters."""

from collections.abc import Mapping
from dataclasses import replace
from time import monotonic
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult

from orchestrion.tui import figures
from orchestrion.tui.actions import bindings
from orchestrion.tui.asking import Answered, Question
from orchestrion.tui.columns import Column, number
from orchestrion.tui.questions import question
from orchestrion.tui.resting import OF_SESSION
from orchestrion.tui.screens.view import View
from orchestrion.tui.widgets.finder import Finder
from orchestrion.tui.widgets.grid import Grid

EMPTY = "No session is in the log yet: orchestrion demo, run or import adds one."
NONE_SUCH = "No session is like that; Escape ends the search, v the live ones alone."
COLUMNS = (
    Column("status", "Status", tone="status"),
    Column("request", "Request", write=figures.text, grow=True, widest=30, tone="strong"),
    number("agents", "Runs", OF_SESSION["agents"]),
    number("tool_calls", "Calls", OF_SESSION["tool_calls"]),
    number("messages", "Msgs", OF_SESSION["messages"]),
    number("tokens", "Tokens", OF_SESSION["tokens"], figures.tokens),
    number("cost", "Cost", OF_SESSION["cost"], figures.money),
    Column("age", "Age", figures.lasting, right=True, rests=OF_SESSION["age"]),
    Column("source", "Source", tone="quiet", widest=14),
    Column("project", "Project", tone="quiet", widest=24),
    Column("started_at", "Started", figures.moment, tone="quiet"),
    Column("session", "Session", tone="quiet", widest=36),
)
AGES_SECONDS = 10.0
"""Between two looks at the clock."""
ORDER = "status IN ('running', 'waiting') DESC, ended_at DESC NULLS LAST, session"


class Sessions(View):
    """The list everything begins with."""

    BINDINGS: ClassVar[list[Any]] = bindings("sessions")
    here = "sessions"

    def __init__(self) -> None:
        super().__init__()
        self.only_live = False
        self._told: tuple[Answered, float] | None = None
        """The last answer, and when it came."""
        self.beside_what: str | None = None
        """The session that the next one chosen is laid beside."""

    def body(self) -> ComposeResult:
        yield Finder("search requests, messages and tool parameters")
        grid = Grid(COLUMNS, id="sessions", empty=EMPTY)
        grid.holds = True  # the cursor is on what is chosen
        yield grid

    def questions(self) -> list[Question]:
        sql = question("sessions")
        given: dict[str, object] = {"now": self.dashboard.now()}
        if self.only_live:
            sql += question("sessions_live")
        if self.find:
            sql += question("sessions_found")
            given |= self.sought
        counted = "" if self.only_live or self.find else question("sessions_count")
        return [self.query_one(Grid).question(sql, ORDER, given, counted=counted)]

    def draw(self, answered: Mapping[str, Answered]) -> None:
        grid, chosen = self.query_one(Grid), self.dashboard.session
        grid.empty = NONE_SUCH if self.find or self.only_live else EMPTY
        first = grid.answered is None
        grid.fill(answered["sessions"])
        self._told = answered["sessions"], monotonic()
        if chosen is None and grid.pointed is not None:
            self.dashboard.session = grid.pointed["session"]
        elif first:
            grid.point(chosen)

    def on_mount(self) -> None:
        self.set_interval(AGES_SECONDS, self.grow_older)

    def grow_older(self) -> None:
        """Sessions grow older though nothing is appended."""
        if self._told is None or not self.is_current or self.dashboard.at is not None:
            return
        answered, since = self._told
        age, passed = answered.columns.index("age"), (monotonic() - since) * 1000
        rows = [(*row[:age], None if row[age] is None else row[age] + passed, *row[age + 1 :]) for row in answered.rows]
        self.query_one(Grid).fill(replace(answered, rows=rows))

    def subject(self) -> str:
        parts = [f"{self.query_one(Grid).counted} sessions"]
        if self.only_live:
            parts.append("live only")
        return " · ".join([*parts, *filter(None, [self.sought_words])])

    @on(Grid.Pointed)
    def _pointed(self, message: Grid.Pointed) -> None:
        if self.dashboard.at is None:
            self.dashboard.session = message.row["session"]

    def action_compare(self) -> None:
        pointed = self.query_one(Grid).pointed
        if pointed is None:
            return
        session = str(pointed["session"])
        if self.beside_what in (None, session):
            self.beside_what = session
            self.dashboard.say("Now go to the session to lay beside it, and press d again.")
            return
        from orchestrion.tui.screens.compared import Compared  # noqa: PLC0415 - what it needs loads for long

        a, self.beside_what = str(self.beside_what), None
        self.app.push_screen(Compared(a, session))

    def detail(self, opened: Grid.Opened) -> None:
        self.dashboard.choose(opened.row["session"])
        self.dashboard.action_look("session")

    def action_only_live(self) -> None:
        self.only_live = not self.only_live
        self.ask()

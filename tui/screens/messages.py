"""Who talks to whom, and what was said: the flow as a picture, the list, and one message opened with its thread."""

from collections.abc import Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult

from orchestrion.tui import figures
from orchestrion.tui.actions import bindings
from orchestrion.tui.asking import Answered, Question
from orchestrion.tui.columns import Column, events_of
from orchestrion.tui.commentary import said
from orchestrion.tui.questions import question
from orchestrion.tui.screens.opened import OpenedMessage
from orchestrion.tui.screens.view import View
from orchestrion.tui.widgets.finder import Finder
from orchestrion.tui.widgets.flow import FlowPicture
from orchestrion.tui.widgets.grid import Grid

COLUMNS = (
    Column("happened_at", "Time", figures.clock, tone="quiet"),
    Column("sender", "From", tone="strong", widest=24),
    Column("recipient", "To", tone="strong", widest=24),
    Column("type", "Type", widest=18),
    Column("priority", "Priority", tone="status"),
    Column("state", "Delivery", tone="status", rests=events_of(
        "deliveries", "data->>'$.message' = $message AND kind LIKE 'message.%'", "message")),
    Column("payload", "Says", said, grow=True, widest=30),
    Column("position", "Position", figures.count, right=True, tone="quiet",
           rests=events_of("this message", "position = $position", "position")),
)  # fmt: skip

FLOW_SECONDS = 0.5


class Messages(View):
    """The talk between agents."""

    BINDINGS: ClassVar[list[Any]] = bindings("messages")
    here = "messages"
    in_parts = True

    def body(self) -> ComposeResult:
        yield FlowPicture()
        yield Finder("search senders, types and payloads")
        yield Grid(COLUMNS, id="messages", empty="No message.")

    def questions(self) -> list[Question]:
        session = self.dashboard.scope
        counted = "" if self.find else question("messages_count")
        listing = self.query_one(Grid).question(
            question("messages"), "position DESC", {"session": session, **self.sought}, counted=counted
        )
        return [Question("flow", question("flow"), {"session": session}, rest=FLOW_SECONDS), listing]

    def draw(self, answered: Mapping[str, Answered]) -> None:
        if "messages" in answered:
            self.query_one(Grid).fill(answered["messages"])
        if "flow" in answered:
            self.query_one(FlowPicture).show(answered["flow"].dicts(), self.dashboard.scope)

    def subject(self) -> str:
        found = " ".join(filter(None, [f"{self.query_one(Grid).counted} messages", self.sought_words]))
        return f"{found} · {self.dashboard.scope or 'all sessions'}"

    def detail(self, opened: Grid.Opened) -> View:
        return OpenedMessage(opened.row["message"], opened.row["session"])

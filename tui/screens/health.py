"""How the log is: its position, what lags behind it, what cannot be read, and whether it is what was written."""

from collections.abc import Mapping
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from orchestrion.domain.errors import OrchestrionError
from orchestrion.domain.ports import Verification
from orchestrion.tui import figures
from orchestrion.tui.actions import bindings
from orchestrion.tui.asking import Answered, Question
from orchestrion.tui.columns import Column, events_of, number
from orchestrion.tui.questions import question
from orchestrion.tui.screens.opened import OpenedEvent
from orchestrion.tui.screens.view import View
from orchestrion.tui.widgets.grid import Grid

IMPORTS = (
    Column("path", "Imported file", tone="strong", grow=True, widest=40),
    Column("format", "Format", widest=16),
    *(
        number(key, title, events_of("this ledger", "position = $position", "position"))
        for key, title in (
            ("lines", "Lines"), ("recorded", "Recorded"), ("duplicates", "Twice"), ("ignored", "Ignored"),
            ("unparseable", "Bad"), ("conflicts", "Conflicts"),
        )
    ),
    Column("imported_at", "When", figures.moment, tone="quiet"),
)  # fmt: skip


class Checked(Message):
    """What verifying the log found, or why it could not."""

    def __init__(self, found: Verification | None, refusal: str | None) -> None:
        super().__init__()
        self.found, self.refusal = found, refusal


class Health(View):
    """The log itself."""

    BINDINGS: ClassVar[list[Any]] = bindings("health")
    here = "health"
    log_alone = False

    def __init__(self) -> None:
        super().__init__()
        self.facts: dict[str, Any] = {}
        self.house: Mapping[str, object] = {}
        self.verified: tuple[str, str] = ("not verified yet: V recomputes the whole chain", "$quiet")
        self._verifying = False

    def body(self) -> ComposeResult:
        yield Static(id="facts", markup=False)
        yield Grid(IMPORTS, id="imports", empty="Nothing was imported.", title="imports").add_class("bordered")

    def questions(self) -> list[Question]:
        listing = self.query_one(Grid).question(question("imports"), "position DESC")
        return [Question("house", question("house")), Question("dead", question("dead")), listing]

    def beside(self) -> None:
        self.house = self.dashboard.feed.house()

    def draw(self, answered: Mapping[str, Answered]) -> None:
        self.facts = {**answered["house"].dicts()[0], "dead": answered["dead"].rows[0][0]}
        self.query_one(Grid).fill(answered["imports"])
        self._write()

    def _write(self) -> None:
        head, seen = self.house.get("position"), self.dashboard.position
        lag = head - seen if isinstance(head, int) else None
        lines: list[tuple[str, str, str]] = [
            ("events", figures.count(self.facts.get("events")), ""),
            ("sessions", figures.count(self.facts.get("sessions")), ""),
            ("position of the log", figures.count(head), ""),
            ("projected to", figures.count(seen), ""),
            ("projection lag", figures.count(lag), "$success" if lag == 0 else "$warning"),
            ("dead letters", figures.count(self.facts.get("dead")), "$error" if self.facts.get("dead") else "$success"),
            ("last recorded", figures.moment(self.facts.get("last_recorded")), ""),
            *((name, figures.text(value), "") for name, value in self.house.items() if name != "position"),
            ("verify", *self.verified),
        ]
        width = max(len(name) for name, _, _ in lines)
        text = [Content.assemble((f"{name:<{width}}  ", "$quiet"), (value, style)) for name, value, style in lines]
        self.query_one("#facts", Static).update(Content("\n").join(text))

    def subject(self) -> str:
        return "the log's health"

    def detail(self, opened: Grid.Opened) -> View:
        return OpenedEvent(opened.row["position"])

    def action_verify(self) -> None:
        if not self._verifying:
            self._verifying = True
            self.verified = ("verifying …", "$accent")
            self._write()
            self.run_worker(self._verify, thread=True, group="verifying")

    def _verify(self) -> None:
        try:
            self.post_message(Checked(self.dashboard.feed.verify(), None))
        except (OrchestrionError, OSError) as error:
            self.post_message(Checked(None, str(error)))

    @on(Checked)
    def _checked(self, message: Checked) -> None:
        message.stop()
        self._verifying = False
        if message.found is None:
            self.verified = (figures.text(message.refusal), "$error")
        elif message.found.ok:
            self.verified = (f"✓ whole up to position {message.found.position:,}", "$success")
        else:
            first = figures.count(message.found.first_bad_position)
            problems = "; ".join(map(figures.text, message.found.problems))
            self.verified = (f"✗ not what was written, first at {first}: {problems}", "$error")
        self._write()

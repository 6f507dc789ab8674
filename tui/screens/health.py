"""How the log is: its position, what lags behind it, what cannot be read, and whether it is what was written."""

from collections.abc import Mapping
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.message import Message

from orchestrion.domain.errors import OrchestrionError
from orchestrion.domain.ports import Verification
from orchestrion.tui import figures
from orchestrion.tui.actions import bindings
from orchestrion.tui.aside import aside
from orchestrion.tui.asking import Answered, Question
from orchestrion.tui.columns import Column, Evidence, events_of, number
from orchestrion.tui.questions import question
from orchestrion.tui.screens.opened import OpenedEvent
from orchestrion.tui.screens.view import View
from orchestrion.tui.widgets.facts import Fact, Facts
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

_DEAD = Evidence("dead letters", "true", {}, unreadable=True)
_LAST = "position = (SELECT max(position) FROM events)"
_FIRSTS = "position IN (SELECT min(position) FROM events WHERE session IS NOT NULL GROUP BY session)"


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
        self.verified: tuple[str, str] = ("not verified yet: V recomputes the whole chain", "quiet")
        self._verifying = False

    def body(self) -> ComposeResult:
        yield Facts(id="facts")
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
        self.query_one(Facts).show(self._told())

    def _told(self) -> list[Fact]:
        head, seen, dead = self.house.get("position"), self.dashboard.position, self.facts.get("dead")
        lag = head - seen if isinstance(head, int) else None
        now = self.dashboard.at is None  # else what is true of the log now stands in no event that is shown
        read = self.facts.get
        behind = Evidence("events not projected yet", "position > $seen", {"seen": seen})
        return [
            Fact("events", figures.count(read("events")), "", Evidence("events", "true", {})),
            Fact("sessions", figures.count(read("sessions")), "", Evidence("the first of each session", _FIRSTS, {})),
            Fact("position of the log", figures.count(head), "", _at("the last event", head) if now else None),
            Fact("projected to", figures.count(seen), "", _at("the last event projected", seen) if now else None),
            Fact("projection lag", figures.count(lag), "good" if lag == 0 else "warn", behind if now else None),
            Fact("dead letters", figures.count(dead), "bad" if dead else "good", _DEAD),
            Fact("last recorded", figures.moment(read("last_recorded")), "", Evidence("the last event", _LAST, {})),
            *(Fact(name, figures.text(value)) for name, value in self.house.items() if name != "position"),
            Fact("verify", *self.verified),
        ]

    def subject(self) -> str:
        return "the log's health"

    def detail(self, opened: Grid.Opened) -> View:
        return OpenedEvent(opened.row["position"])

    def action_verify(self) -> None:
        if not self._verifying:
            self._verifying = True
            self.verified = ("verifying …", "busy")
            self._write()
            self.run_worker(aside(self._verify), group="verifying")

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
            self.verified = (figures.text(message.refusal), "bad")
        elif message.found.ok:
            self.verified = (f"✓ whole up to position {message.found.position:,}", "good")
        else:
            first = figures.count(message.found.first_bad_position)
            problems = "; ".join(map(figures.text, message.found.problems))
            self.verified = (f"✗ not what was written, first at {first}: {problems}", "bad")
        self._write()


def _at(what: str, position: object) -> Evidence:
    return Evidence(what, "position = $position", {"position": position})

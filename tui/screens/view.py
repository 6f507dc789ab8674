"""What every screen shares: the lines around it, what it draws of its answers, and what opens from it."""

from collections.abc import Mapping
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from orchestrion.tui.actions import bindings
from orchestrion.tui.asking import Answered, Answers, Question
from orchestrion.tui.lanes import Lane
from orchestrion.tui.screens.marks import Marks
from orchestrion.tui.screens.searching import Searching
from orchestrion.tui.widgets.figure_lines import FigureLines
from orchestrion.tui.widgets.finder import Finder
from orchestrion.tui.widgets.frame import Banner, Context, Keys, Tabs
from orchestrion.tui.widgets.grid import Grid
from orchestrion.tui.widgets.late import Late
from orchestrion.tui.widgets.scrubber import Scrubber

FADING_SECONDS = 0.15
"""How long figures may be late before they fade: what is told sooner would only flicker. They say so at once."""


class View(Searching):
    """A screen that says what it wants to know (`questions`) and how it is drawn (`draw`)."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (140, "-wide")]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-low"), (36, "-tall")]  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[Any]] = bindings("replay")
    AUTO_FOCUS = "Grid"
    here: ClassVar[str] = ""
    """The tab this screen is reached by."""
    in_parts: ClassVar[bool] = False
    """Whether it can be drawn at first while some of its answers are missing."""

    def __init__(self) -> None:
        super().__init__()
        self._marks = Marks()
        self._fading = False
        """Whether those that are late will soon be faded."""
        self._whole = False
        """Whether all that is asked was answered once; until then parts are drawn as they come."""

    # What a screen of its own says

    def body(self) -> ComposeResult:
        """The widgets between the frame's lines."""
        raise NotImplementedError

    def draw(self, answered: Mapping[str, Answered]) -> None:
        """Put the answers on the screen; of one `in_parts` only the parts whose answers are there."""
        raise NotImplementedError

    def subject(self) -> str:
        """What is looked at, in a few words."""
        return ""

    def retreat(self) -> None:
        """What Escape closes on this screen, when nothing is opened over it."""
        for finder in self.query(Finder):
            finder.close()

    def detail(self, opened: Grid.Opened) -> "View | None":  # noqa: ARG002 - screens without details ignore it
        """The screen that opens a row of a list."""
        return None

    # What is drawn

    def compose(self) -> ComposeResult:
        yield Tabs(self.here)
        yield Context()
        yield Banner()
        with Container(id="body"):
            yield from self.body()
        yield Scrubber()
        yield Keys()

    def on_screen_resume(self) -> None:
        self.frame()
        if self._stale:
            self.ask()

    def told(self, message: Answers, lane: Lane, questions: list[Question]) -> None:
        whole = all(question.name in self._answers for question in questions)
        if not whole and not self.in_parts:
            self.frame()
            return
        self._whole |= whole
        self._marks.drew(*lane.asked)
        late = self._mark(questions)
        self.draw(self._answers)
        self.dashboard.drawn(message)
        self._frame(late)

    def forgotten(self) -> None:
        if not self._whole:  # two subjects, or two positions, are never drawn together
            for part in self.query(Late):
                part.blank()

    def _mark(self, questions: list[Question]) -> str:
        """Let what is late say so, and fade if it stays late; what is to be said of what can say nothing itself."""
        parts = list(self.query(Late))
        left = self._marks.mark(parts, questions, self.dashboard.at)
        if any(part.late for part in parts) and not self._fading:
            self._fading = True
            self.set_timer(FADING_SECONDS, self._fade)
        return left

    def _fade(self) -> None:
        self._fading = False
        for part in self.query(Late):
            part.fading = bool(part.late)

    @on(Grid.Opened)
    def _open(self, message: Grid.Opened) -> None:
        message.stop()
        rests = message.column.rests
        if message.evidence and rests is None:
            self.dashboard.say(f"{message.column.title} is no figure; go to one with the arrow keys.")
        elif message.evidence and rests is not None:
            self.dashboard.show_evidence(rests(message.row))
        elif (screen := self.detail(message)) is not None:
            self.app.push_screen(screen)

    @on(FigureLines.Opened)
    def _open_figure(self, message: FigureLines.Opened) -> None:
        message.stop()
        if message.figure.rests is not None:
            self.dashboard.show_evidence(message.figure.rests)
        else:
            self.dashboard.say(f"{message.figure.name} stands in no event: it is looked up beside the log.")

    @on(Grid.Wanted)
    def _more(self, message: Grid.Wanted) -> None:
        message.stop()
        self.ask_what_else()

    def frame(self) -> None:
        """Bring the lines around the screen up to date."""
        if self.is_mounted and self.query(Context):  # else it is not laid out yet, or taken apart already
            self._frame(self._mark(self.questions()))

    def _frame(self, late: str) -> None:
        app, context = self.dashboard, self.query_one(Context)
        context.subject = " · ".join(filter(None, (self.subject(), late)))
        context.standing, context.past = app.standing(), app.at is not None
        self.query_one(Banner).sentence = app.trouble.sentence if app.trouble is not None else None
        scrubber = self.query_one(Scrubber)
        scrubber.timeline, scrubber.position = app.player.timeline, app.at or 0
        scrubber.playing, scrubber.speed = app.player.playing, app.player.speed

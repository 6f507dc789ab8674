"""What every screen shares: the lines around it, and the round of asking, waiting and drawing."""

from collections.abc import Mapping
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.widgets import Footer

from orchestrion.domain.errors import OrchestrionError
from orchestrion.tui.actions import bindings
from orchestrion.tui.asking import Answered, Answers, Question, Trouble, answers
from orchestrion.tui.known import Known
from orchestrion.tui.widgets.finder import Finder
from orchestrion.tui.widgets.frame import Banner, Context, Tabs
from orchestrion.tui.widgets.grid import Grid
from orchestrion.tui.widgets.scrubber import Scrubber

if TYPE_CHECKING:
    from orchestrion.tui.app import Dashboard

REST_SECONDS = 0.03
"""Between two rounds of a screen whose log does not stop growing."""


class View(Screen[None]):
    """A screen that says what it wants to know (`questions`) and how it is drawn (`draw`)."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (140, "-wide")]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-low"), (36, "-tall")]  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[Any]] = bindings("replay")
    AUTO_FOCUS = "Grid"
    here: ClassVar[str] = ""
    """The tab this screen is reached by."""

    def __init__(self) -> None:
        super().__init__()
        self._asking = self._again = False
        self._stale = True
        self._known = Known(monotonic)
        self.find = ""
        """What is searched for, in lower case."""

    @property
    def dashboard(self) -> "Dashboard":
        """The app, as what it is."""
        return cast("Dashboard", self.app)

    # What a screen of its own says

    def body(self) -> ComposeResult:
        """The widgets between the frame's lines."""
        raise NotImplementedError

    def questions(self) -> list[Question]:
        """What is to be asked, for what is looked at now."""
        raise NotImplementedError

    def draw(self, answered: Mapping[str, Answered]) -> None:
        """Put the answers on the screen."""
        raise NotImplementedError

    def subject(self) -> str:
        """What is looked at, in a few words."""
        return ""

    def beside(self) -> None:
        """In the asking thread, after the questions: what else is to be learned."""

    def retreat(self) -> None:
        """What Escape closes on this screen, when nothing is opened over it."""
        for finder in self.query(Finder):
            finder.close()

    def detail(self, opened: Grid.Opened) -> "View | None":  # noqa: ARG002 - screens without details ignore it
        """The screen that opens a row of a list."""
        return None

    # The round

    def compose(self) -> ComposeResult:
        yield Tabs(self.here)
        yield Context()
        yield Banner()
        with Container(id="body"):
            yield from self.body()
        yield Scrubber()
        yield Footer(show_command_palette=False)

    def on_screen_resume(self) -> None:
        self.frame()
        if self._stale:
            self.ask()

    @property
    def at_rest(self) -> bool:
        """Whether what is shown is the answer to what is asked."""
        return not (self._asking or self._again or self._stale or self._known.aged)

    def ask(self) -> None:
        """Ask anew; while an answer is on its way, once more after it."""
        if not self.is_current or not self.is_mounted:
            self._stale = True
        elif self._asking:
            self._again = True
        else:
            self._asking, self._again, self._stale = True, False, False
            at = self.dashboard.at
            due, kept = self._known.due(self.questions(), at)
            self.run_worker(partial(self._round, due, kept, at), thread=True, group="asking")

    def _round(self, due: list[Question], kept: dict[str, Answered], at: int | None) -> None:
        """In a thread: the questions that are due to the views, all answers to the screen."""
        views = self.dashboard.feed.views
        try:
            seen = views.position
            found = kept | answers(views, due, at)
            self.beside()
        except (OrchestrionError, OSError) as error:
            self.app.post_message(Trouble(str(error)))
            self.post_message(Answers({}, at, 0))
        else:
            self.post_message(Answers(found, at, seen))

    @on(Answers)
    def _draw(self, message: Answers) -> None:
        message.stop()
        self._asking = False
        if message.answers:
            self._known.keep(message.answers)
            self.draw(message.answers)
            self.frame()
            self.dashboard.drawn(message)
        if self._again:
            self.set_timer(REST_SECONDS, self.ask)
        elif (wait := self._known.overdue()) is not None:
            self.set_timer(wait, self.ask)

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

    def action_find(self) -> None:
        self.query_one(Finder).open()

    @on(Finder.Sought)
    def _sought(self, message: Finder.Sought) -> None:
        message.stop()
        if message.done:
            self.query(Grid).last().focus()
        if message.text != self.find:
            self.find = message.text
            self.ask()

    @on(Grid.Wanted)
    def _more(self, message: Grid.Wanted) -> None:
        message.stop()
        self.ask()

    def frame(self) -> None:
        """Bring the lines around the screen up to date."""
        if not self.is_mounted:
            return
        app = self.dashboard
        context = self.query_one(Context)
        context.subject, context.standing, context.past = self.subject(), app.standing(), app.at is not None
        self.query_one(Banner).sentence = app.trouble
        scrubber = self.query_one(Scrubber)
        scrubber.timeline, scrubber.position = app.player.timeline, app.at or 0
        scrubber.playing, scrubber.speed = app.player.playing, app.player.speed

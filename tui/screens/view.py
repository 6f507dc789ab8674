"""What every screen shares: the lines around it, and the round of asking, waiting and drawing."""

import json
from asyncio import Future, get_running_loop, sleep
from collections.abc import Mapping
from contextvars import copy_context
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen

from orchestrion.domain.errors import OrchestrionError
from orchestrion.tui.actions import bindings
from orchestrion.tui.asking import Answered, Answers, Question, Trouble, answers
from orchestrion.tui.lanes import Lane
from orchestrion.tui.screens.marks import Marks
from orchestrion.tui.widgets.figure_lines import FigureLines
from orchestrion.tui.widgets.finder import Finder
from orchestrion.tui.widgets.frame import Banner, Context, Keys, Tabs
from orchestrion.tui.widgets.grid import Grid
from orchestrion.tui.widgets.late import Late
from orchestrion.tui.widgets.scrubber import Scrubber

if TYPE_CHECKING:
    from orchestrion.tui.app import Dashboard

REST_SECONDS = 0.01
"""Between two rounds of a screen whose log does not stop growing."""
LOOK_SECONDS = 1.0
"""Between two looks through large fields for the same text."""

FADING_SECONDS = 0.15
"""How long figures may be late before they fade: what is told sooner would only flicker. They say so at once."""


class View(Screen[None]):
    """A screen that says what it wants to know (`questions`) and how it is drawn (`draw`)."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (140, "-wide")]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-low"), (36, "-tall")]  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[Any]] = bindings("replay")
    AUTO_FOCUS = "Grid"
    here: ClassVar[str] = ""
    """The tab this screen is reached by."""
    in_parts: ClassVar[bool] = False
    """Whether it can be drawn at first while some of its answers are missing."""

    log_alone: ClassVar[bool] = True
    """Whether all that it shows follows from what it asks; then nothing is asked again until the log has grown."""

    def __init__(self) -> None:
        super().__init__()
        self._lanes = (Lane(monotonic, slow=False), Lane(monotonic, slow=True))
        self._answers: dict[str, Answered] = {}
        self._marks = Marks()
        self._stale = True
        self._fading = False
        """Whether those that are late will soon be faded."""
        self._whole = False
        """Whether all that is asked was answered once; until then parts are drawn as they come."""
        self.find = ""
        """What is searched for, in lower case."""
        self.looking = ""
        """What large fields are looked through for just now."""
        self._looked = 0.0
        """When that was done last."""

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
        """Put the answers on the screen; of one `in_parts` only the parts whose answers are there."""
        raise NotImplementedError

    def subject(self) -> str:
        """What is looked at, in a few words."""
        return ""

    def beside(self) -> None:
        """In the asking thread, after the questions: what else is to be learned."""

    def ahead(self, questions: list[Question], found: Mapping[str, Answered]) -> None:
        """In the asking thread, once what was found is told: what the next round would else have to do first."""

    @property
    def sought(self) -> dict[str, object]:
        """What is searched for, as a text has it (`find`) and as JSON writes it (`written`), and the large fields that
        hold it, as far as they are looked through."""
        held = self.dashboard.bodies.holding(self.find, self.dashboard.at)
        return {"find": self.find, "written": json.dumps(self.find, ensure_ascii=False)[1:-1], **held}

    @property
    def sought_words(self) -> str:
        """For the subject: what is searched for, and whether large fields are yet to be looked through once."""
        if not self.find:
            return ""
        looked = self.dashboard.bodies.knows(self.find, 0)
        return f"with “{self.find}”" + ("" if looked else ", still looking through large fields")

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
        yield Keys()

    def on_screen_resume(self) -> None:
        self.frame()
        if self._stale:
            self.ask()

    @property
    def at_rest(self) -> bool:
        """Whether what is shown is the answer to what is asked."""
        return not self._stale and not self.looking and all(lane.at_rest for lane in self._lanes)

    def ask(self) -> None:
        """Ask anew; what is on its way is asked once more after it."""
        if not self.is_current or not self.is_mounted:
            self._stale = True
            return
        self._stale = False
        for lane in self._lanes:
            self._ask_lane(lane)
        self._look_through()

    def _look_through(self) -> None:
        """Look for what is searched for in large fields too; what holds it is shown as soon as it is found.

        What has come since is looked through with a rest between: on a log that does not stop growing each look costs.
        """
        text, app = self.find, self.dashboard
        if not text or self.looking == text or app.bodies.knows(text, app.position):
            return
        self.looking = text
        rest = self._looked + LOOK_SECONDS - monotonic() if app.bodies.text == text else 0.0
        self.run_worker(self._looked_through(text, max(0.0, rest)), group="looking")

    async def _looked_through(self, text: str, rest: float) -> None:
        await sleep(rest)
        look = partial(self.dashboard.bodies.look, text, lambda: self.find == text)
        try:
            found = await get_running_loop().run_in_executor(None, look)
        except (OrchestrionError, OSError) as error:
            found = False
            self.app.post_message(Trouble(str(error)))
        self._looked = monotonic()
        if self.looking == text:
            self.looking = ""
        if self.find == text:
            self.frame()
            if found:
                self.ask()
            self._look_through()  # what has come meanwhile

    def _ask_lane(self, lane: Lane) -> None:
        if lane.asking:
            lane.again = True
            return
        questions, at = lane.mine(self.questions()), self.dashboard.at
        if self._known(lane):
            return
        if lane.slow and self._lanes[0].asking and not lane.asks_else(questions, at):
            lane.again = True  # what is quickly answered has the processor to itself
            return
        rest = lane.rest(questions, at)
        if rest and not lane.waiting:
            lane.waiting = True
            self.set_timer(rest, partial(self._rested, lane))
        elif questions and not rest:
            for name in lane.changed(questions, at):
                if self._answers.pop(name, None) is not None and not self._whole:
                    self._blank()  # two subjects, or two positions, are never drawn together
            lane.begin(questions, at)
            asking = partial(self._round, questions, at, lane.slow, dict(self._answers))
            # At once: a worker with a thread would begin when the screen is laid out.
            threads = self.dashboard.patient if lane.slow else None
            begun = get_running_loop().run_in_executor(threads, copy_context().run, asking)
            self.run_worker(_done(begun), group="asking")

    def _known(self, lane: Lane) -> bool:
        app = self.dashboard
        return self.log_alone and lane.knows(lane.mine(self.questions()), app.at, app.position)

    def _rested(self, lane: Lane) -> None:
        lane.waiting = False
        if self.is_current:
            self._ask_lane(lane)
        else:
            self._stale = True

    def _round(self, questions: list[Question], at: int | None, slow: bool, before: dict[str, Answered]) -> None:
        """In a thread: the questions to the views, the answers to the screen."""
        views = self.dashboard.feed.views
        try:
            # What has come meanwhile is shown at once; what was asked slowly is no older than what is shown beside it.
            seen = views.catch_up() if at is None else views.position
            found = answers(views, questions, at, before=before)
            self.beside()
        except (OrchestrionError, OSError) as error:
            self.app.post_message(Trouble(str(error)))
            self.post_message(Answers({}, at, 0, slow=slow))
            return
        self.post_message(Answers(found, at, seen, slow=slow))
        try:
            self.ahead(questions, found)
        except (OrchestrionError, OSError) as error:
            self.app.post_message(Trouble(str(error)))

    @on(Answers)
    def _draw(self, message: Answers) -> None:
        message.stop()
        lane = self._lanes[message.slow]
        lane.end(message.seen if message.answers else None)
        if message.answers:
            self._answers |= message.answers
            whole = all(question.name in self._answers for question in self.questions())
            if whole or self.in_parts:
                self._whole |= whole
                self._marks.drew(*lane.asked)
                self._mark()
                self.draw(self._answers)
                self.dashboard.drawn(message)
            self.frame()
        again, lane.again = lane.again, False
        if again and not self._known(lane):
            lane.waiting = True
            self.set_timer(REST_SECONDS, partial(self._rested, lane))
        other = self._lanes[not message.slow]
        if other.slow and other.again and not other.asking:
            other.again = False
            self._rested(other)

    def _blank(self) -> None:
        for part in self.query(Late):
            part.blank()

    def _mark(self) -> str:
        """Let what is late say so, and fade if it stays late; what is to be said of what can say nothing itself."""
        parts = list(self.query(Late))
        left = self._marks.mark(parts, self.questions(), self.dashboard.at)
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
        questions, at = self.questions(), self.dashboard.at
        for lane in self._lanes:
            if lane.asks_else(lane.mine(questions), at):
                self._ask_lane(lane)

    def frame(self) -> None:
        """Bring the lines around the screen up to date."""
        if not self.is_mounted or not self.query(Context):
            return  # not laid out yet, or taken apart already
        late, app = self._mark(), self.dashboard
        context = self.query_one(Context)
        context.subject = " · ".join(filter(None, (self.subject(), late)))
        context.standing, context.past = app.standing(), app.at is not None
        self.query_one(Banner).sentence = app.trouble.sentence if app.trouble is not None else None
        scrubber = self.query_one(Scrubber)
        scrubber.timeline, scrubber.position = app.player.timeline, app.at or 0
        scrubber.playing, scrubber.speed = app.player.playing, app.player.speed


async def _done(begun: Future[None]) -> None:
    """Until it is done; what fails there fails here."""
    await begun

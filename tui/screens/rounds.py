"""How a screen keeps its answers up to date: rounds of asking in threads, two lanes of them beside each other."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.screen import Screen

from orchestrion.domain.errors import OrchestrionError
from orchestrion.tui.aside import aside
from orchestrion.tui.asking import RETRY_SECONDS, Answered, Answers, Question, Trouble, answers
from orchestrion.tui.lanes import Lane

if TYPE_CHECKING:
    from orchestrion.tui.app import Dashboard

REST_SECONDS = 0.01
"""Between two rounds of a screen whose log does not stop growing."""


class Rounds(Screen[None]):
    """A screen that says what it wants to know (`questions`) and is told (`told`)."""

    log_alone: ClassVar[bool] = True
    """Whether all that it shows follows from what it asks; then nothing is asked again until the log has grown."""

    def __init__(self) -> None:
        super().__init__()
        self._quick, self._slow = Lane(monotonic, slow=False), Lane(monotonic, slow=True)
        self._answers: dict[str, Answered] = {}
        self._stale = True

    @property
    def dashboard(self) -> "Dashboard":
        """The app, as what it is."""
        return cast("Dashboard", self.app)

    @property
    def at_rest(self) -> bool:
        """Whether what is shown is the answer to what is asked."""
        return not self._stale and self._quick.at_rest and self._slow.at_rest

    # What a screen of its own says

    def questions(self) -> list[Question]:
        """What is to be asked, for what is looked at now."""
        raise NotImplementedError

    def told(self, message: Answers, lane: Lane, questions: list[Question]) -> None:
        """There are answers to what `lane` asked; all known ones stand in `_answers`. `questions` are those of now."""
        raise NotImplementedError

    def forgotten(self) -> None:
        """An answer is about something else than what is asked now, and is no longer there."""

    def beside(self) -> None:
        """In the asking thread, after the questions: what else is to be learned."""

    def ahead(self, questions: list[Question], found: Mapping[str, Answered]) -> None:
        """In the asking thread, once what was found is told: what the next round would else have to do first."""

    # The round

    def ask(self) -> None:
        """Ask anew; what is on its way is asked once more after it."""
        if not self.is_current or not self.is_mounted:
            self._stale = True
            return
        self._stale = False
        questions = self.questions()
        for lane in (self._quick, self._slow):
            self._ask_lane(lane, questions)

    def ask_what_else(self) -> None:
        """Ask what is looked at now, where that is something else than was asked last."""
        questions, at = self.questions(), self.dashboard.at
        for lane in (self._quick, self._slow):
            if lane.asks_else(lane.mine(questions), at):
                self._ask_lane(lane, questions)

    def _ask_lane(self, lane: Lane, all_questions: list[Question]) -> None:
        if lane.asking:
            lane.again = True
            self._drop_others(lane, all_questions)
            return
        questions, at = lane.mine(all_questions), self.dashboard.at
        if self._known(lane, questions):
            return
        if rest := lane.rest(questions, at):
            if not lane.waiting:
                self._rest(lane, rest)
        elif lane.slow and self._quick.asking and not lane.asks_else(questions, at):
            lane.again = True  # what is quickly answered has the processor to itself
        elif questions:
            self._begin(lane, questions, at)

    def _begin(self, lane: Lane, questions: list[Question], at: int | None) -> None:
        self._drop(lane.changed(questions, at))
        lane.begin(questions, at)
        asking = partial(self._round, questions, at, lane.slow, dict(self._answers))
        # Begun here: a worker with a thread of its own would begin when the screen is laid out.
        self.run_worker(aside(asking), group="asking")

    def _drop_others(self, lane: Lane, questions: list[Question]) -> None:
        """Of what `lane` asked, let go of what is of another session than `questions`: one was chosen meanwhile."""
        asked_now = {question.whose for question in questions}
        self._drop([question.name for question in lane.asked[0] if question.whose not in asked_now])

    def _drop(self, names: Iterable[str]) -> None:
        for name in names:
            if self._answers.pop(name, None) is not None:
                self.forgotten()

    def _known(self, lane: Lane, questions: list[Question]) -> bool:
        app = self.dashboard
        return self.log_alone and lane.knows(questions, app.at, app.position)

    def _rest(self, lane: Lane, seconds: float) -> None:
        lane.waiting = True
        self.set_timer(seconds, partial(self._rested, lane))

    def _rested(self, lane: Lane) -> None:
        lane.waiting = False
        if self.is_current:
            self._ask_lane(lane, self.questions())
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
        with suppress(OrchestrionError, OSError):  # what is wrong, the next round tells
            self.ahead(questions, found)

    @on(Answers)
    def _answered(self, message: Answers) -> None:
        message.stop()
        lane = self._slow if message.slow else self._quick
        lane.end(message.seen if message.answers else None)
        self._answers |= message.answers
        questions = self.questions()
        self._drop_others(lane, questions)
        if not self._answers.keys().isdisjoint(message.answers):
            self.told(message, lane, questions)
        again, lane.again = lane.again, False
        if not message.answers:
            self._rest(lane, RETRY_SECONDS)
        elif again and not self._known(lane, lane.mine(self.questions())):
            self._rest(lane, REST_SECONDS)
        if not message.slow and self._slow.again and not self._slow.asking:
            self._slow.again = False
            self._rested(self._slow)

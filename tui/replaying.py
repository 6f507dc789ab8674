"""The part of the dashboard that goes through time: a session's time line, stepping, seeking, playing; reading only."""

import time
from functools import partial
from typing import Literal

from textual import on
from textual.app import App
from textual.timer import Timer

from orchestrion.domain.inert import one_line
from orchestrion.tui.aside import aside
from orchestrion.tui.asking import RETRY_SECONDS
from orchestrion.tui.feed import Feed
from orchestrion.tui.player import TICK_SECONDS, Player
from orchestrion.tui.screens.prompt import Prompt
from orchestrion.tui.timeline import Timeline
from orchestrion.tui.timing import Timed, load
from orchestrion.tui.widgets.scrubber import Scrubber

CHOOSE = "Choose a session first: Enter on one of the Sessions screen."


class Replaying(App[None]):
    """An app over `feed` whose `player` says as of which position it is shown."""

    def __init__(self, feed: Feed, session: str | None, start: int | None, speed: float) -> None:
        super().__init__()
        self.feed = feed
        self.session = session
        self.everything = session is None
        """Whether screens show all sessions rather than the chosen one."""
        self.player = Player(time.monotonic, speed)
        self._start = start
        self._timing: str | None = None
        """The session whose time line is on its way."""
        self._outgrown = False
        """Whether more has come since it was asked for."""
        self._ticker: Timer | None = None

    @property
    def at(self) -> int | None:
        """The position that is shown; None for now."""
        return self.player.at

    def ask(self) -> None:
        """Let every screen ask anew."""
        raise NotImplementedError

    def reframe(self) -> None:
        """Bring the lines around the screen up to date."""
        raise NotImplementedError

    def answered(self) -> None:
        """The views have answered: trouble that does not last is over."""
        raise NotImplementedError

    def say(self, sentence: str, *, severity: Literal["information", "warning", "error"] = "information") -> None:
        """A short notice; what it quotes is made inert and never read as markup."""
        self.notify(one_line(sentence), severity=severity, markup=False)

    def start_clock(self) -> None:
        """Make the clock that playing needs; it stands still until then."""
        self._ticker = self.set_interval(TICK_SECONDS, self._tick, name="player", pause=True)

    def action_rewind(self) -> None:
        if self.session is None:
            self.say(CHOOSE)
        elif self.player.timeline is None:
            self.load_timeline()

    def load_timeline(self) -> None:
        """Load the chosen session's time line; once more, if it is on its way already."""
        self._outgrown = self._timing == self.session
        if self.session is not None and not self._outgrown:
            self._timing = self.session
            self._load(self.session)

    def grown(self) -> None:
        """The log has grown, and so may have the time line that is here or on its way."""
        if self.player.timeline is not None:
            self.load_timeline()
        elif self._timing is not None:
            self._outgrown = True

    def _load(self, session: str) -> None:
        if self._timing == session:
            self.run_worker(aside(partial(load, self, self.feed.views, session)), group="timing")

    @on(Timed)
    def _timed(self, message: Timed) -> None:
        if message.session != self._timing:
            return  # another one was asked for since, or the replay was left
        if message.session == self.session and message.timeline is None:
            self.set_timer(RETRY_SECONDS, partial(self._load, message.session))
            return
        self._timing = None
        if message.session == self.session and message.timeline is not None:
            self.answered()
            self._take(message.timeline)
            if self._outgrown:
                self.load_timeline()

    def _take(self, timeline: Timeline) -> None:
        """Show the session by its time line, and begin to where that is the first."""
        fresh = self.player.timeline is None
        if fresh:
            self.player.at = None if self._start is None else self._within(self._start)
            self._start = None
        self.player.load(timeline)
        if fresh:
            self.everything = False
            self.moved_in_time()
        self.reframe()

    def action_live(self) -> None:
        self._timing = self._start = None
        self.player.leave()
        self.moved_in_time()

    def action_play(self) -> None:
        self.player.play()
        self.moved_in_time()

    def action_step(self, by: int) -> None:
        self.player.step(by)
        self.moved_in_time()

    def action_step_agent(self, by: Literal[1, -1]) -> None:
        self.player.step_agent(by)
        self.moved_in_time()

    def action_failure(self, by: Literal[1, -1]) -> None:
        if not self.player.failure(by):
            self.say("No failure lies that way.")
        self.moved_in_time()

    def action_speed(self, factor: float) -> None:
        self.player.faster(factor)
        self.reframe()

    def action_seek(self, share: float) -> None:
        self.player.seek(share)
        self.moved_in_time()

    def action_go_to(self) -> None:
        self.push_screen(Prompt("Position of the log:", digits=True), self._go_to)

    def _go_to(self, given: str | None) -> None:
        if given:
            self.go(int(given))

    @on(Scrubber.Sought)
    def _sought(self, message: Scrubber.Sought) -> None:
        self.go(message.position)

    def go(self, position: int) -> None:
        """Show everything as it stood at `position`, or at the head if the log ends before it."""
        self.player.go(self._within(position))
        self.moved_in_time()

    def _within(self, position: int) -> int:
        """`position`; the head, which is said, where the log ends before it: what is yet to come there is not known."""
        head = self.feed.views.position
        if position > head:
            self.say(f"The log ends at position {head:,}: that is shown.")
        return min(position, head)

    def _tick(self) -> None:
        if self.player.tick():
            self.moved_in_time()

    def moved_in_time(self) -> None:
        """The position shown is another one."""
        if self._ticker is not None:
            (self._ticker.resume if self.player.playing else self._ticker.pause)()
        self.ask()
        self.reframe()
        self.refresh_bindings()

"""Plays a session back: where it stands, how fast it goes on, and what is due next. It only ever reads."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from orchestrion.tui.timeline import Timeline

TICK_SECONDS = 0.05
SLOWEST, FASTEST = 0.125, 1024.0


class Player:
    """The replay's state. `at` is the position shown, None when the log is followed live."""

    def __init__(self, now: Callable[[], float], speed: float = 1.0) -> None:
        """`now` gives seconds of a clock that never runs backwards."""
        self._now = now
        self.timeline: Timeline | None = None
        self.at: int | None = None
        self.playing = False
        self.speed = speed
        self._since, self._from = 0.0, 0.0

    @property
    def moment(self) -> datetime | None:
        """When the event happened that is shown; None if that is not known."""
        if self.timeline is None or self.at is None or (index := self.timeline.index(self.at)) < 0:
            return None
        return self.timeline.steps[index].happened_at

    def load(self, timeline: Timeline) -> None:
        """Take a session's (grown) time line; a fresh one is shown from its first event."""
        self.timeline = timeline
        if self.at is None:
            self.at = timeline.clamp(0)

    def leave(self) -> None:
        """Back to the living log."""
        self.timeline, self.at, self.playing = None, None, False

    def go(self, position: int) -> None:
        """Show the log as it stood at `position`."""
        self.at = max(0, position)
        self._anchor()

    def step(self, by: int) -> None:
        """`by` events on; playing stops."""
        if self.timeline is not None and self.at is not None:
            self.playing = False
            self.go(self.timeline.step(self.at, by))

    def step_agent(self, by: Literal[1, -1]) -> None:
        """On to where another agent acts; playing stops."""
        if self.timeline is not None and self.at is not None:
            self.playing = False
            self.go(self.timeline.step_agent(self.at, by))

    def failure(self, by: Literal[1, -1]) -> bool:
        """On to the next failure; False if there is none."""
        if self.timeline is None or self.at is None:
            return False
        self.playing = False
        before = self.at
        self.go(self.timeline.failure(self.at, by))
        return self.at != before

    def seek(self, share: float) -> None:
        """To a share of the line: 0 its first event, 1 its last."""
        if self.timeline is not None:
            self.go(self.timeline.clamp(round(share * (len(self.timeline) - 1))))

    def play(self) -> None:
        """Play on, or stop; at the end, play from the start."""
        if self.timeline is None or self.at is None:
            return
        self.playing = not self.playing
        if self.playing and self.timeline.index(self.at) >= len(self.timeline) - 1:
            self.at = self.timeline.clamp(0)
        self._anchor()

    def faster(self, factor: float) -> None:
        """Change the speed."""
        self.speed = max(SLOWEST, min(FASTEST, self.speed * factor))
        self._anchor()

    def tick(self) -> bool:
        """Whether time has brought another position; it stops at the end."""
        if not self.playing or self.timeline is None or self.at is None:
            return False
        due = self.timeline.due(self._from + (self._now() - self._since) * self.speed)
        self.playing = self.timeline.index(due) < len(self.timeline) - 1
        if due <= self.at:
            return not self.playing
        self.at = due
        return True

    def _anchor(self) -> None:
        """Count playing time from here."""
        if self.timeline is not None and self.at is not None:
            self._since, self._from = self._now(), self.timeline.seconds_at(self.at)

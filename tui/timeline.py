"""A session's events in a row: stepping, seeking, marks, and which event is due when it is played."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

LONGEST_SILENCE_SECONDS = 2.0
"""When played on screen, no gap between two events takes longer than this."""

Mark = Literal["failure", "handoff", "pattern", "message", "event"]
MARKS: dict[Mark, str] = {"failure": "✗", "handoff": "⇄", "pattern": "✦", "message": "◆", "event": "·"}
"""Marks by weight: where several fall into one cell, the first is drawn."""


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a session: its place, its time (UTC, None if unknown), who acted, and what it is."""

    position: int
    happened_at: datetime | None
    actor: str
    mark: Mark


class Timeline:
    """The steps of one session by position; times never run backwards when it is played."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = list(steps)
        self.positions = [step.position for step in self.steps]
        self.seconds = list(played(step.happened_at for step in self.steps))

    def __len__(self) -> int:
        return len(self.steps)

    def index(self, position: int) -> int:
        """Number of the last step at or before `position`; -1 before the first."""
        return bisect_right(self.positions, position) - 1

    def clamp(self, index: int) -> int:
        """The position of step `index`, of the first or the last one beyond the ends; 0 if there is none."""
        return self.positions[max(0, min(len(self.steps) - 1, index))] if self.steps else 0

    def step(self, position: int, by: int) -> int:
        """The position `by` events on."""
        return self.clamp(self.index(position) + by)

    def step_agent(self, position: int, by: Literal[1, -1]) -> int:
        """On to the next event of another actor (or back to the last one of another)."""
        here = self.index(position)
        actor = self.steps[here].actor if here >= 0 else None
        return self._find(here, by, lambda step: bool(step.actor) and step.actor != actor)

    def failure(self, position: int, by: Literal[1, -1]) -> int:
        """On to the next failure, or back to the one before; stays where it is if there is none."""
        return self._find(self.index(position), by, lambda step: step.mark == "failure")

    def _find(self, here: int, by: int, wanted: Callable[[Step], bool]) -> int:
        index = here + by
        while 0 <= index < len(self.steps):
            if wanted(self.steps[index]):
                return self.positions[index]
            index += by
        return self.clamp(here)

    def due(self, seconds: float) -> int:
        """The position reached when it has been played for `seconds`."""
        return self.clamp(bisect_right(self.seconds, seconds) - 1)

    def seconds_at(self, position: int) -> float:
        """How long it plays until `position`."""
        index = self.index(position)
        return self.seconds[index] if index >= 0 else 0.0

    def marks(self, width: int) -> list[Mark | None]:
        """The weightiest mark of each of `width` equal shares of the line; None where no event falls."""
        cells: list[Mark | None] = [None] * width
        order = list(MARKS)
        for index, step in enumerate(self.steps):
            cell = self.cell(index, width)
            now = cells[cell]
            if now is None or order.index(step.mark) < order.index(now):
                cells[cell] = step.mark
        return cells

    def cell(self, index: int, width: int) -> int:
        """The cell of step `index` on a line of `width` cells."""
        return min(width - 1, index * width // max(1, len(self.steps)))

    def at_cell(self, cell: int, width: int) -> int:
        """The position of the first step drawn in `cell`, or of the nearest before it."""
        numbers = [self.cell(index, width) for index in range(len(self.steps))]
        return self.clamp(min(bisect_left(numbers, cell), len(self.steps) - 1))


def played(moments: Iterable[datetime | None], longest: float = LONGEST_SILENCE_SECONDS) -> Iterable[float]:
    """Seconds from the start at which each event is shown: as it was, but silences no longer than `longest`."""
    total, last = 0.0, None
    for moment in moments:
        if moment is not None:
            if last is not None and moment > last:
                total += min(longest, (moment - last).total_seconds())
            last = moment if last is None else max(last, moment)
        yield total

"""A session's events in a row: stepping, seeking, marks, and which event is due when it is played."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
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
        self._marked: dict[Mark, list[int]] = {mark: [] for mark in MARKS}
        """Numbers of the steps of each mark; a line is drawn anew at each step, and so must not look at all of them."""
        for index, step in enumerate(self.steps):
            self._marked[step.mark].append(index)

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
        here, failures = self.index(position), self._marked["failure"]
        other = bisect_right(failures, here) if by > 0 else bisect_left(failures, here) - 1
        return self.clamp(failures[other] if 0 <= other < len(failures) else here)

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
        firsts = [self._first(cell, width) for cell in range(width + 1)]
        return [self._weightiest(first, end) for first, end in pairwise(firsts)]

    def _weightiest(self, first: int, end: int) -> Mark | None:
        """The weightiest mark of the steps from `first` to before `end`; None if there are none."""
        for mark, indices in self._marked.items():
            found = bisect_left(indices, first)
            if found < len(indices) and indices[found] < end:
                return mark
        return None

    def cell(self, index: int, width: int) -> int:
        """The cell of step `index` on a line of `width` cells."""
        return min(width - 1, index * width // max(1, len(self.steps)))

    def at_cell(self, cell: int, width: int) -> int:
        """The position of the first step drawn in `cell`, or else of the next one drawn, or of the last."""
        return self.clamp(self._first(cell, width))

    def _first(self, cell: int, width: int) -> int:
        """The number of the first step that is not drawn before `cell` (see `cell`)."""
        return -(-cell * len(self.steps) // width)


def played(moments: Iterable[datetime | None], longest: float = LONGEST_SILENCE_SECONDS) -> Iterable[float]:
    """Seconds from the start at which each event is shown: as it was, but silences no longer than `longest`."""
    total, last = 0.0, None
    for moment in moments:
        if moment is not None:
            if last is not None and moment > last:
                total += min(longest, (moment - last).total_seconds())
            last = moment if last is None else max(last, moment)
        yield total

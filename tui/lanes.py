"""When a screen asks: what is quickly answered at once, what takes longer beside it and not without a rest."""

from collections.abc import Callable

from orchestrion.tui.asking import Question

RESTING = 3.0
"""What takes its time rests so many times as long as it took: on a busy machine the quick questions go first."""


class Lane:
    """One row of questions, asked one after the other: while an answer is on its way, once more after it."""

    def __init__(self, now: Callable[[], float], *, slow: bool) -> None:
        """`now` gives seconds of a clock that never runs backwards."""
        self._now, self.slow = now, slow
        self.asking = self.again = self.waiting = False
        self.asked: tuple[list[Question], int | None] = [], None
        """What was asked last, and as of which position."""
        self._began = self._ended = self._took = 0.0
        self._seen: int | None = None
        """The log's position that the last answer was true of; None without one."""

    @property
    def at_rest(self) -> bool:
        """Whether nothing is on its way or waits."""
        return not (self.asking or self.again or self.waiting)

    def mine(self, questions: list[Question]) -> list[Question]:
        """Those of `questions` that belong here."""
        return [question for question in questions if (question.rest > 0) == self.slow]

    def asks_else(self, questions: list[Question], at: int | None) -> bool:
        """Whether these are other questions than those asked last."""
        return (questions, at) != self.asked

    def knows(self, questions: list[Question], at: int | None, position: int) -> bool:
        """Whether these are answered already, and nothing has come since: the log stands at `position`."""
        return (
            not self.asks_else(questions, at) and self._seen is not None and (at is not None or self._seen == position)
        )

    def rest(self, questions: list[Question], at: int | None) -> float:
        """Seconds until these may be asked again; none for other ones than before."""
        if self.asks_else(questions, at):
            return 0.0
        rest = max((q.rest for q in questions), default=0.0)
        return max(0.0, self._ended + (max(rest, RESTING * self._took) if rest else 0.0) - self._now())

    def changed(self, questions: list[Question], at: int | None) -> list[str]:
        """Names of questions whose answers are about something else than what was asked before."""
        asked, where = self.asked
        before = {q.name: q.about for q in asked} if where == at else {}
        return [q.name for q in questions if before.get(q.name) != q.about]

    def begin(self, questions: list[Question], at: int | None) -> None:
        """They are asked now."""
        self.asking, self.again, self.waiting = True, False, False
        self.asked, self._began, self._seen = (questions, at), self._now(), None

    def end(self, seen: int | None) -> None:
        """They are answered now, as of position `seen`; or could not be (None)."""
        self.asking, self._seen = False, seen
        self._ended, self._took = self._now(), self._now() - self._began

"""What a screen knows already: answers that may grow a little old while the log does not stop growing."""

from collections.abc import Callable, Mapping

from orchestrion.tui.asking import Answered, Question


class Known:
    """The last answers by question's name, and when each was asked."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` gives seconds of a clock that never runs backwards."""
        self._now = now
        self._asked: dict[str, tuple[float, Question, int | None]] = {}
        self._answers: dict[str, Answered] = {}
        self._until: float | None = None

    def due(self, questions: list[Question], at: int | None) -> tuple[list[Question], dict[str, Answered]]:
        """The questions to ask now, and the answers of those that may wait: the same ones, asked a moment ago."""
        due, kept, now = [], {}, self._now()
        self._until = None
        for question in questions:
            asked, same, where = self._asked.get(question.name, (0.0, None, None))
            if now - asked < question.rest and (same, where) == (question, at) and question.name in self._answers:
                kept[question.name] = self._answers[question.name]
                self._until = min(self._until or asked + question.rest, asked + question.rest)
            else:
                due.append(question)
                self._asked[question.name] = now, question, at
        return due, kept

    def keep(self, answers: Mapping[str, Answered]) -> None:
        """Remember what was answered."""
        self._answers.update(answers)

    @property
    def aged(self) -> bool:
        """Whether something that is shown waits to be asked again."""
        return self._until is not None

    def overdue(self) -> float | None:
        """Seconds until what waits is to be asked; None if nothing does."""
        return None if self._until is None else max(0.001, self._until - self._now())

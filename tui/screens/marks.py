"""Which question, as of which position, stands behind what a screen shows; and what is to be said of what is late."""

from collections.abc import Iterable, Mapping, Sequence

from orchestrion.tui.asking import Question
from orchestrion.tui.widgets.late import Late


class Marks:
    """What is drawn, by the names of the questions that were answered."""

    def __init__(self) -> None:
        self._drawn: dict[str, tuple[Question, int | None]] = {}

    def drew(self, questions: Iterable[Question], at: int | None) -> None:
        """The answers to these are drawn, as of position `at` (None: as the log stands)."""
        self._drawn |= {question.name: (question, at) for question in questions}

    def mark(self, parts: Sequence[Late], questions: Iterable[Question], at: int | None) -> str:
        """Let each part say so whose figures are of another position, or answer something else, than is asked now.

        What no part says, because only a document shows it, is returned.
        """
        asked = {question.name: question for question in questions}
        self._forget(asked, parts)
        known = [name for name in self._drawn if name in asked]
        for part in parts:
            part.late = self._late([name for name in known if name in part.told_by], asked, at)
            part.fading = part.fading and bool(part.late)
        return self._late([name for name in known if not any(name in part.told_by for part in parts)], asked, at)

    def _forget(self, asked: Mapping[str, Question], parts: Iterable[Late]) -> None:
        """Nothing of another session stands under this one's name."""
        for name, (question, _) in list(self._drawn.items()):
            if name in asked and question.whose != asked[name].whose:
                del self._drawn[name]
                for part in parts:
                    if name in part.told_by:
                        part.blank()

    def _late(self, names: Iterable[str], asked: Mapping[str, Question], at: int | None) -> str:
        """What is to be said of what shows the answers to `names`; nothing where they are right."""
        for question, where in map(self._drawn.__getitem__, names):
            if where != at:
                return still(where)
            if question.about != asked[question.name].about:
                return "◌ asking"
        return ""


def still(at: int | None) -> str:
    """That something is of position `at` (None: as the log stood), where another one is looked at."""
    return f"◌ still at {at:,}" if at is not None else "◌ still of now"

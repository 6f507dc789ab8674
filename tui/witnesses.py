"""Remembers who told a fact of a session first: its event is the line of the commentary that tells of it."""

from dataclasses import dataclass
from threading import Lock
from typing import Any

from orchestrion.tui.asking import Answered, Ask, Question
from orchestrion.tui.commentary import TOLD_OF, UNTOLD
from orchestrion.tui.names import Names
from orchestrion.tui.questions import question


class Witnesses:
    """What was told of one session, and at which position first.

    The question for a whole page does the same in SQL, which reads the session twice; that is too much for each event.
    """

    def __init__(self) -> None:
        self._session: str | None = None
        self._upto = 0
        self._first: dict[tuple[str, str], int] = {}
        self._turn = Lock()
        self.names = Names()
        """What these events say of one another."""

    def know(self, session: object) -> bool:
        """Whether it is `session` that is known."""
        return session == self._session

    def fresh(self, session: str, new: Answered, after: int, ask: Ask) -> list[tuple[Any, ...]]:
        """Those of `new`, the events of `session` after position `after`, that are lines of their own."""
        with self._turn:
            if session != self._session or self._upto < after:
                self._learn(session, after, ask)
            told = [values for values in reversed(new.rows) if self._hear(dict(zip(new.columns, values, strict=True)))]
            self._upto = max(self._upto, new.rows[0][0]) if new.rows else self._upto
        return told[::-1]

    def _hear(self, row: dict[str, Any]) -> bool:
        """Whether an event is a line of its own."""
        first = self._is_first(row)
        self.names.heard(row, first=first)
        return first and row["kind"] not in UNTOLD

    def _is_first(self, row: dict[str, Any]) -> bool:
        name = self._session if row["kind"] == "session.started" else row.get(TOLD_OF.get(row["kind"], ""))
        return name is None or self._first.setdefault((row["kind"], name), row["position"]) == row["position"]

    def _learn(self, session: str, upto: int, ask: Ask) -> None:
        known = ask(Question("facts", question("story_facts"), {"session": session, "upto": upto}))
        self._session, self._upto, self.names = session, upto, Names()
        self._first = {(kind, fact): position for kind, fact, position in known.rows}


@dataclass(frozen=True)
class OfSession:
    """What `witnesses` say of the new events of `session`; equal where it is the same."""

    session: str
    witnesses: Witnesses

    def __call__(self, new: Answered, after: int, ask: Ask) -> list[tuple[Any, ...]]:
        return self.witnesses.fresh(self.session, new, after, ask)

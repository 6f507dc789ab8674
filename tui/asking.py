"""How a screen asks: a thread puts its questions to the views, one message brings the answers, a handler draws."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

from textual.message import Message

from orchestrion.domain.errors import OrchestrionError
from orchestrion.tui.feed import Answer, Views

WAIT_SECONDS = 0.25
"""How long the follower waits for the log before it looks whether it shall stop."""
RETRY_SECONDS = 1.0
"""After trouble with the log, how long until it is tried again."""


@dataclass(frozen=True)
class Question:
    """SQL with named parameters; a `window` (offset, limit) asks for these rows and for how many there are.

    While the log grows, the answer may be `rest` seconds old before it is asked for again.
    """

    name: str
    sql: str
    params: Mapping[str, object] = field(default_factory=dict)
    window: tuple[int, int] | None = None
    rest: float = 0.0


@dataclass(frozen=True)
class Answered:
    """Rows of one question; `count` is how many there are in all, `offset` where these begin."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    count: int
    offset: int = 0

    def dicts(self) -> list[dict[str, Any]]:
        """The rows by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class Moved(Message):
    """The log grew; `position` is what can be seen now. A burst of them collapses into its last."""

    def __init__(self, position: int) -> None:
        super().__init__()
        self.position = position

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Moved)


class Answers(Message):
    """What the views said to a screen's questions, all as of `position` (None: now)."""

    def __init__(self, answers: dict[str, Answered], at: int | None, seen: int) -> None:
        super().__init__()
        self.answers, self.at, self.seen = answers, at, seen


class Trouble(Message):
    """The log or the views cannot be read just now (or, with no sentence, can be again)."""

    def __init__(self, sentence: str | None) -> None:
        super().__init__()
        self.sentence = sentence


def answers(views: Views, questions: list[Question], at: int | None) -> dict[str, Answered]:
    """The answers by name, as of position `at`. Raises OrchestrionError."""
    return {question.name: _answer(views, question, at) for question in questions}


def _answer(views: Views, question: Question, at: int | None) -> Answered:
    if question.window is None:
        answer = views.query(question.sql, question.params, at=at)
        return Answered(answer.columns, answer.rows, len(answer.rows))
    offset, limit = question.window
    rows: Answer = views.query(f"{question.sql}\nLIMIT {int(limit)} OFFSET {int(offset)}", question.params, at=at)
    if not offset and len(rows.rows) < limit:
        return Answered(rows.columns, rows.rows, len(rows.rows))
    inner = f"SELECT count(*) FROM (\n{question.sql}\n)"  # noqa: S608 - our own question, its values are parameters
    count = views.query(inner, question.params, at=at).rows[0][0]
    return Answered(rows.columns, rows.rows, count, offset)


def follow(views: Views, post: Callable[[Message], object], stopping: Callable[[], bool]) -> None:
    """Tell of each growth of the log until `stopping`; trouble is told once and tried again until it is over."""
    seen, troubled = -1, False
    while not stopping():
        try:
            views.follow(WAIT_SECONDS if not troubled else RETRY_SECONDS)
            if troubled:
                views.catch_up()
                post(Trouble(None))
            troubled = False
        except (OrchestrionError, OSError) as error:
            troubled = _tell(post, troubled, str(error))
            _rest(stopping)
        if views.position != seen and not troubled:
            seen = views.position
            post(Moved(seen))


def _tell(post: Callable[[Message], object], told: bool, sentence: str) -> bool:
    if not told:
        post(Trouble(sentence))
    return True


def _rest(stopping: Callable[[], bool]) -> None:
    """Wait until it is time to try again, or to stop."""
    until = monotonic() + RETRY_SECONDS
    while monotonic() < until and not stopping():
        sleep(WAIT_SECONDS / 5)

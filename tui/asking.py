"""How a screen asks: a thread puts its questions to the views, one message brings the answers, a handler draws."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from time import monotonic, sleep
from types import MappingProxyType
from typing import Any, Protocol

from textual.message import Message

from orchestrion.domain.errors import LogReplaced, OrchestrionError
from orchestrion.tui.feed import Answer, Views
from orchestrion.tui.literals import bound

WAIT_SECONDS = 0.25
"""How long the follower waits for the log before it looks whether it shall stop."""
BATCH_SECONDS = 0.03
"""After a growth, how long the next ones may gather: taking in each event by itself would leave no time to answer."""
RETRY_SECONDS = 1.0
"""After trouble with the log, how long until it is tried, or asked what was not answered, again."""
REPLACED = "The log was removed or replaced while it was shown; it is opened anew as soon as one stands there again."
NOW = "now"
"""The parameter that is another one each time."""


@dataclass(frozen=True)
class Question:
    """SQL with named parameters; a `window` (offset, limit) asks for these rows by `order`, and for how many there are.

    `counted` counts them at less cost than to count the rows of `sql`. Of a `growing` one the rows only ever become
    more, and the new ones come first: their first column is a number that rises. `finish` makes of the answer what is
    drawn, in the asking thread; it may ask further. One with a `rest` takes its time: it is asked beside the others,
    and no sooner than so many seconds after the last, or than it took to answer them.
    """

    name: str
    sql: str
    params: Mapping[str, object] = field(default_factory=dict)
    window: tuple[int, int] | None = None
    rest: float = 0.0
    order: str = ""
    counted: str = ""
    growing: "Growing | None" = None
    finish: "Finish | None" = None

    @property
    def about(self) -> tuple[object, ...]:
        """What it asks, whichever rows of it are looked at, and whenever."""
        return self.sql, {name: value for name, value in self.params.items() if name != NOW}, self.order

    @property
    def whose(self) -> tuple[str, object]:
        """Its name, and the session that it is narrowed to: nothing of one stands under the name of another."""
        return self.name, self.params.get("session")


@dataclass(frozen=True)
class Growing:
    """How the new rows of a growing question are asked, at less cost than by its own SQL.

    `sql` has all of them and may have more; `fresh` takes those that are to be shown: of rows, the newest first, after
    a number, and it may ask further.
    """

    sql: str
    fresh: "Fresh"


@dataclass(frozen=True)
class Answered:
    """Rows of one question; `count` is how many there are in all, `offset` where these begin."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    count: int
    offset: int = 0
    asked: "Answered | None" = field(default=None, compare=False)
    """What this was finished from, if it was."""
    grown: bool = field(default=False, compare=False)
    """Whether it is the one before with what came since."""

    def dicts(self) -> list[dict[str, Any]]:
        """The rows by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


Ask = Callable[[Question], Answered]
Fresh = Callable[[Answered, int, Ask], list[tuple[Any, ...]]]
Finish = Callable[[Answered, Ask], Answered]


class Query(Protocol):
    """What the views say to a statement with these values, at the position that is shown.

    `after` says that it asks of events beyond that position alone, which is quicker to answer.
    """

    def __call__(self, sql: str, params: Mapping[str, object], *, after: int | None = None) -> Answer: ...


class Moved(Message):
    """The log grew up to `position`. A burst of them collapses into its last."""

    def __init__(self, position: int) -> None:
        super().__init__()
        self.position = position

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Moved)


class Answers(Message):
    """What the views said to a screen's quick or slow questions, as of position `at` (None: now, which is `seen`)."""

    def __init__(self, answers: dict[str, Answered], at: int | None, seen: int, *, slow: bool) -> None:
        super().__init__()
        self.answers, self.at, self.seen, self.slow = answers, at, seen, slow


class Trouble(Message):
    """The log or the views cannot be read just now (or, with no sentence, can be again)."""

    def __init__(self, sentence: str | None, *, lasting: bool = False) -> None:
        """`lasting`: it is the follower's, who tells when it is over; other trouble is over with the next answer."""
        super().__init__()
        self.sentence, self.lasting = sentence, lasting


class Replaced(Message):
    """Another log stands in the place of the one that was shown, and can be opened."""


def answers(
    views: Views,
    questions: list[Question],
    at: int | None,
    before: Mapping[str, Answered] = MappingProxyType({}),
) -> dict[str, Answered]:
    """The answers by name, all of them as of one position: `at`, or where the log stands now. Raises OrchestrionError.

    A `finish` that reads other models than the questions do has each of them answered by itself (see `Store.together`).
    `before` are the answers to the same questions that were given last.
    """

    def by_name(query: Query) -> dict[str, Answered]:
        return {question.name: answer(query, question, before.get(question.name)) for question in questions}

    if at is None and len(questions) > 1:
        counting = [question.counted for question in questions if question.counted]
        return views.together(
            [*(question.sql for question in questions), *counting],
            lambda ask: by_name(lambda sql, params, **_: ask(bound(sql, params), sql)),
        )
    return by_name(asking(views, at))


def asking(views: Views, at: int | None = None) -> Query:
    """What asks `views` as of position `at`."""
    return lambda sql, params, *, after=None: views.query(bound(sql, params), at=at, like=sql, after=after)


def answer(query: Query, question: Question, before: Answered | None = None) -> Answered:
    """The answer to one question; `before` is the one given last. Raises OrchestrionError."""
    found = extended(query, question, before) if before else None
    return found or _finished(query, question, _answer(query, question))


def extended(query: Query, question: Question, before: Answered) -> Answered | None:
    """The answer made of the one `before` and the rows that came since; None where those do not make it."""
    known = before.asked or before
    if not question.growing or not known.rows or known.offset or question.window is None or question.window[0]:
        return None
    limit = question.window[1]
    if len(known.rows) < min(limit, known.count):
        return None
    newest = int(known.rows[0][0])
    since = f"SELECT * FROM (\n{question.growing.sql}\n) WHERE {known.columns[0]} > $newest"  # noqa: S608 - our own
    sql = f"{since}\nORDER BY {question.order}\nLIMIT {int(limit)}"
    rows = query(sql, {**question.params, "newest": newest}, after=newest).rows
    if len(rows) == limit:
        return None
    new = question.growing.fresh(Answered(known.columns, rows, len(rows)), newest, partial(answer, query))
    found = Answered(known.columns, [*new, *known.rows][:limit], known.count + len(new), grown=True)
    return _finished(query, question, found)


def _finished(query: Query, question: Question, found: Answered) -> Answered:
    if question.finish is None:
        return found
    return replace(question.finish(found, partial(answer, query)), asked=found)


def _answer(query: Query, question: Question) -> Answered:
    if question.window is None:
        rows = query(question.sql, question.params)
        return Answered(rows.columns, rows.rows, len(rows.rows))
    offset, limit = question.window
    sql = f"{question.sql}\nORDER BY {question.order}\nLIMIT {int(limit)} OFFSET {int(offset)}"
    rows = query(sql, question.params)
    if not offset and len(rows.rows) < limit:
        return Answered(rows.columns, rows.rows, len(rows.rows))
    counted = question.counted or f"SELECT count(*) FROM (\n{question.sql}\n)"  # noqa: S608 - our own question
    count = query(counted, question.params).rows[0][0]
    return Answered(rows.columns, rows.rows, count, offset)


def follow(
    views: Views,
    post: Callable[[Message], object],
    stopping: Callable[[], bool],
    another: Callable[[], bool] = bool,
) -> None:
    """Tell of each growth of the log until `stopping`; trouble is told once and tried again until it is over.

    Who asks takes in what came; here that is done at the start alone, and after trouble. Where the log was replaced and
    `another` can be opened in its place, that is told last.
    """
    seen, head, troubled = -1, -1, False
    while not stopping():
        try:
            if seen < 0 or troubled:
                views.catch_up()
            head = views.wait(seen, WAIT_SECONDS)
            if troubled:
                post(Trouble(None))
            troubled = False
        except LogReplaced:
            troubled = _tell(post, troubled, REPLACED)
            _rest(stopping)
            if another():
                post(Replaced())
                return
        except (OrchestrionError, OSError) as error:
            troubled = _tell(post, troubled, str(error))
            _rest(stopping)
        if head != seen and not troubled:
            seen = head
            post(Moved(seen))
            sleep(BATCH_SECONDS)


def _tell(post: Callable[[Message], object], told: bool, sentence: str) -> bool:
    if not told:
        post(Trouble(sentence, lasting=True))
    return True


def _rest(stopping: Callable[[], bool]) -> None:
    """Wait until it is time to try again, or to stop."""
    until = monotonic() + RETRY_SECONDS
    while monotonic() < until and not stopping():
        sleep(WAIT_SECONDS / 5)

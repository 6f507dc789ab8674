"""What a search finds: places with who said what when, and the text around a match."""

from dataclasses import dataclass
from typing import Any

Row = tuple[int, str, int, str, str, bytes]
"""As `Log.rows` has it."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A place that matches. `score` is 1 for the best match and less for the others (BM25 among them), 0 for what was
    not ranked; `excerpt` is the text around a match.
    """

    position: int
    kind: str
    session: str | None
    run: str | None
    agent: str | None
    about: str | None
    happened_at: str | None
    score: float
    excerpt: str


@dataclass(frozen=True, slots=True)
class Found:
    """The best hits first. `more`: there were more places than are ranked, and these are the best of the newest, then
    the others, the newest first.
    """

    hits: tuple[Hit, ...]
    more: bool


def hit_of(row: Row, state: dict[str, Any], score: float, around: str) -> Hit:
    """The hit at a row, whose state is decoded already."""

    def text(name: str) -> str | None:
        value = state.get(name)
        return value if isinstance(value, str) else None

    return Hit(
        position=row[0],
        kind=row[3],
        session=text("session"),
        run=text("run"),
        agent=text("agent") or text("sender"),
        about=text("tool") or text("type"),
        happened_at=text("happened_at"),
        score=round(score, 3),
        excerpt=around,
    )

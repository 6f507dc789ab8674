"""What the dashboard is given to look at: the projections, the people's SQL, and the house's own facts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from orchestrion.domain.ports import Verification

_T = TypeVar("_T")


class Answer(Protocol):
    """Columns and rows, as `projections.Table` gives them."""

    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def rows(self) -> list[tuple[Any, ...]]: ...


class Views(Protocol):
    """What the screens need of `projections.Store`; every method may raise OrchestrionError."""

    @property
    def position(self) -> int: ...
    @property
    def dead_letters(self) -> int: ...
    def catch_up(self) -> int: ...
    def query(
        self,
        sql: str,
        params: Sequence[object] | Mapping[str, object] = (),
        *,
        at: int | None = None,
        like: str | None = None,
        after: int | None = None,
    ) -> Answer: ...
    def together(self, sqls: Sequence[str], asked: Callable[[Callable[[str, str], Answer]], _T]) -> _T: ...
    def make_ready(self) -> None: ...
    def wait(self, after: int, seconds: float) -> int: ...


class ViewInfo(Protocol):
    """A view that people may ask, as `projections.View` tells of it."""

    @property
    def name(self) -> str: ...
    @property
    def help(self) -> str: ...
    @property
    def columns(self) -> tuple[tuple[str, str], ...]: ...


@dataclass(frozen=True)
class Feed:
    """The open views and what stands beside them; `cli/commands/watch.py` composes it.

    `ask` runs people's SQL in the locked-down child; `verify` recomputes the chain; `house` tells facts that no view
    holds (position of the log, its size, spooled files) by name; `blob` fetches what the log keeps of large fields;
    `schema` tells the views that people may ask, which takes a moment; `queries` is the file that keeps the reader's
    own questions, None to keep none; `another` whether a log that can be opened stands where this one was, should that
    have been removed.
    """

    views: Views
    ask: Callable[[str, int | None], Answer]
    verify: Callable[[], Verification]
    house: Callable[[], Mapping[str, object]]
    blob: Callable[[str], bytes]
    schema: Callable[[], Sequence[ViewInfo]] = tuple
    queries: Path | None = None
    another: Callable[[], bool] = bool

"""Facts below each other, each behind its name; a long one goes on on the next lines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import chop_cells

from orchestrion.tui.columns import Evidence
from orchestrion.tui.widgets.figure_lines import GAP, Figure, FigureLines, Line

NARROWEST = 20
"""Cells of a fact at least."""


@dataclass(frozen=True)
class Fact:
    """A name, what is so, its ink, and the events it rests on, if on any."""

    name: str
    told: str
    ink: str = ""
    rests: Evidence | None = None


class Facts(FigureLines):
    """A line for each fact, or as many as it needs."""

    told_by = ("house", "dead")

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._facts: Sequence[Fact] = ()

    def show(self, facts: Sequence[Fact]) -> None:
        """Tell these from now on."""
        self._facts = facts
        self.renew()

    def laid(self, width: int) -> list[Line]:
        names = max((len(fact.name) for fact in self._facts), default=0)
        room = max(NARROWEST, width - names - len(GAP))
        return [line for fact in self._facts for line in _lines(fact, names, room)]


def _lines(fact: Fact, names: int, room: int) -> Iterable[Line]:
    for number, piece in enumerate(chop_cells(fact.told, room) or [""]):
        label = "" if number else fact.name
        yield [Figure(((f"{label:<{names}}{GAP}", "quiet"), (piece, fact.ink)), fact.name, fact.rests)]

"""The rows of a list that are loaded, as they are drawn: a row that an answer brings again is not written again."""

from collections.abc import Sequence
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from orchestrion.tui.asking import Answered
from orchestrion.tui.columns import Column, Row, tone_of
from orchestrion.tui.themes import Inks
from orchestrion.tui.widgets.cells import GAP, Order, fit, signed, widths


class Written:
    """One row: its values, its texts by column, and its line as it was drawn last."""

    __slots__ = ("line", "texts", "values")

    def __init__(self, values: tuple[Any, ...], texts: list[str]) -> None:
        self.values, self.texts = values, texts
        self.line: tuple[Sequence[int], Inks, Strip] | None = None
        """With the widths and the inks that it was drawn with."""


class Rows:
    """What an answer says in `columns`, by the numbers of its rows, and how wide each column is."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self.widths = [len(column.title) for column in columns]
        """Cells of each column; another list whenever one of them changes."""
        self.answered: Answered | None = None
        self._loaded: list[Written] = []

    # What stands in them

    @property
    def count(self) -> int:
        """Rows there are, loaded or not."""
        return self.answered.count if self.answered else 0

    def written(self, row: int) -> Written | None:
        """The row of that number; None if it is not loaded."""
        index = row - self.answered.offset if self.answered else -1
        return self._loaded[index] if 0 <= index < len(self._loaded) else None

    def at(self, row: int) -> Row | None:
        """The same by column name."""
        written = self.written(row)
        return dict(zip(self.answered.columns, written.values, strict=True)) if self.answered and written else None

    def of(self, key: Any) -> int | None:
        """The number of the loaded row with this identity."""
        found = (number for number, row in enumerate(self._loaded) if row.values[0] == key)
        index = next(found, None)
        return index + self.answered.offset if self.answered and index is not None else None

    def fill(self, answered: Answered) -> None:
        """Take the rows of an answer."""
        same = self.answered is not None and self.answered.columns == answered.columns
        known = {row.values[0]: row for row in self._loaded} if same else {}
        place = {name: index for index, name in enumerate(answered.columns)}
        places = [place.get(column.key) for column in self.columns]
        self.answered = answered
        self._loaded = [self._write(known.get(values[0]), values, places) for values in answered.rows]

    def _write(self, before: Written | None, values: tuple[Any, ...], places: Sequence[int | None]) -> Written:
        if before is not None and before.values == values:
            return before
        told = (None if place is None else values[place] for place in places)
        return Written(values, [column.write(value) for column, value in zip(self.columns, told, strict=True)])

    # How they are drawn

    def measure(self, room: int, order: Order | None) -> None:
        """Give each column its width, so that all of them fit into `room` cells where they can."""
        names = self.answered.columns if self.answered else ()
        cells = [
            [signed(column, row.texts[index]) for row in self._loaded] if column.key in names else []
            for index, column in enumerate(self.columns)
        ]
        found = widths(self.columns, cells, room, order)
        if found != self.widths:
            self.widths = found

    def line(self, row: int, ink: Inks) -> Strip:
        """The line of a row where the cursor is not."""
        written = self.written(row)
        if written is None:
            return self._drawn(None, ink, ink["row"])
        if written.line is None or written.line[0] is not self.widths or written.line[1] is not ink:
            written.line = self.widths, ink, self._drawn(written, ink, ink["row"])
        return written.line[2]

    def line_here(self, row: int, ink: Inks, base: Style, column: int | None) -> Strip:
        """The line of the row where the cursor is, on the ground `base`, and in which column, if that is to be seen."""
        return self._drawn(self.written(row), ink, base, column)

    def _drawn(self, written: Written | None, ink: Inks, base: Style, chosen: int | None = None) -> Strip:
        texts = ["…"] * len(self.columns) if written is None else written.texts
        segments = []
        for index, (column, text) in enumerate(zip(self.columns, texts, strict=True)):
            shown = fit(signed(column, text), self.widths[index], column.right)
            if index == chosen:
                segments += [Segment(shown, ink["cell"]), Segment(" " * GAP, base)]
            else:  # the gap has the row's background too: half as many pieces are half as much to draw
                segments.append(Segment(shown + " " * GAP, base + _tone(column, text, ink)))
        return Strip(segments)


def _tone(column: Column, text: str, ink: Inks) -> Style:
    if text == column.unknown:
        return ink["unknown"]
    if column.tone == "status":
        return ink[tone_of(text) or "plain"]
    return ink[column.tone]

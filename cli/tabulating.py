"""Lays rows out for a terminal: texts are cut to its width, numbers and times never; what has no room goes below."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from os.path import commonprefix
from typing import Any

from rich.cells import cell_len, set_cell_size  # how wide a character is on a terminal is a table of its own

from orchestrion.cli.plain import Written, cell

GAP = "  "
MIN_TEXT_CELLS = 8
"""Of a text that is cut, at least."""


@dataclass(slots=True)
class Column:
    """One column as text; `least` and `width` in cells: the least that it can be shown in, and what it is given."""

    name: str
    cells: list[str]
    right: bool
    whole: bool
    """Its values are shown whole or not at all: half a number is another number."""
    least: int
    width: int

    def narrowed(self) -> "Column":
        """The same with its name broken into lines, where that is what made it wide."""
        return Column(self.name, self.cells, self.right, self.whole, self.least, self.least) if self.whole else self

    def heads(self) -> list[str]:
        """The name in lines that are no wider than the column, broken after its underscores."""
        lines = [""]
        for piece in _pieces(self.name):
            if lines[-1] and cell_len(lines[-1] + piece) > self.width:
                lines.append("")
            lines[-1] += piece
        return lines

    def drawn(self, text: str) -> str:
        """`text` in this column."""
        room = self.width - cell_len(text)
        if room < 0:
            return set_cell_size(text, self.width - 1) + "…"
        return " " * room + text if self.right else text + " " * room


def tabulated(names: Sequence[str], rows: Sequence[Sequence[Any]], room: int | None) -> str:
    """`rows` below `names` in lines of at most `room` cells (None: as wide as they are).

    Where the texts are cut and it is still too wide, the columns that are left stand below, each panel again with the
    first column, whose values stay different from each other. Only a first column and another one that have no room
    beside each other make a line that is wider.
    """
    columns = [_column(name, [row[place] for row in rows], key=not place) for place, name in enumerate(names)]
    if room is None or _width([column.width for column in columns]) <= room:
        return _panel(columns)
    return "\n\n".join(_panel(_fitted(panel, room)) for panel in _panels(columns, room))


def _column(name: str, values: Sequence[Any], *, key: bool) -> Column:
    known = [value for value in values if value is not None]
    whole = bool(known) and not any(map(_can_be_cut, known))
    right = whole and all(isinstance(value, int | float | Written) for value in known)
    cells = [cell(value) for value in values]
    widest = max(map(cell_len, cells), default=0)
    width = max(cell_len(name), widest)
    if whole:
        least = max(widest, *(cell_len(piece) for piece in _pieces(name)))
    else:
        least = min(width, max(MIN_TEXT_CELLS, _telling(cells) if key else 0))
    return Column(name, cells, right, whole, least, width)


def _can_be_cut(value: Any) -> bool:
    return isinstance(value, str | Sequence | Mapping) and not isinstance(value, Written)


def _pieces(name: str) -> list[str]:
    return re.findall("[^_]*_+|[^_]+", name) or [name]


def _telling(texts: Sequence[str]) -> int:
    """How many cells texts may be cut to and still be told apart."""
    neighbours = pairwise(sorted(set(texts)))
    return max((cell_len(b[: len(commonprefix((a, b))) + 1]) + 1 for a, b in neighbours), default=0)  # noqa: RUF071 - no paths


def _panels(columns: Sequence[Column], room: int) -> list[list[Column]]:
    """The columns in as few panels as hold them at their least, each with the first column."""
    first, *others = columns
    panels = [[first]]
    for column in others:
        if len(panels[-1]) > 1 and _width([one.least for one in (*panels[-1], column)]) > room:
            panels.append([first])
        panels[-1].append(column)
    return panels


def _fitted(columns: Sequence[Column], room: int) -> list[Column]:
    """The columns, their names broken and their texts cut, the widest first, until they fit or are at their least."""
    fitted = [column.narrowed() for column in columns]
    widths = [column.width for column in fitted]
    while _width(widths) > room:
        wide = [place for place, column in enumerate(fitted) if widths[place] > column.least]
        if not wide:
            break
        widths[max(wide, key=widths.__getitem__)] -= 1
    return [
        Column(column.name, column.cells, column.right, column.whole, column.least, width)
        for column, width in zip(fitted, widths, strict=True)
    ]


def _width(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _panel(columns: Sequence[Column]) -> str:
    heads = [column.heads() for column in columns]
    tall = max(map(len, heads), default=0)
    names = zip(*([""] * (tall - len(lines)) + lines for lines in heads), strict=True)
    rule = GAP.join("─" * column.width for column in columns)
    rows = zip(*(column.cells for column in columns), strict=True)
    return "\n".join([*(_line(columns, line) for line in names), rule, *(_line(columns, line) for line in rows)])


def _line(columns: Sequence[Column], texts: Sequence[str]) -> str:
    return GAP.join(column.drawn(text) for column, text in zip(columns, texts, strict=True)).rstrip()

"""How a list's cells are laid out: the width of each column, and text in exactly so many terminal cells."""

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from orchestrion.tui.columns import SIGNS, Column, tone_of

GAP = 2
"""Cells between two columns."""
NARROWEST_GROWING = 24

Order = tuple[str, bool]
"""A column's key, and whether its values fall."""


def widths(columns: Sequence[Column], cells: Sequence[Sequence[str]], room: int, order: Order | None) -> list[int]:
    """Each column as wide as the widest of its `cells`; what is left of `room` goes to the columns that grow."""
    found = []
    for column, texts in zip(columns, cells, strict=True):
        marked = order is not None and order[0] == column.key
        found.append(max(cell_len(column.title) + marked, min(column.widest, max(map(cell_len, texts), default=0))))
    growing = [i for i, column in enumerate(columns) if column.grow]
    free = room - sum(found) - GAP * len(found)
    for index in growing:
        found[index] = max(NARROWEST_GROWING, room // 4, found[index] + free // len(growing))
    return found


def heads(columns: Sequence[Column], wide: Sequence[int], order: Order | None) -> str:
    """The titles, the one that rows are ordered by with a mark."""
    parts = []
    for column, width in zip(columns, wide, strict=True):
        mark = ("▼" if order[1] else "▲") if order and order[0] == column.key else ""
        parts.append(fit(column.title + mark, width, column.right) + " " * GAP)
    return "".join(parts)


def column_at(wide: Sequence[int], x: int) -> int:
    """Number of the column that stands at cell `x`."""
    edge = 0
    for index, width in enumerate(wide):
        edge += width + GAP
        if x < edge:
            return index
    return len(wide) - 1


def signed(column: Column, text: str) -> str:
    """A state's name with its sign, so that it is not told by colour alone."""
    tone = tone_of(text) if column.tone == "status" else None
    return f"{SIGNS[tone]} {text}" if tone else text


def fit(text: str, width: int, right: bool) -> str:
    """`text` in exactly `width` cells; what is cut ends with `…`."""
    room = width - cell_len(text)
    if room < 0:
        return set_cell_size(text, width - 1) + "…"
    return " " * room + text if right else text + " " * room

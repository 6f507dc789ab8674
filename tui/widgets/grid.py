"""A list of any length: it draws what is looked at, asks for the rows it lacks, and opens what is under the cursor."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from orchestrion.tui.actions import bindings
from orchestrion.tui.asking import Answered, Finish, Question
from orchestrion.tui.columns import Column, Row
from orchestrion.tui.themes import inks
from orchestrion.tui.widgets.cells import GAP, Order, column_at, heads
from orchestrion.tui.widgets.late import Late
from orchestrion.tui.widgets.rows import Rows
from orchestrion.tui.widgets.thumb import lengthen

PAGE_ROWS = 60
"""Rows asked for at a time, at least."""


class Grid(Late, can_focus=True):
    """Rows of `columns`; the first column of an answer must be the row's identity, which the cursor keeps."""

    DEFAULT_CSS = "Grid { height: 1fr; background: $background; }"
    BINDINGS: ClassVar[list[Any]] = bindings("list", "moving")

    row: reactive[int] = reactive(0, repaint=False)
    column: reactive[int] = reactive(0, repaint=False)

    holds = False
    """Whether the cursor keeps its row on the first line too; else it stays there, where what is new comes."""

    class Wanted(Message):
        """Rows are looked at that are not here."""

        def __init__(self, grid: "Grid") -> None:
            super().__init__()
            self.grid = grid

        @property
        def control(self) -> "Grid":
            return self.grid

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Grid.Wanted) and message.grid is self.grid

    class Pointed(Message):
        """The reader brought the cursor to another row."""

        def __init__(self, grid: "Grid", row: Row) -> None:
            super().__init__()
            self.grid, self.row = grid, row

        @property
        def control(self) -> "Grid":
            return self.grid

    class Opened(Pointed):
        """Enter, or a click on what was pointed at; `column` is where. `evidence`: its events are asked for."""

        def __init__(self, grid: "Grid", row: Row, column: Column, evidence: bool) -> None:
            super().__init__(grid, row)
            self.column, self.evidence = column, evidence

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        id: str,
        empty: str = "Nothing here.",
        title: str = "",
        told_by: tuple[str, ...] = (),
    ) -> None:
        """`told_by` names the questions whose answers it shows; without it the one that has its id."""
        super().__init__(id=id)
        self._rows = Rows(columns)
        self.empty = empty
        self.told_by = told_by or (id,)
        self.border_title = title or None
        self.ordered: Order | None = None
        """Column and whether it falls, when the reader chose an order."""

    # What it asks and what it is given

    @property
    def columns(self) -> tuple[Column, ...]:
        """What is told of each row."""
        return self._rows.columns

    @columns.setter
    def columns(self, columns: Sequence[Column]) -> None:
        self._rows = Rows(columns)

    @property
    def answered(self) -> Answered | None:
        """The answer that is shown; None before the first."""
        return self._rows.answered

    @property
    def count(self) -> int:
        """Rows there are, loaded or not."""
        return self._rows.count

    @property
    def counted(self) -> str:
        """How many, as it may be said now."""
        return f"{self.count:,}" if not self.late and self.answered is not None else "…"

    def question(
        self,
        sql: str,
        order: str,
        params: Mapping[str, object] | None = None,
        *,
        counted: str = "",
        finish: Finish | None = None,
    ) -> Question:
        """The question for the rows that are looked at. `order` holds unless the reader chose another; the others are
        those of `Question`.
        """
        if self.ordered:
            key, falls = self.ordered
            order = f'"{key}" {"DESC" if falls else "ASC"} NULLS LAST, {order}'
        height = max(self.size.height, 1)
        first = max(0, self.scroll_offset.y - PAGE_ROWS // 4)
        limit = max(PAGE_ROWS, 2 * height)
        window = first, limit
        return Question(self.id or "grid", sql, params or {}, window, order=order, counted=counted, finish=finish)

    def fill(self, answered: Answered) -> None:
        """Show the rows of an answer; the cursor stays on the row it was on, if that is among them."""
        key, seen = self.key, self._seen()
        self._rows.fill(answered)
        self._measure()
        if key is not None and (found := self._rows.of(key)) is not None and (self.row != 0 or self.holds):
            self.set_reactive(Grid.row, found)
        self.set_reactive(Grid.row, max(0, min(self.row, self.count - 1)))
        self._draw_again(seen)
        self._want()

    def blank(self) -> None:
        """Show nothing: what stood here is not what is asked now."""
        self._rows = Rows(self.columns)
        self.refresh()

    @property
    def pointed(self) -> Row | None:
        """The row under the cursor; None where it is not loaded."""
        return self.at(self.row)

    @property
    def key(self) -> Any:
        """Identity of the row under the cursor."""
        written = self._rows.written(self.row)
        return written.values[0] if written else None

    def at(self, row: int) -> Row | None:
        """The row number `row`, by column name; None if it is not loaded."""
        return self._rows.at(row)

    def cell(self, row: int, key: str) -> str:
        """What stands in a cell, as it is drawn."""
        found = self.at(row)
        column = next(column for column in self.columns if column.key == key)
        return column.write(found[key]) if found is not None else "…"

    def texts(self, key: str) -> list[str]:
        """A column's loaded cells from top to bottom."""
        first = self.answered.offset if self.answered else 0
        return [self.cell(first + i, key) for i in range(len(self.answered.rows) if self.answered else 0)]

    # Moving and opening

    def action_move(self, by: int) -> None:
        self._go(self.row + by)

    def action_aside(self, by: int) -> None:
        self.column = max(0, min(len(self.columns) - 1, self.column + by))
        self._show_cursor(self.row)

    def action_page(self, by: int) -> None:
        self._go(self.row + by * max(1, self.size.height - 2))

    def action_edge(self, end: int) -> None:
        self._go(self.count - 1 if end else 0)

    def action_open(self) -> None:
        self._open(evidence=self.columns[self.column].rests is not None)

    def action_evidence(self) -> None:
        self._open(evidence=True)

    def action_order(self) -> None:
        self._order(self.column)

    def _go(self, row: int) -> None:
        row, before = max(0, min(self.count - 1, row)), self.row
        if row != self.row:
            self.row = row
            if (pointed := self.pointed) is not None:
                self.post_message(self.Pointed(self, pointed))
        self._show_cursor(before)

    def point(self, key: Any) -> bool:
        """Put the cursor on the row with this identity; False if it is not among the loaded ones."""
        if (found := self._rows.of(key)) is None:
            return False
        self._go(found)
        return True

    def _open(self, *, evidence: bool) -> None:
        if (row := self.pointed) is not None:
            self.post_message(self.Opened(self, row, self.columns[self.column], evidence))

    def _order(self, index: int) -> None:
        column = self.columns[index]
        falls = not self.ordered[1] if self.ordered and self.ordered[0] == column.key else column.right
        self.ordered = (column.key, falls)
        self.post_message(self.Wanted(self))

    def on_click(self, event: events.Click) -> None:
        if (offset := event.get_content_offset(self)) is None:
            return
        column = column_at(self._rows.widths, offset.x + self.scroll_offset.x)
        if offset.y == 0:
            self._order(column)
            return
        row = self.scroll_offset.y + offset.y - 1
        if row >= self.count:
            return
        again = row == self.row and column == self.column
        self.column = column
        self._go(row)
        if again or event.chain > 1:
            self.action_open()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    # Drawing

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._want()

    def on_resize(self) -> None:
        self._measure()
        self.refresh()  # it was drawn in its new size before this is told
        self._want()

    def render_line(self, y: int) -> Strip:
        return self._head() if y == 0 else self.faded(self._line(y))

    def _line(self, y: int) -> Strip:
        left, width = self.scroll_offset.x, self.size.width
        ink = inks(self)
        row = self.scroll_offset.y + y - 1
        if row >= self.count:
            note = self.empty if y == 1 and self.answered is not None and not self.count else ""
            return Strip([Segment(note, ink["row"] + ink["quiet"])]).crop_extend(0, width, ink["row"])
        if row != self.row:
            return self._rows.line(row, ink).crop_extend(left, left + width, ink["row"])
        base = ink["row"] + ink["line" if self.has_focus else "unfocused"]
        line = self._rows.line_here(row, ink, base, self.column if self.has_focus else None)
        return line.crop_extend(left, left + width, base)

    def _head(self) -> Strip:
        """The titles; an arrow at an end says that more columns are that way; the last words, if it is late."""
        left, style = self.scroll_offset.x, inks(self)["head"]
        width = self.scrollable_content_region.width  # which leaves out the scroll bar
        titles = heads(self.columns, self._rows.widths, self.ordered)
        strip = Strip([Segment(titles, style)]).crop_extend(left, left + width, style)
        told = f" {self.late} " if self.late else ""
        if left + width < self.virtual_size.width:
            told += "›"
        if told:
            warn = style + inks(self)["warn"] if self.late else style
            strip = Strip.join([strip.crop(0, width - cell_len(told)), Strip([Segment(told, warn)])])
        if left:
            strip = Strip.join([Strip([Segment("‹", style)]), strip.crop(1)])
        return strip.crop_extend(0, self.size.width, style)

    def _seen(self) -> list[object]:
        """What each line shows, to tell by identity whether it shows something else later."""
        first, height = self.scroll_offset.y, self.size.height
        rows: list[object] = [
            (self._rows.written(row), row == self.row) if row < self.count else self.answered is None and row == 0
            for row in range(first, first + max(0, height - 1))
        ]
        return [(self._rows.widths, self.ordered), *rows]

    def _draw_again(self, before: list[object]) -> None:
        """Draw the lines that show something else than `before`."""
        now = self._seen()
        changed = [line for line, (was, shows) in enumerate(zip(before, now, strict=False)) if was != shows]
        if len(now) != len(before) or 2 * len(changed) > len(now) or 0 in changed:
            self.refresh()
            return
        for line in changed:
            self.refresh(Region(0, line, self.size.width, 1))

    def _measure(self) -> None:
        self._rows.measure(self.size.width, self.ordered)
        wide = self._rows.widths
        size = Size(sum(wide) + GAP * (len(wide) - 1), self.count + 1)
        if self._stays(size):  # as Textual would, but without laying out the whole screen for each row more
            self.set_reactive(Grid.virtual_size, size)
            lengthen(self.vertical_scrollbar, size.height)
        else:
            self.virtual_size = size

    def _stays(self, size: Size) -> bool:
        """Whether there is a scroll bar with so large a content exactly if there is one now, and nothing scrolls."""
        if self.show_vertical_scrollbar:
            return size.width == self.virtual_size.width and size.height > self.size.height
        return size.height <= self.size.height and not self.scroll_offset.x

    def _show_cursor(self, before: int) -> None:
        """Draw the cursor's row and the one where it was; where this scrolls, Textual draws all."""
        left = sum(self._rows.widths[: self.column]) + GAP * self.column
        # One line more than the row: the head covers the first line of what is visible.
        region = Region(left, self.row, self._rows.widths[self.column], 2)
        self.scroll_to_region(region, animate=False, force=True)
        for row in {before, self.row}:
            if 0 < (line := row - self.scroll_offset.y + 1) < self.size.height:
                self.refresh(Region(0, line, self.size.width, 1))

    def _want(self) -> None:
        """Ask for rows that are looked at and not loaded."""
        if self.answered is None or not self.count:
            return
        first, last = self.scroll_offset.y, min(self.count, self.scroll_offset.y + max(self.size.height - 1, 1)) - 1
        if self._rows.written(first) is None or self._rows.written(last) is None:
            self.post_message(self.Wanted(self))

"""Lines of figures: the arrow keys or the mouse point at one, Enter or a click opens the events it rests on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from orchestrion.tui.actions import bindings
from orchestrion.tui.columns import Evidence
from orchestrion.tui.themes import inks
from orchestrion.tui.widgets.late import Late

GAP = "  "
"""Between two figures on a line."""


@dataclass(frozen=True)
class Figure:
    """Words in their inks (see `themes.inks`). With a `name` they can be pointed at, and rest on `rests`; a figure
    without that stands in no event."""

    words: tuple[tuple[str, str], ...]
    name: str = ""
    rests: Evidence | None = None

    @property
    def width(self) -> int:
        """In cells."""
        return sum(cell_len(text) for text, _ in self.words)

    @property
    def plain(self) -> str:
        """Without inks."""
        return "".join(text for text, _ in self.words)


Line = Sequence[Figure]


@dataclass(frozen=True)
class Spot:
    """Where a figure stands: its line, and the cells from its first to behind its last."""

    figure: Figure
    line: int
    first: int
    end: int


class FigureLines(Late, can_focus=True):
    """Says in `laid` what stands in how many cells; what does not fit is scrolled to, and told at the edge."""

    DEFAULT_CSS = """
    FigureLines { height: auto; padding: 0 1; background: $surface; scrollbar-size: 0 0; }
    """
    BINDINGS: ClassVar[list[Any]] = bindings("figures", "moving")
    heads: ClassVar[int] = 0
    """Lines at the top that always stand there."""
    aside = 0
    """Cells on either side of a figure that are to be seen with it."""

    class Opened(Message):
        """The events of a figure are asked for."""

        def __init__(self, figure: Figure) -> None:
            super().__init__()
            self.figure = figure

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines: list[Line] = []
        self.spots: list[Spot] = []
        self._here = ""
        self._laid: int | None = None
        """For how many cells they were laid."""

    def laid(self, width: int) -> list[Line]:
        """The lines in `width` cells; a longer one is scrolled to the side."""
        raise NotImplementedError

    @property
    def plain(self) -> str:
        """What stands there, without colours."""
        return "\n".join("".join(figure.plain for figure in line) for line in self.lines)

    @property
    def pointed(self) -> Spot | None:
        """The figure under the cursor."""
        return next((spot for spot in self.spots if spot.figure.name == self._here), None)

    def renew(self) -> None:
        """What is to be told is something else now."""
        height, self._laid = len(self.lines), None
        self._lay(self.size.width)
        self.refresh(layout=len(self.lines) != height)

    def blank(self) -> None:
        """Show nothing: what stood here is about something else."""
        self.lines, self.spots = [() for _ in self.lines], []
        self.refresh()

    def _lay(self, width: int) -> None:
        if not width or self._laid == width:
            return
        self._laid = width
        self.lines = self.laid(width)
        self.spots = list(_spots(self.lines))
        if self.pointed is None:
            self._here = self.spots[0].figure.name if self.spots else ""
        wide = max((sum(figure.width for figure in line) for line in self.lines), default=0)
        if (size := Size(max(width, wide), len(self.lines))) != self.virtual_size:
            self.virtual_size = size

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's
        self._lay(width)
        return len(self.lines)

    def on_resize(self) -> None:
        self._lay(self.size.width)
        self.refresh()

    # Pointing and opening

    def action_open(self) -> None:
        if (spot := self.pointed) is not None:
            self.post_message(self.Opened(spot.figure))

    def action_evidence(self) -> None:
        self.action_open()

    def action_aside(self, by: int) -> None:
        """To the next figure, or the one before."""
        if (spot := self.pointed) is not None:
            names = list(dict.fromkeys(spot.figure.name for spot in self.spots))
            self._point(names[max(0, min(len(names) - 1, names.index(spot.figure.name) + by))])

    def action_move(self, by: int) -> None:
        """To the figure above or below; where none is, what is hidden there is scrolled to."""
        if (spot := self.pointed) is None:
            return
        beyond = [other for other in self.spots if (other.line - spot.line) * by > 0 and other.figure != spot.figure]
        if not beyond:
            self.scroll_to(y=self.scroll_offset.y + by, animate=False)
            return
        self._point(min(beyond, key=lambda other: (abs(other.line - spot.line), _apart(spot, other))).figure.name)

    def action_page(self, by: int) -> None:
        for _ in range(max(1, self.size.height - self.heads - 1)):
            self.action_move(by)

    def action_edge(self, end: int) -> None:
        if self.spots:
            self._point(self.spots[-1 if end else 0].figure.name)

    def _point(self, name: str) -> None:
        self._here = name
        self._show_cursor()
        self.refresh()

    def _show_cursor(self) -> None:
        """Scroll to it, and a line further on either side: words about what is not seen cover a line's end."""
        if (spot := self.pointed) is None:
            return
        further = 1 if self.size.height - self.heads > 2 else 0
        # The lines at the top cover the first ones of what is visible.
        first, last = max(0, spot.line - self.heads - further), min(len(self.lines) - 1, spot.line + further)
        left = max(0, spot.first - self.aside)
        region = Region(left, first, spot.end + self.aside - left, last - first + 1)
        self.scroll_to_region(region, animate=False, force=True)

    def on_click(self, event: events.Click) -> None:
        if (offset := event.get_content_offset(self)) is None:
            return
        line = offset.y if offset.y < self.heads else offset.y + self.scroll_offset.y
        here = [spot for spot in self.spots if spot.line == line]
        cell = offset.x + self.scroll_offset.x
        under = next((spot for spot in here if len(here) == 1 or spot.first <= cell < spot.end), None)
        if under is not None:
            self._point(under.figure.name)
            self.action_open()

    def on_focus(self) -> None:
        self._show_cursor()
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    # Drawing

    def render_line(self, y: int) -> Strip:
        left, width, base = self.scroll_offset.x, self.size.width, self.rich_style
        line = y if y < self.heads else y + self.scroll_offset.y
        segments = list(self._segments(self.lines[line])) if line < len(self.lines) else []
        strip = self.faded(Strip(segments).crop_extend(left, left + width, base).apply_style(base))
        before, after = self.edges(y)
        if before:
            strip = Strip.join([Strip([Segment(before, inks(self)["warn"] + _on(base))]), strip.crop(cell_len(before))])
        if after:
            room = width - cell_len(after)
            strip = Strip.join([strip.crop(0, room), Strip([Segment(after, inks(self)["warn"] + _on(base))])])
        return strip

    def _segments(self, line: Line) -> Iterable[Segment]:
        ink = inks(self)
        for figure in line:
            here = self.has_focus and figure.name and figure.name == self._here
            for text, name in figure.words:
                yield Segment(text, ink["cell"] if here else ink[name or "plain"])

    def edges(self, y: int) -> tuple[str, str]:
        """What is told at both ends of line `y` of what is not seen: lines above and below, and that it is late."""
        above, below = self.scroll_offset.y, len(self.lines) - self.scroll_offset.y - self.size.height
        told = []
        if y == 0 and self.late:
            told.append(self.late)
        if y == min(self.heads, self.size.height - 1) and above > 0:
            told.append(f"▲ {above:,} more")
        if y == self.size.height - 1 and below > 0:
            told.append(f"▼ {below:,} more")
        return "", f" {'  '.join(told)}" if told else ""


def labelled(label: str, value: str, rests: Evidence | None, ink: str = "") -> Figure:
    """A figure behind its label."""
    return Figure(((f"{label} ", "quiet"), (value, ink)), label, rests)


def flowed(figures: Iterable[Figure], width: int) -> list[Line]:
    """Figures one after the other, on as many lines of `width` cells as they need."""
    lines: list[list[Figure]] = []
    room = 0
    for figure in figures:
        if lines and figure.width + len(GAP) <= room:
            lines[-1] += [words(GAP), figure]
            room -= figure.width + len(GAP)
        else:
            lines.append([figure])
            room = width - figure.width
    return [tuple(line) for line in lines]


def one_line(figures: Iterable[Figure]) -> Line:
    """Figures one after the other, on a line as long as they need."""
    return next(iter(flowed(figures, 2**31)), ())


def words(text: str, ink: str = "") -> Figure:
    """Words that are no figure."""
    return Figure(((text, ink),))


def _spots(lines: Sequence[Line]) -> Iterable[Spot]:
    for number, line in enumerate(lines):
        first = 0
        for figure in line:
            if figure.name:
                yield Spot(figure, number, first, first + figure.width)
            first += figure.width


def _apart(one: Spot, other: Spot) -> int:
    """Cells between the middles of two figures."""
    return abs(one.first + one.end - other.first - other.end)


def _on(base: Style) -> Style:
    return Style(bgcolor=base.bgcolor)

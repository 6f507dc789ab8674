"""One thing opened: its facts, texts, folded JSON and coloured diffs, one under the other."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from rich.cells import chop_cells
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from orchestrion.domain.inert import one_line
from orchestrion.tui import figures
from orchestrion.tui.columns import Evidence
from orchestrion.tui.diffs import Line, changes, looks_like_diff, patched
from orchestrion.tui.widgets import figure_lines
from orchestrion.tui.widgets.facts import NARROWEST
from orchestrion.tui.widgets.figure_lines import GAP, Figure, FigureLines, flowed
from orchestrion.tui.widgets.json_tree import JsonTree

LONGEST_TEXT = 60_000
"""Characters of a text that are drawn; the rest is counted."""
TAB_COLUMNS = 4
_TONES = {"+": "$success", "-": "$error", "@": "$accent", " ": "$quiet"}


@dataclass(frozen=True)
class Part:
    """A stretch of a document: `facts` a mapping, `json` any value, `text` a string, `diff` lines with their signs,
    `positions` numbers of events. `rests` has the events behind the facts that rest on some, by their names."""

    heading: str
    kind: Literal["facts", "json", "text", "diff", "positions"]
    value: Any
    rests: Mapping[str, Evidence] = field(default_factory=dict)


class Document(VerticalScroll):
    """Parts to scroll through."""

    DEFAULT_CSS = """
    Document { height: 1fr; padding: 0 1; }
    Document .heading { color: $primary; text-style: bold; margin-top: 1; }
    Document Static { height: auto; }
    Document FigureLines { padding: 0; background: $background; }
    """

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)

    async def show(self, parts: Sequence[Part]) -> None:
        """Draw `parts` in place of what stood there."""
        with self.app.batch_update():
            await self.remove_children()
            for part in parts:
                await self.mount(Static(one_line(part.heading), markup=False, classes="heading"), drawn(part))


class Figures(FigureLines):
    """Figures of a document, as `lay` lays them in a width."""

    def __init__(self, lay: Callable[[int], list[figure_lines.Line]]) -> None:
        super().__init__()
        self._lay_in = lay

    def laid(self, width: int) -> list[figure_lines.Line]:
        return self._lay_in(width)


def value_parts(heading: str, value: Any) -> list[Part]:
    """How a value is best shown: a diff in colours, a structure folded, anything else as text."""
    value = figures.document(value)
    if value is None or value == "":
        return []
    if isinstance(value, str):
        if looks_like_diff(value):
            return [Part(heading, "diff", list(patched(value)))]
        return [Part(heading, "text", value)]
    found = [Part(f"{heading}: changes", "diff", lines) for lines in (changes(value),) if lines]
    return [*found, Part(heading, "json", value)]


def drawn(part: Part) -> Widget:
    """The widget that shows a part; everything in it is inert."""
    match part.kind:
        case "facts" if part.rests:
            return Figures(partial(_fact_lines, part))
        case "positions":
            return Figures(partial(flowed, [_event(position) for position in part.value]))
        case "facts":
            return Static(_facts(part.value))
        case "diff":
            return Static(_diff(part.value))
        case "text":
            return Static(_text(str(part.value)), markup=False)
        case "json":
            return JsonTree(part.value)


def _facts(facts: Mapping[str, Any]) -> Content:
    width = max(map(len, facts), default=0)
    lines = []
    for name, value in facts.items():
        text = figures.lines(value) if value is not None else figures.UNKNOWN
        style = "$faint" if value is None else "$foreground"
        lines.append(Content.assemble((f"{one_line(name):<{width}}  ", "$quiet"), (text, style)))
    return Content("\n").join(lines)


def _fact_lines(part: Part, width: int) -> list[figure_lines.Line]:
    """As `_facts`, with what rests on events to be pointed at."""
    names = max(map(len, part.value), default=0)
    room = max(NARROWEST, width - names - len(GAP))
    return [(piece,) for name, value in part.value.items() for piece in _pieces(part, name, value, names, room)]


def _pieces(part: Part, name: str, value: Any, names: int, room: int) -> Iterable[Figure]:
    rests = part.rests.get(name)
    for number, piece in enumerate(chop_cells(figures.text(value), room) or [""]):
        label = "" if number else one_line(name)
        words = ((f"{label:<{names}}{GAP}", "quiet"), (piece, "faint" if value is None else ""))
        yield Figure(words, name if rests is not None else "", rests)


def _event(position: int) -> Figure:
    name = f"{position:,}"
    return Figure(((name, ""),), name, Evidence(f"position {name}", "position = $position", {"position": position}))


def _text(text: str) -> Content:
    left = len(text) - LONGEST_TEXT
    more = f"\n… and {left:,} more characters" if left > 0 else ""
    return Content(figures.lines(text[:LONGEST_TEXT]) + more)


def _diff(lines: Sequence[Line]) -> Content:
    return Content("\n").join(Content.assemble((_signed(line), _TONES.get(line.sign, "$foreground"))) for line in lines)


def _signed(line: Line) -> str:
    text = one_line(line.text.expandtabs(TAB_COLUMNS))
    return text if line.sign in ("", "@") else f"{line.sign} {text}"

"""Who talks to whom, as a picture: a lane for each agent, an arrow for each pair, as heavy as their talk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.cells import cell_len

from orchestrion.tui import figures
from orchestrion.tui.columns import Evidence
from orchestrion.tui.literals import OneOf
from orchestrion.tui.widgets.cells import fit
from orchestrion.tui.widgets.figure_lines import Figure, FigureLines, Line, words

NARROWEST_LANE = 12
WIDEST_LANE = 28
MOST_LANES, MOST_ARROWS = 40, 200
"""What is drawn; who says least is summed up in a last line."""
HEAVY_SHARE = 0.5
"""An arrow that carries at least so much of what the heaviest carries is drawn double."""
LANES_A_LABEL = 5
"""A longer arrow tells its number again, so that it is seen wherever the picture was scrolled to."""
_PAIR = "coalesce(sender, 'unknown') || chr(31) || coalesce(recipient, 'unknown')"
_BETWEEN = """position IN (
    SELECT position FROM messages
    WHERE ($session::VARCHAR IS NULL OR session = $session) AND {pair} {which}
)"""


@dataclass(frozen=True)
class Flow:
    """Messages from one to another."""

    sender: str
    recipient: str
    messages: int

    @property
    def pair(self) -> str:
        """Both names, as `_PAIR` writes them."""
        return f"{self.sender}\x1f{self.recipient}"


class FlowPicture(FigureLines):
    """The lanes of who spoke most from left to right, and under them the arrows, the heaviest first."""

    DEFAULT_CSS = "FlowPicture { max-height: 40%; }"
    heads: ClassVar[int] = 1
    told_by = ("flow",)

    def __init__(self) -> None:
        super().__init__(id="flow")
        self.flows: list[Flow] = []
        self._session: str | None = None
        self._lane = NARROWEST_LANE
        self._lanes = 0

    def show(self, rows: Sequence[Mapping[str, Any]], session: str | None) -> None:
        """Take rows of (sender, recipient, messages) of that session, or of all."""
        flows = [Flow(row["sender"] or figures.UNKNOWN, row["recipient"], int(row["messages"])) for row in rows]
        if (flows, session) != (self.flows, self._session) or not self.lines:
            self.flows, self._session = flows, session
            self.renew()

    def laid(self, width: int) -> list[Line]:
        if not self.flows:
            self._lanes = 0
            return [[words("Nobody has said anything yet.", "quiet")]]
        lanes = _lanes(self.flows)[:MOST_LANES]
        self._lanes, self._lane = len(lanes), max(NARROWEST_LANE, min(WIDEST_LANE, width // len(lanes)))
        self.aside = self._lane // 2  # the names over both ends
        place = {name: index for index, name in enumerate(lanes)}
        drawn = [flow for flow in self.flows if flow.sender in place and flow.recipient in place][:MOST_ARROWS]
        top = max((flow.messages for flow in drawn), default=1)
        lines: list[Line] = [[words(_centred(figures.text(name), self._lane), "strong") for name in lanes]]
        lines += [self._arrow(flow, place, heavy=flow.messages >= HEAVY_SHARE * top) for flow in drawn]
        left = sum(flow.messages for flow in self.flows) - sum(flow.messages for flow in drawn)
        if left:
            pairs = OneOf(flow.pair for flow in drawn)
            rests = self._rests("messages of others", "NOT IN $pairs", {"pairs": pairs})
            lines.append([Figure(((f"and {left:,} messages of others", "quiet"),), "others", rests)])
        return lines

    def _arrow(self, flow: Flow, place: Mapping[str, int], *, heavy: bool) -> Line:
        start, end = place[flow.sender], place[flow.recipient]
        before, arrow, after = arrow_of(start, end, flow.messages, lanes=len(place), lane=self._lane, heavy=heavy)
        title = f"{figures.text(flow.sender)} → {figures.text(flow.recipient)}"
        rests = self._rests(title, "= $pair", {"pair": flow.pair})
        return [words(before), Figure(((arrow, ""),), flow.pair, rests), words(after)]

    def _rests(self, title: str, which: str, params: Mapping[str, object]) -> Evidence:
        return Evidence(title, _BETWEEN.format(pair=_PAIR, which=which), {"session": self._session, **params})

    def edges(self, y: int) -> tuple[str, str]:
        """Beside the lanes: how many more there are on either side."""
        before, after = super().edges(y)
        if y == 0 and self._lanes:
            left, right = self.scroll_offset.x, self.scroll_offset.x + self.size.width
            middles = [index * self._lane + self._lane // 2 for index in range(self._lanes)]
            hidden = sum(middle < left for middle in middles), sum(middle >= right for middle in middles)
            before = f"‹ {hidden[0]} more " if hidden[0] else before
            after = f" {hidden[1]} more ›{after}" if hidden[1] else after
        return before, after


def arrow_of(start: int, end: int, messages: int, *, lanes: int, lane: int, heavy: bool) -> tuple[str, str, str]:
    """One line: the lanes' threads before the arrow, the arrow with its number, and the threads behind it."""
    cells = [" "] * (lanes * lane)
    for index in range(lanes):
        cells[index * lane + lane // 2] = "│"
    label = f" {messages:,} "
    left, right = sorted((start * lane + lane // 2, end * lane + lane // 2))
    if left == right:
        right = left + 1 + len(label)
        cells[left + 1 : right + 1] = f"⟲{label}"
        cells += [" "] * (right + 1 - len(cells))
    else:
        stroke = "═" if heavy else "─"
        cells[left + 1 : right] = stroke * (right - left - 1)
        cells[left], cells[right] = ("├", "▶") if start < end else ("◀", "┤")
        labels = 1 + abs(end - start) // LANES_A_LABEL
        for number in range(labels):
            middle = left + ((right - left) * (2 * number + 1) // labels - len(label)) // 2 + 1
            cells[middle : middle + len(label)] = label
    text = "".join(cells)
    return text[:left], text[left : right + 1], text[right + 1 :]


def _lanes(flows: Sequence[Flow]) -> list[str]:
    """Everybody, those first who take part in most."""
    weight: dict[str, int] = {}
    for flow in flows:
        for name in (flow.sender, flow.recipient):
            weight[name] = weight.get(name, 0) + flow.messages
    return sorted(weight, key=lambda name: -weight[name])


def _centred(name: str, width: int) -> str:
    room = width - 2
    short = name if cell_len(name) <= room else fit(name, room, right=False)
    left = (width - cell_len(short)) // 2
    return " " * left + short + " " * (width - left - cell_len(short))

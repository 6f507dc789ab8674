"""Who talks to whom, as a picture: a lane for each agent, an arrow for each pair, as heavy as their talk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textual.app import RenderResult
from textual.content import Content
from textual.widget import Widget

from orchestrion.tui import figures

NARROWEST_LANE = 12
WIDEST_LANE = 28
HEAVY_SHARE = 0.5
"""An arrow that carries at least so much of what the heaviest carries is drawn double."""


@dataclass(frozen=True)
class Flow:
    """Messages from one to another."""

    sender: str
    recipient: str
    messages: int


class FlowPicture(Widget):
    """The lanes of who spoke first from left to right, and under them the arrows, the heaviest first."""

    DEFAULT_CSS = """
    FlowPicture { height: auto; max-height: 40%; padding: 0 1; text-wrap: nowrap; background: $surface; }
    """

    def __init__(self) -> None:
        super().__init__(id="flow")
        self.flows: list[Flow] = []

    def show(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take rows of (sender, recipient, messages)."""
        self.flows = [
            Flow(figures.text(row["sender"]), figures.text(row["recipient"]), int(row["messages"])) for row in rows
        ]
        self.refresh(layout=True)

    def on_resize(self) -> None:
        self.refresh(layout=True)

    def render(self) -> RenderResult:
        parts = picture(self.flows, max(NARROWEST_LANE, self.size.width or self.app.size.width - 2))
        return Content.assemble(*((text, style) for text, style in parts))


def picture(flows: Sequence[Flow], width: int) -> list[tuple[str, str]]:
    """The picture in at most `width` cells, as (text, style); what does not fit is summed up in a last line."""
    if not flows:
        return [("Nobody has said anything yet.", "$quiet")]
    lanes = _lanes(flows)[: max(2, width // NARROWEST_LANE)]
    lane = max(NARROWEST_LANE, min(WIDEST_LANE, width // len(lanes)))
    place = {name: index for index, name in enumerate(lanes)}
    drawn = [flow for flow in flows if flow.sender in place and flow.recipient in place]
    top = max((flow.messages for flow in drawn), default=1)
    parts: list[tuple[str, str]] = [*((_centred(name, lane), "bold $primary") for name in lanes), ("\n", "")]
    for flow in drawn:
        heavy = flow.messages >= HEAVY_SHARE * top
        parts += [
            (
                _arrow(
                    place[flow.sender], place[flow.recipient], flow.messages, lanes=len(lanes), lane=lane, heavy=heavy
                ),
                "",
            )
        ]
        parts += [("\n", "")]
    left = sum(flow.messages for flow in flows) - sum(flow.messages for flow in drawn)
    if left:
        parts.append((f"and {left:,} messages of others", "$quiet"))
    return parts if left else parts[:-1]


def _lanes(flows: Sequence[Flow]) -> list[str]:
    """Everybody, those first who take part in most."""
    weight: dict[str, int] = {}
    for flow in flows:
        for name in (flow.sender, flow.recipient):
            weight[name] = weight.get(name, 0) + flow.messages
    return sorted(weight, key=lambda name: -weight[name])


def _arrow(start: int, end: int, messages: int, *, lanes: int, lane: int, heavy: bool) -> str:
    """One line: the lanes' threads, and over them the arrow with its number."""
    cells = [" "] * (lanes * lane)
    for index in range(lanes):
        cells[index * lane + lane // 2] = "│"
    label = f" {messages:,} "
    if start == end:
        here = start * lane + lane // 2
        cells[here + 1 : here + 2 + len(label)] = f"⟲{label}"
        return "".join(cells)
    left, right = sorted((start * lane + lane // 2, end * lane + lane // 2))
    stroke = "═" if heavy else "─"
    cells[left + 1 : right] = stroke * (right - left - 1)
    cells[left], cells[right] = ("├", "▶") if start < end else ("◀", "┤")
    middle = (left + right - len(label)) // 2 + 1
    cells[middle : middle + len(label)] = label
    return "".join(cells)


def _centred(name: str, width: int) -> str:
    room = width - 2
    short = name if len(name) <= room else name[: room - 1] + "…"
    return short.center(width)

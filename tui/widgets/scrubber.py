"""The time line of a replayed session: marks, where one is, and how fast it plays."""

from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import RenderResult
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from orchestrion.tui import figures
from orchestrion.tui.themes import inks
from orchestrion.tui.timeline import MARKS, Timeline

INKS = {
    "failure": "bad",
    "handoff": "warn",
    "pattern": "busy",
    "message": "done",
    "event": "faint",
    "past": "done",
    "knob": "warn",
    "future": "faint",
}


class Scrubber(Widget):
    """Two lines: the marks of the session's events over the line on which the position slides; and the figures."""

    DEFAULT_CSS = """
    Scrubber { height: 3; background: $panel; padding: 0 1; display: none; }
    Scrubber.-shown { display: block; }
    """

    timeline: reactive[Timeline | None] = reactive(None)
    position: reactive[int] = reactive(0)
    playing: reactive[bool] = reactive(False)
    speed: reactive[float] = reactive(1.0)

    class Sought(Message):
        """A place on the line was clicked."""

        def __init__(self, position: int) -> None:
            super().__init__()
            self.position = position

    def watch_timeline(self, timeline: Timeline | None) -> None:
        self.set_class(timeline is not None, "-shown")

    def render(self) -> RenderResult:
        timeline, width = self.timeline, max(1, self.size.width)
        if timeline is None:
            return Text("")
        text = Text(no_wrap=True)
        for mark in timeline.marks(width):
            text.append(MARKS[mark] if mark else " ", self._style(mark) if mark else "")
        text.append("\n")
        knob = timeline.cell(max(0, timeline.index(self.position)), width)
        text.append("━" * knob, self._style("past"))
        text.append("●", self._style("knob"))
        text.append("─" * (width - knob - 1), self._style("future"))
        return text.append("\n").append(self._figures(timeline, width))

    def _figures(self, timeline: Timeline, width: int) -> Text:
        index = timeline.index(self.position)
        step = timeline.steps[index] if index >= 0 else None
        parts = [
            f"{'▶' if self.playing else '‖'} ×{self.speed:g}",
            f"event {index + 1:,}/{len(timeline):,}",
            f"position {self.position:,}",
            figures.clock(step.happened_at) if step else "before its first event",
            *((figures.text(step.actor),) if step and step.actor else ()),
        ]
        text = Text("  ".join(parts), no_wrap=True)
        if width > 100:
            for mark, sign in MARKS.items():
                text.append("   " if mark == "failure" else " ").append(sign, self._style(mark)).append(f" {mark}")
        text.truncate(width, overflow="ellipsis")
        return text

    def _style(self, name: str) -> Style:
        return inks(self)[INKS[name]]

    def on_click(self, event: events.Click) -> None:
        if self.timeline is not None and len(self.timeline):
            width = max(1, self.size.width)
            cell = max(0, min(width - 1, event.x - self.styles.padding.left))
            self.post_message(self.Sought(self.timeline.at_cell(cell, width)))

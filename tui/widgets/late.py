"""What a part of a screen says of itself while its figures are of another position than the screen's."""

from rich.segment import Segment
from textual.geometry import Region
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from orchestrion.tui.themes import inks


class Late(ScrollView):
    """A part that may be late: `late` says of which position its figures still are, nothing while they are right."""

    told_by: tuple[str, ...] = ()
    """Names of the questions whose answers it shows."""
    late: reactive[str] = reactive("", repaint=False)
    fading: reactive[bool] = reactive(False)
    """Whether it has been late for so long that the eye must see it."""

    def watch_late(self) -> None:
        """It stands on the first line."""
        self.refresh(Region(0, 0, self.size.width, 1))

    def faded(self, strip: Strip) -> Strip:
        """The line as it is drawn meanwhile."""
        if not self.fading:
            return strip
        return Strip(Segment.apply_style(strip, post_style=inks(self)["faint"]), strip.cell_length)

    def blank(self) -> None:
        """Show nothing: what stood here is about something else."""
        raise NotImplementedError

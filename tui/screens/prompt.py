"""Asks for one line, over whatever is looked at."""

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from orchestrion.tui.widgets.fields import Line

DIGITS = r"[0-9]{0,15}"
"""What can be a position of a log."""


class Prompt(ModalScreen[str | None]):
    """A question and a line to answer it; Escape answers nothing."""

    BINDINGS = [Binding("escape", "dismiss(None)", "Cancel")]  # noqa: RUF012 - as Textual declares it

    def __init__(self, ask: str, *, digits: bool = False) -> None:
        super().__init__()
        self._ask, self._digits = ask, digits

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(self._ask, markup=False)
            yield Line(restrict=DIGITS if self._digits else None, compact=True)

    @on(Input.Submitted)
    def _answered(self, message: Input.Submitted) -> None:
        self.dismiss(message.value.strip() or None)

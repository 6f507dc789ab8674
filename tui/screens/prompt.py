"""Asks for one line, over whatever is looked at."""

from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from orchestrion.tui.actions import bindings
from orchestrion.tui.widgets.fields import Line
from orchestrion.tui.widgets.frame import Keys

DIGITS = r"[0-9]{0,15}"
"""What can be a position of a log."""


class Answer(Line):
    """The line it is typed in."""

    BINDINGS: ClassVar[list[Any]] = bindings("prompt")


class Prompt(ModalScreen[str | None]):
    """A question and a line to answer it; Escape answers nothing."""

    def __init__(self, ask: str, *, digits: bool = False) -> None:
        super().__init__()
        self._ask, self._digits = ask, digits

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(self._ask, markup=False)
            yield Answer(restrict=DIGITS if self._digits else None, compact=True)
        yield Keys()

    @on(Input.Submitted)
    def _answered(self, message: Input.Submitted) -> None:
        self.dismiss(message.value.strip() or None)

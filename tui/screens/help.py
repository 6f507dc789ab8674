"""Every key, by place; read from the table of actions."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from orchestrion.tui.actions import ACTIONS, PLACES, Action, bindings
from orchestrion.tui.themes import inks
from orchestrion.tui.widgets.frame import Keys

KEYS_CELLS, LABEL_CELLS = 15, 11

NOTES = (
    "A figure that nobody recorded is shown as unknown, never as 0. Enter on a figure shows the events it rests on.",
    "Texts of agents and tools are shown as they are; control characters in them become visible signs such as ␛.",
)
_NAMES = {
    "question_mark": "?", "slash": "/", "full_stop": ".", "comma": ",", "right_square_bracket": "]",
    "left_square_bracket": "[", "plus": "+", "minus": "-", "equals_sign": "=", "escape": "esc",
}  # fmt: skip


class Help(ModalScreen[None]):
    """What can be done, and by which key."""

    BINDINGS: ClassVar[list[Any]] = bindings("help")

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            for place, actions in groupby(ACTIONS, key=lambda action: action.where):
                yield Static(PLACES[place], markup=False, classes="place")
                yield Static(self._listed(actions), markup=False)
            yield Static("To know", markup=False, classes="place")
            yield Static("\n".join(NOTES), markup=False)
        yield Keys()

    def _listed(self, actions: Iterable[Action]) -> Table:
        """A line for each, or as many as it needs below each other."""
        table = Table.grid(padding=(0, 2))
        table.add_column(width=KEYS_CELLS)
        table.add_column(width=LABEL_CELLS)
        table.add_column(ratio=1)
        for action in actions:
            keys = Text(f"  {keys_of(action)}", inks(self)["warn"])
            table.add_row(keys, Text(action.label, "bold"), Text(action.help))
        return table


def keys_of(action: Action) -> str:
    """The keys of an action as people call them."""
    return " ".join(_NAMES.get(key, key.replace("ctrl+", "^")) for key in action.keys.split(","))

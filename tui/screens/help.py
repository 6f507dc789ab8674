"""Every key, by place; read from the table of actions."""

from itertools import groupby

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from orchestrion.tui.actions import ACTIONS, PLACES, Action

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

    BINDINGS = [Binding("escape,question_mark,q", "dismiss", "Close")]  # noqa: RUF012 - as Textual declares it

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            for place, actions in groupby(ACTIONS, key=lambda action: action.where):
                yield Static(PLACES[place], markup=False, classes="place")
                yield Static(Content("\n").join(map(_line, actions)), markup=False)
            yield Static("To know", markup=False, classes="place")
            yield Static("\n".join(NOTES), markup=False)


def keys_of(action: Action) -> str:
    """The keys of an action as people call them."""
    return " ".join(_NAMES.get(key, key.replace("ctrl+", "^")) for key in action.keys.split(","))


def _line(action: Action) -> Content:
    return Content.assemble((f"  {keys_of(action):<14}", "$warning"), (f"{action.label:<14}", "bold"), action.help)

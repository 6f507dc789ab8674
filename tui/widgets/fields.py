"""Fields that one types in. What they hold is inert, however it came there: what is seen is what is asked."""

from typing import Any, ClassVar

from textual.widgets import Input, TextArea
from textual.widgets.text_area import Edit, EditResult

from orchestrion.domain.inert import inert, one_line
from orchestrion.tui.actions import bindings


class Line(Input):
    """One line."""

    def validate_value(self, value: str) -> str:
        """`value` as it is kept."""
        return one_line(value)


class Editor(TextArea):
    """As many lines as one likes."""

    BINDINGS: ClassVar[list[Any]] = bindings("editor")

    def __init__(self, text: str = "", **options: Any) -> None:
        super().__init__(typed(text), **options)

    def load_text(self, text: str) -> None:
        super().load_text(typed(text))

    def edit(self, edit: Edit) -> EditResult:
        edit.text = typed(edit.text)
        return super().edit(edit)


def typed(text: str) -> str:
    """`text` as a field takes it: inert; a carriage return, which terminals paste for it, is a new line."""
    return inert(text.replace("\r\n", "\n").replace("\r", "\n"))

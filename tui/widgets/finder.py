"""The line in which one types what is searched for; it shows itself when it is wanted."""

from textual import on
from textual.message import Message
from textual.widgets import Input

from orchestrion.tui.widgets.fields import Line


class Finder(Line):
    """Hidden until `open`; each change of the text is told as `Sought`."""

    class Sought(Message):
        """Search for `text` (in lower case); `done` when it was confirmed or closed."""

        def __init__(self, text: str, done: bool) -> None:
            super().__init__()
            self.text, self.done = text, done

    def __init__(self, placeholder: str) -> None:
        super().__init__(placeholder=f"/ {placeholder}", id="find", classes="-hidden", compact=True)

    def open(self) -> None:
        """Show it and type."""
        self.remove_class("-hidden")
        self.focus()

    def close(self) -> None:
        """Search for nothing any more."""
        self.add_class("-hidden")
        self.value = ""
        self._tell(done=True)

    @on(Input.Changed)
    def _changed(self, message: Input.Changed) -> None:
        message.stop()
        self._tell(done=False)

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        message.stop()
        self._tell(done=True)

    def _tell(self, *, done: bool) -> None:
        self.post_message(self.Sought(self.value.strip().lower(), done))

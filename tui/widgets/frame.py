"""The lines around every screen: where one is, what is looked at, and what is wrong with the log."""

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.app import RenderResult
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from orchestrion.domain.inert import one_line
from orchestrion.tui.actions import of
from orchestrion.tui.themes import inks

SCREENS = tuple(action for action in of("everywhere") if action.act.startswith("look("))


class Tabs(Widget):
    """The screens by number; a click goes there."""

    DEFAULT_CSS = """
    Tabs { height: 1; background: $panel; color: $quiet; }
    """

    class Chosen(Message):
        """A screen was clicked."""

        def __init__(self, act: str) -> None:
            super().__init__()
            self.act = act

    def __init__(self, here: str) -> None:
        super().__init__()
        self.here = here

    def render(self) -> RenderResult:
        text = Text(no_wrap=True)
        after = self._after()
        for action in SCREENS:
            if f"'{self.here}'" in action.act:
                text.append(f" {action.keys} {action.label}{after}", inks(self)["tab"])
            else:
                text.append(f" {action.keys}", inks(self)["warn"])
                text.append(f" {action.label}{after}")
        return text

    def _after(self) -> str:
        """What stands after a label: nothing where there is no room."""
        needed = sum(len(action.keys) + len(action.label) + 3 for action in SCREENS)
        return " " if needed <= self.size.width else ""

    def on_click(self, event: events.Click) -> None:
        edge = 0
        for action in SCREENS:
            edge += len(action.keys) + len(action.label) + 2 + len(self._after())
            if event.x < edge:
                self.post_message(self.Chosen(action.act))
                return


class Keys(Widget):
    """The keys that do something here, on one line; a click does it."""

    DEFAULT_CSS = """
    Keys { height: 1; background: $panel; color: $quiet; }
    """

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def render(self) -> RenderResult:
        text = Text(no_wrap=True)
        for key, label, _ in self._listed():
            text.append(f" {key}", inks(self)["warn"])
            text.append(f" {label} ")
        return text

    def _listed(self) -> list[tuple[str, str, str]]:
        """Key, label and action of each binding that stands here, in the order of the table."""
        found: dict[str, tuple[str, str, str]] = {}
        for _, binding, enabled, _ in self.screen.active_bindings.values():
            if binding.show and enabled:
                found.setdefault(
                    binding.action, (self.app.get_key_display(binding), binding.description, binding.action)
                )
        return list(found.values())

    async def on_click(self, event: events.Click) -> None:
        edge = 0
        for key, label, action in self._listed():
            edge += cell_len(key) + cell_len(label) + 3
            if event.x < edge:
                await self.app.run_action(action, default_namespace=self.screen.focused or self.screen)
                return


class Context(Widget):
    """What is looked at, on the left, and as of which position, on the right."""

    DEFAULT_CSS = """
    Context { height: 1; background: $surface; }
    """

    subject: reactive[str] = reactive("")
    standing: reactive[str] = reactive("")
    past: reactive[bool] = reactive(False)

    def render(self) -> RenderResult:
        right = f" {self.standing} "
        subject = Text(f" {one_line(self.subject)}", no_wrap=True)
        subject.truncate(max(0, self.size.width - len(right)), overflow="ellipsis", pad=True)
        subject.append(right, inks(self)["past" if self.past else "good"])
        return subject


class Banner(Widget):
    """One sentence about what is wrong, for as long as it is."""

    DEFAULT_CSS = """
    Banner { height: auto; max-height: 3; background: $error; color: $background; text-style: bold; display: none; }
    Banner.-shown { display: block; }
    """

    sentence: reactive[str | None] = reactive(None, layout=True)

    def watch_sentence(self, sentence: str | None) -> None:
        self.set_class(sentence is not None, "-shown")

    def render(self) -> RenderResult:
        return Text(f" ! {one_line(self.sentence or '')}")

"""The lines around every screen: where one is, what is looked at, and what is wrong with the log."""

from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.app import RenderResult
from textual.dom import DOMNode
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from orchestrion.domain.inert import one_line
from orchestrion.tui.actions import Action, of
from orchestrion.tui.themes import inks

SCREENS = tuple(action for action in of("everywhere") if action.act.startswith("look("))

HELP = "help"
"""The action that tells of all keys."""


class Entry(NamedTuple):
    """A key, what it does in a word, the action, and what does it: a part of the screen, the screen or the app."""

    key: str
    label: str
    act: str
    whose: DOMNode | None = None

    @property
    def width(self) -> int:
        """In cells, with the spaces around."""
        return cell_len(self.key) + cell_len(self.label) + 3


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
        for action, label in self._listed():
            if self._here(action):
                text.append(f" {action.keys}{label}", inks(self)["tab"])
            else:
                text.append(f" {action.keys}", inks(self)["warn"])
                text.append(label)
        return text

    def _here(self, action: Action) -> bool:
        return f"'{self.here}'" in action.act

    def _listed(self) -> list[tuple[Action, str]]:
        """Each screen with what stands behind its number: its name and spaces, less where there is no room."""
        for after in (" ", ""):
            listed = [(action, f" {action.label}{after}") for action in SCREENS]
            if sum(len(action.keys) + 1 + len(label) for action, label in listed) <= self.size.width:
                return listed
        return [(action, f" {action.label}" if self._here(action) else "") for action in SCREENS]

    def on_click(self, event: events.Click) -> None:
        edge = 0
        for action, label in self._listed():
            edge += len(action.keys) + 1 + len(label)
            if event.x < edge:
                self.post_message(self.Chosen(action.act))
                return


class Keys(Widget):
    """The keys that do something here, on one line; a click does it. What has no room is counted beside the help."""

    DEFAULT_CSS = """
    Keys { height: 1; background: $panel; color: $quiet; }
    """

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def render(self) -> RenderResult:
        text = Text(no_wrap=True)
        for key, label, _, _ in self._listed():
            text.append(f" {key}", inks(self)["warn"])
            text.append(f" {label} ")
        return text

    def _listed(self) -> list[Entry]:
        """Those that have room, in the order of the table."""
        found: dict[str, Entry] = {}
        for node, binding, enabled, _ in self.screen.active_bindings.values():
            if binding.show and enabled:
                key = self.app.get_key_display(binding)
                found.setdefault(binding.action, Entry(key, binding.description, binding.action, node))
        return fitting(list(found.values()), self.size.width)

    async def on_click(self, event: events.Click) -> None:
        edge = 0
        for entry in self._listed():
            edge += entry.width
            if event.x < edge:
                await self.app.run_action(entry.act, default_namespace=entry.whose)
                return


def fitting(entries: list[Entry], width: int) -> list[Entry]:
    """Those of `entries` that have room; if not all have, the help among them says how many it tells besides."""
    if sum(entry.width for entry in entries) <= width:
        return entries
    told = [entry for entry in entries if entry.act == HELP]
    others = [entry for entry in entries if entry.act != HELP]
    for shown in range(len(others) - 1, -1, -1):
        more = [entry._replace(label=f"{entry.label} +{len(others) - shown}") for entry in told]
        if sum(entry.width for entry in (*others[:shown], *more)) <= width:
            return [*others[:shown], *more]
    return told


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

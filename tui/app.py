"""The dashboard: screens over the projections, live or as of a position of the log. It only ever reads."""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar, Literal

from textual import on
from textual.app import App, SystemCommand
from textual.screen import Screen
from textual.timer import Timer

from orchestrion.domain.inert import one_line
from orchestrion.tui.actions import ACTIONS, bindings
from orchestrion.tui.asking import Answers, Moved, Trouble, follow
from orchestrion.tui.columns import Evidence
from orchestrion.tui.feed import Feed
from orchestrion.tui.player import TICK_SECONDS, Player
from orchestrion.tui.screens.evidence import EventList
from orchestrion.tui.screens.help import Help
from orchestrion.tui.screens.looks import LOOKS
from orchestrion.tui.screens.prompt import Prompt
from orchestrion.tui.screens.view import View
from orchestrion.tui.themes import DARK, LIGHT, OWN_COLOURS, THEMES
from orchestrion.tui.timing import Timed, load
from orchestrion.tui.widgets.frame import Tabs
from orchestrion.tui.widgets.scrubber import Scrubber


class Dashboard(App[None]):
    """Screens over `feed`. `session` is the one looked at; `replay` shows it from its first event, or as of `at`."""

    CSS_PATH = "app.tcss"
    TITLE = "Orchestrion"
    BINDINGS: ClassVar[list[Any]] = bindings("everywhere")

    def __init__(
        self,
        feed: Feed,
        *,
        session: str | None = None,
        replay: bool = False,
        at: int | None = None,
        speed: float = 1.0,
        light: bool = False,
    ) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = (LIGHT if light else DARK).name
        self.feed = feed
        self.session = session
        self.everything = session is None
        """Whether screens show all sessions rather than the chosen one."""
        self.position = 0
        """The last position that the views told of."""
        self.moved = False
        """Whether they told of any."""
        self.trouble: Trouble | None = None
        self.player = Player(time.monotonic, speed)
        self.on_drawn: Callable[[Answers], None] | None = None
        """Told of each answer that was drawn; for benchmarks."""
        self._replay, self._start = replay, at
        self._timing = False
        self._ticker: Timer | None = None
        self._stop = threading.Event()
        self._follower = threading.Thread(target=self._follow, name="follower", daemon=True)

    @property
    def at(self) -> int | None:
        """The position that is shown; None for now."""
        return self.player.at

    @property
    def scope(self) -> str | None:
        """The session that screens are narrowed to; None for all."""
        return None if self.everything else self.session

    def now(self) -> datetime | None:
        """The time at what is shown, in UTC without zone; None where the log does not tell."""
        return self.player.moment if self.at is not None else datetime.now(UTC).replace(tzinfo=None)

    def on_mount(self) -> None:
        for name, look in LOOKS.items():
            self.install_screen(look(), name)
        self._ticker = self.set_interval(TICK_SECONDS, self._tick, name="player", pause=True)
        if self._replay:
            self.player.at = self._start or 0  # nothing of now is drawn before the time line is here
            self.action_rewind()
        self.push_screen("session" if self.session else "sessions")
        self._follower.start()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Colours of our own, for themes that do not know them."""
        return OWN_COLOURS

    def on_unmount(self) -> None:
        self._stop.set()
        if self._follower.is_alive():
            self._follower.join()

    def _follow(self) -> None:
        follow(self.feed.views, self.post_message, self._stop.is_set)

    # What the log does

    @on(Moved)
    def _moved(self, message: Moved) -> None:
        self.moved, self.trouble = True, None
        self.position = message.position
        if self.at is None:
            self.ask()
        elif self.player.timeline is not None:
            self._load_timeline()
        self._frame()

    @on(Trouble)
    def _troubled(self, message: Trouble) -> None:
        self.trouble = message if message.sentence is not None else None
        if self.trouble is None:
            self.ask()
        self._frame()

    def ask(self) -> None:
        """Let every open screen ask anew; those that are not looked at do so when they are."""
        for screen in self.screen_stack:
            if isinstance(screen, View):
                screen.ask()
        for name in LOOKS:
            if (other := self.get_screen(name)) not in self.screen_stack and isinstance(other, View):
                other.ask()

    def drawn(self, answers: Answers) -> None:
        """A screen has drawn `answers`."""
        if self.trouble is not None and not self.trouble.lasting:
            self.trouble = None
            self._frame()
        if self.on_drawn is not None:
            self.on_drawn(answers)

    def standing(self) -> str:
        """As of when is shown."""
        if not self.moved:
            return "◌ reading the log …"
        if self.at is None:
            return f"● live {self.position:,}"
        return f"‖ as of {self.at:,}" if not self.player.playing else f"▶ as of {self.at:,}"

    def _frame(self) -> None:
        if isinstance(self.screen, View):
            self.screen.frame()

    # Going from screen to screen

    def choose(self, session: str) -> None:
        """Look at `session`; a replay of another one ends."""
        if session != self.session and self.at is not None:
            self.action_live()
        self.session, self.everything = session, False
        self.ask()

    @on(Tabs.Chosen)
    async def _tab(self, message: Tabs.Chosen) -> None:
        await self.run_action(message.act)

    def action_look(self, name: str) -> None:
        while len(self.screen_stack) > 2:
            self.pop_screen()
        if self.screen is not self.get_screen(name):
            self.switch_screen(name)

    async def action_back(self) -> None:
        if len(self.screen_stack) > 2:
            self.pop_screen()
        elif isinstance(self.screen, View):
            self.screen.retreat()

    def action_scope(self) -> None:
        if self.session is None:
            self.say("Choose a session first: Enter on one of the Sessions screen.")
            return
        self.everything = not self.everything
        self.ask()

    def action_help(self) -> None:
        if not isinstance(self.screen, Help):
            self.push_screen(Help())

    def action_light(self) -> None:
        self.theme = (LIGHT if self.theme == DARK.name else DARK).name

    def show_evidence(self, evidence: Evidence) -> None:
        """Open the events that a figure rests on."""
        self.push_screen(EventList(evidence))

    def say(self, sentence: str, *, severity: Literal["information", "warning", "error"] = "information") -> None:
        """A short notice; what it quotes is made inert and never read as markup."""
        self.notify(one_line(sentence), severity=severity, markup=False)

    # Replay

    def action_rewind(self) -> None:
        if self.session is None:
            self.say("Choose a session first: Enter on one of the Sessions screen.")
        elif self.player.timeline is None:
            self._load_timeline()

    def _load_timeline(self) -> None:
        if not self._timing and self.session is not None:
            self._timing = True
            self.run_worker(partial(load, self, self.feed.views, self.session), thread=True, group="timing")

    @on(Timed)
    def _timed(self, message: Timed) -> None:
        self._timing = False
        if message.timeline is None or message.session != self.session:
            return
        fresh = self.player.timeline is None
        if fresh:
            self.player.at = self._start
            self._start = None
        self.player.load(message.timeline)
        if fresh:
            self.everything = False
            self._replayed()
        self._frame()

    def action_live(self) -> None:
        self.player.leave()
        self._replayed()

    def action_play(self) -> None:
        self.player.play()
        self._replayed()

    def action_step(self, by: int) -> None:
        self.player.step(by)
        self._replayed()

    def action_step_agent(self, by: Literal[1, -1]) -> None:
        self.player.step_agent(by)
        self._replayed()

    def action_failure(self, by: Literal[1, -1]) -> None:
        if not self.player.failure(by):
            self.say("No failure lies that way.")
        self._replayed()

    def action_speed(self, factor: float) -> None:
        self.player.faster(factor)
        self._frame()

    def action_seek(self, share: float) -> None:
        self.player.seek(share)
        self._replayed()

    def action_go_to(self) -> None:
        self.push_screen(Prompt("Position of the log:", digits=True), self._go_to)

    def _go_to(self, given: str | None) -> None:
        if given:
            self.go(int(given))

    @on(Scrubber.Sought)
    def _sought(self, message: Scrubber.Sought) -> None:
        self.go(message.position)

    def go(self, position: int) -> None:
        """Show everything as it stood at `position`."""
        self.player.go(position)
        self._replayed()

    def _tick(self) -> None:
        if self.player.tick():
            self._replayed()

    def _replayed(self) -> None:
        """The position shown is another one."""
        if self._ticker is not None:
            (self._ticker.resume if self.player.playing else self._ticker.pause)()
        self.ask()
        self._frame()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Replay's keys count only in a replay."""
        if action in {"play", "step", "step_agent", "failure", "speed", "seek", "go_to", "live"}:
            return self.player.timeline is not None
        if action == "rewind":
            return self.player.timeline is None
        return super().check_action(action, parameters)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: the table's actions that make sense here."""
        names = {binding.action for _, binding, enabled, _ in screen.active_bindings.values() if enabled}
        for action in ACTIONS:
            if action.palette and action.act in names:
                yield SystemCommand(action.label, action.help, partial(self._run, screen, action.act))

    async def _run(self, screen: Screen[Any], act: str) -> None:
        await self.run_action(act, default_namespace=screen.focused or screen)

"""The dashboard: screens over the projections, live or as of a position of the log, to which it appends nothing."""

import asyncio
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import events, on
from textual.app import SystemCommand
from textual.screen import Screen

from orchestrion.domain.errors import OrchestrionError
from orchestrion.tui.actions import ACTIONS, bindings
from orchestrion.tui.aside import aside
from orchestrion.tui.asking import Answers, Moved, Replaced, Trouble, follow
from orchestrion.tui.bodies import Bodies
from orchestrion.tui.columns import Evidence
from orchestrion.tui.feed import Feed
from orchestrion.tui.replaying import CHOOSE, Replaying
from orchestrion.tui.screens.evidence import EventList
from orchestrion.tui.screens.help import Help
from orchestrion.tui.screens.looks import AHEAD, load_all, look
from orchestrion.tui.screens.view import View
from orchestrion.tui.themes import DARK, LIGHT, OWN_COLOURS, THEMES
from orchestrion.tui.widgets.fields import typed
from orchestrion.tui.widgets.frame import Tabs

SETTLING_SECONDS = 5.0
"""After the start, when the other screens are made at the latest."""
LEAVING_SECONDS = 0.5
"""How long whoever follows the log is waited for at the end, who may be reading all of it."""
PAUSE_SECONDS = 0.05
"""Between two screens that are made ahead."""


class Dashboard(Replaying):
    """Screens over `feed`. `session` is the one looked at; `replay` shows it from its first event, or as of `at`."""

    CSS_PATH: ClassVar[list[Any]] = ["app.tcss", *sorted((Path(__file__).parent / "screens").glob("*.tcss"))]
    """All at once: the style of one screen more makes Textual read all again, and draw all again."""
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
        on_settled: Callable[[], None] | None = None,
    ) -> None:
        """`on_settled` is told once the other screens are made ahead; without it each is when it is first looked at."""
        super().__init__(feed, session, at, speed)
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = (LIGHT if light else DARK).name
        self.position = 0
        """The last position that the views told of."""
        self.heard = False
        """Whether they told of any."""
        self.bodies = Bodies(feed.views, feed.blob)
        self.trouble: Trouble | None = None
        self.on_drawn: Callable[[Answers], None] | None = None
        """Told of each answer that was drawn; for benchmarks."""
        self.replaced = False
        """Whether it was left because another log stands in the place of the one it showed."""
        self.greeting = ""
        """What is to be said first."""
        self._replay = replay
        self._on_settled = on_settled
        self._looks: dict[str, View] = {}
        self._settling = False
        self._stop = threading.Event()
        self._follower = threading.Thread(target=self._follow, name="follower", daemon=True)

    @property
    def scope(self) -> str | None:
        """The session that screens are narrowed to; None for all."""
        return None if self.everything else self.session

    def now(self) -> datetime | None:
        """The time at what is shown, in UTC without zone; None where the log does not tell."""
        return self.player.moment if self.at is not None else datetime.now(UTC).replace(tzinfo=None)

    async def on_event(self, event: events.Event) -> None:
        """What is pasted is inert before any field gets it, the palette's too: its cursor comes to stand behind it."""
        if isinstance(event, events.Paste):
            event.text = typed(event.text)
        await super().on_event(event)

    def on_mount(self) -> None:
        self.start_clock()
        if self._replay:
            self.player.at = self._start or 0  # nothing of now is drawn before the time line is here
            self.action_rewind()
        self.push_screen(self.look("session" if self.session else "sessions"))
        self._follower.start()
        if self.greeting:
            self.say(self.greeting)
        self.set_timer(SETTLING_SECONDS, self._settle)  # at the latest: nothing can be drawn of a log in trouble

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Colours of our own, for themes that do not know them."""
        return OWN_COLOURS

    def on_unmount(self) -> None:
        self._stop.set()
        if self._follower.is_alive():
            self._follower.join(LEAVING_SECONDS)

    def _follow(self) -> None:
        follow(self.feed.views, self.post_message, self._stop.is_set, self.feed.another)

    # What the log does

    @on(Moved)
    def _moved(self, message: Moved) -> None:
        self.heard, self.trouble = True, None
        self.position = message.position
        if self.at is None:
            self.ask()
        self.grown()
        if not isinstance(self.screen, View) or self.screen.at_rest:
            self.reframe()  # else the answer does so, and all is drawn at once

    @on(Trouble)
    def _troubled(self, message: Trouble) -> None:
        if message.sentence is not None and not message.lasting and self.trouble is not None and self.trouble.lasting:
            return  # the next answer would end it
        self.trouble = message if message.sentence is not None else None
        if self.trouble is None:
            self.ask()
        self.reframe()

    @on(Replaced)
    def _opened_anew(self) -> None:
        self.replaced = True
        self.exit()

    def anew(self, feed: Feed, session: str | None) -> "Dashboard":
        """What goes on where this one ended, over the log that stands there now."""
        past = self.at if session is not None else None
        anew = Dashboard(
            feed, session=session, replay=past is not None, at=past, speed=self.player.speed,
            light=self.theme == LIGHT.name, on_settled=self._on_settled,
        )  # fmt: skip
        anew.greeting = "The log was replaced: this is the one that stands there now."
        return anew

    def ask(self) -> None:
        """Let every open screen ask anew; those that are not looked at do so when they are."""
        for screen in self.screen_stack:
            if isinstance(screen, View):
                screen.ask()
        for other in self._looks.values():
            if other not in self.screen_stack:
                other.ask()

    def drawn(self, answers: Answers) -> None:
        """A screen has drawn `answers`."""
        self._settle()
        self.answered()
        if self.on_drawn is not None:
            self.on_drawn(answers)

    def answered(self) -> None:
        """The views have answered: trouble that does not last is over."""
        if self.trouble is not None and not self.trouble.lasting:
            self.trouble = None
            self.reframe()

    def _settle(self) -> None:
        if not self._settling:
            self._settling = True
            self.run_worker(self._make_ahead(), group="settling")

    async def _make_ahead(self) -> None:
        """While nobody waits: load the other screens and make their widgets, which takes longer than what they ask."""
        await asyncio.to_thread(load_all)
        if self._on_settled is None:
            return
        for name in AHEAD:
            await asyncio.sleep(PAUSE_SECONDS)  # keys come first
            # As Textual itself does for a screen that is pushed; there is no public way to do so sooner.
            await self._get_screen(self.look(name))[1]
        with suppress(OrchestrionError, OSError):  # what is wrong with the log, whoever follows it tells
            await aside(self.feed.views.make_ready)
        self._on_settled()

    def standing(self) -> str:
        """As of when is shown."""
        if not self.heard:
            return "◌ reading the log …"
        if self.at is None:
            return f"● live {self.position:,}"
        return f"‖ as of {self.at:,}" if not self.player.playing else f"▶ as of {self.at:,}"

    def reframe(self) -> None:
        """Bring the lines around the screen up to date."""
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
        if self.screen is not (chosen := self.look(name)):
            self.switch_screen(chosen)
            chosen.ask()  # while it is laid out

    def look(self, name: str) -> View:
        """The screen of a tab, made when it is first looked at."""
        if name not in self._looks:
            self._looks[name] = look(name)
            self.install_screen(self._looks[name], name)  # so that it stays when another takes its place
        return self._looks[name]

    async def action_back(self) -> None:
        if len(self.screen_stack) > 2:
            self.pop_screen()
        elif isinstance(self.screen, View):
            self.screen.retreat()

    def action_scope(self) -> None:
        if self.session is None:
            self.say(CHOOSE)
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

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Replay's keys count only in a replay."""
        if action in {"play", "step", "step_agent", "failure", "speed", "seek", "go_to", "live"}:
            return self.player.timeline is not None
        if action == "rewind":
            return self.player.timeline is None
        return super().check_action(action, parameters)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: the table's actions that make sense here."""
        whose = {binding.action: node for node, binding, enabled, _ in screen.active_bindings.values() if enabled}
        for action in ACTIONS:
            if action.palette and action.act in whose:
                act = partial(self.run_action, action.act, default_namespace=whose[action.act])
                yield SystemCommand(action.label, action.help, act)

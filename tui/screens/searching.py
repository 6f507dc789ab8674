"""How a screen is searched: what its questions are narrowed to, and the large fields that they do not hold."""

import json
from asyncio import sleep
from functools import partial
from time import monotonic

from textual import on

from orchestrion.domain.errors import OrchestrionError
from orchestrion.tui.aside import aside
from orchestrion.tui.asking import Trouble
from orchestrion.tui.screens.rounds import Rounds
from orchestrion.tui.widgets.finder import Finder
from orchestrion.tui.widgets.grid import Grid

LOOK_SECONDS = 1.0
"""Between two looks through large fields for the same text."""


class Searching(Rounds):
    """A screen that can be narrowed to what holds a text, if it has a `Finder`."""

    def __init__(self) -> None:
        super().__init__()
        self.find = ""
        """What is searched for, in lower case."""
        self.looking = ""
        """What large fields are looked through for just now."""
        self._looked = 0.0
        """When that was done last."""

    def frame(self) -> None:
        """Bring the lines around the screen up to date."""
        raise NotImplementedError

    @property
    def at_rest(self) -> bool:
        """Whether what is shown is the answer to what is asked."""
        return super().at_rest and not self.looking

    def ask(self) -> None:
        """Ask anew; what is on its way is asked once more after it."""
        super().ask()
        if not self._stale:
            self._look_through()

    @property
    def sought(self) -> dict[str, object]:
        """What is searched for, as a text has it (`find`) and as JSON writes it (`written`), and the large fields that
        hold it, as far as they are looked through."""
        held = self.dashboard.bodies.holding(self.find, self.dashboard.at)
        return {"find": self.find, "written": json.dumps(self.find, ensure_ascii=False)[1:-1], **held}

    @property
    def sought_words(self) -> str:
        """For the subject: what is searched for, and whether large fields are yet to be looked through once."""
        if not self.find:
            return ""
        looked = self.dashboard.bodies.knows(self.find, 0)
        return f"with “{self.find}”" + ("" if looked else ", still looking through large fields")

    def _look_through(self) -> None:
        """Look for what is searched for in large fields too; what holds it is shown as soon as it is found.

        What has come since is looked through with a rest between: on a log that does not stop growing each look costs.
        """
        text, app = self.find, self.dashboard
        if not text or self.looking == text or app.bodies.knows(text, app.position):
            return
        self.looking = text
        rest = self._looked + LOOK_SECONDS - monotonic() if app.bodies.text == text else 0.0
        self.run_worker(self._looked_through(text, max(0.0, rest)), group="looking")

    async def _looked_through(self, text: str, rest: float) -> None:
        await sleep(rest)
        app = self.dashboard
        look = partial(app.bodies.look, text, lambda: self.find == text and app.is_running)
        try:
            found = await aside(look)
            app.answered()
        except (OrchestrionError, OSError) as error:
            found = False
            self.app.post_message(Trouble(str(error)))
        self._looked = monotonic()
        if self.looking == text:
            self.looking = ""
        if self.find == text:
            self.frame()
            if found:
                self.ask()
            self._look_through()  # what has come meanwhile

    def action_find(self) -> None:
        self.query_one(Finder).open()

    @on(Finder.Sought)
    def _sought(self, message: Finder.Sought) -> None:
        message.stop()
        if message.done:
            self.query(Grid).last().focus()
        if message.text != self.find:
            self.find = message.text
            self.ask()

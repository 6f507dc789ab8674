"""Stories of what goes wrong while somebody watches: the dashboard says so and goes on."""

import asyncio
import shutil
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orchestrion.cli.dashboard import feed_of
from orchestrion.cli.wiring import home_of
from orchestrion.domain import events as e
from orchestrion.domain.errors import LogUnavailable
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import SQLiteLog, open_log
from orchestrion.projections import Store
from orchestrion.tui.app import Dashboard
from orchestrion.tui.asking import Trouble
from orchestrion.tui.feed import Feed
from orchestrion.tui.widgets.frame import Banner
from orchestrion.tui.widgets.scrubber import Scrubber
from tests.tui.conftest import Reader


class Moody:
    """Views that refuse when they are told to, and answer otherwise."""

    def __init__(self, views: Any) -> None:
        self.views, self.refusal = views, ""

    def _check(self) -> None:
        if self.refusal:
            raise LogUnavailable(self.refusal)

    @property
    def position(self) -> int:
        return int(self.views.position)

    @property
    def dead_letters(self) -> int:
        return int(self.views.dead_letters)

    def catch_up(self) -> int:
        self._check()
        return int(self.views.catch_up())

    def wait(self, after: int, seconds: float) -> int:
        self._check()
        return int(self.views.wait(after, seconds))

    def query(self, *args: Any, **kwargs: Any) -> Any:
        self._check()
        return self.views.query(*args, **kwargs)

    def together(self, *args: Any) -> Any:
        self._check()
        return self.views.together(*args)


async def until(pilot: Any, told: Callable[[], bool]) -> None:
    """Wait until something is told; the test's own timeout ends a vain wait."""
    while not told():
        await pilot.pause(0.02)


async def test_a_log_that_becomes_unreadable_is_told_and_its_last_rows_stay(story: Any, feed: Feed) -> None:
    story.team()
    moody = Moody(feed.views)
    app = Dashboard(Feed(moody, feed.ask, feed.verify, feed.house, feed.blob))
    async with app.run_test(size=(100, 30)) as pilot:
        grid = app.screen.query_one("#sessions")
        await until(pilot, lambda: grid.count == 1)
        moody.refusal = "the log in /somewhere\x1b]0;x\x07 [/x] cannot be read; look at its rights"
        banner = app.screen.query_one(Banner)
        await until(pilot, lambda: banner.sentence is not None)
        assert "cannot be read" in str(banner.render())
        assert "\x1b" not in str(banner.render())
        assert grid.texts("status") == ["completed"]
        moody.refusal = ""
        story.team("ses_2", ended=False)
        await until(pilot, lambda: grid.count == 2)
        assert banner.sentence is None


class Failing:
    """Views that refuse so many times when they are asked by `method` (what holds `words`), and answer otherwise."""

    def __init__(self, views: Any, method: str = "", words: str = "") -> None:
        self._views, self._method, self._words, self.times = views, method, words, 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._views, name)
        return found if name != self._method else partial(self._asked, found)

    def _asked(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self.times and (not self._words or self._words in args[0]):
            self.times -= 1
            raise LogUnavailable("the log is locked just now")
        return method(*args, **kwargs)


async def test_what_could_not_be_answered_once_is_asked_again_though_nothing_comes(
    story: Any, feed: Feed, log: Any
) -> None:
    story.team()
    views = Failing(feed.views, "catch_up")
    app = Dashboard(replace(feed, views=views))  # type: ignore[arg-type]
    async with app.run_test(size=(100, 30)) as pilot:
        reader = await Reader(pilot, log).looks()
        views.times = 2
        await pilot.press("5")
        await until(pilot, lambda: app.trouble is not None)
        assert "locked just now" in str(app.screen.query_one(Banner).render())
        assert not app.screen.at_rest
        await reader.looks()
        assert reader.grid("calls").count == 5
        assert views.times == 0
        assert app.trouble is None
        assert app.screen.query_one(Banner).sentence is None


async def test_large_fields_that_could_not_be_looked_through_once_are_looked_through_again(
    story: Any, feed: Feed, log: Any
) -> None:
    story.team()
    story.call("ses_1/x", "x", "Read", params={"text": "y" * 200_000 + " needle"})
    views = Failing(feed.views, "query", "$.bodies.")
    app = Dashboard(replace(feed, views=views), session="ses_1")  # type: ignore[arg-type]
    async with app.run_test(size=(100, 30)) as pilot:
        reader = await (await Reader(pilot, log).looks()).presses("5")
        views.times = 1
        await reader.finds("needle")
        assert views.times == 0
        assert reader.grid("calls").count == 1
        assert app.screen.query_one(Banner).sentence is None
        views.times = 1
        await reader.finds("nowhere")
        story.call("ses_1/x", "x", "Read")
        await reader.looks()
        assert views.times == 0
        assert app.screen.query_one(Banner).sentence is None


async def test_what_could_not_be_learned_ahead_is_no_trouble(story: Any, feed: Feed, log: Any) -> None:
    story.team()
    views = Failing(feed.views, "query", "\n) WHERE position > ")
    story.team("ses_2")
    app = Dashboard(replace(feed, views=views), session="ses_1")  # type: ignore[arg-type]
    async with app.run_test(size=(100, 30)) as pilot:
        reader = await Reader(pilot, log).looks()
        told: list[str | None] = []
        app.watch(app.screen.query_one(Banner), "sentence", lambda it: told.append(it), init=False)  # noqa: PLW0108 - no builtin may watch
        await reader.presses("1")
        await reader.goes_to("sessions", "status", reader.column("sessions", "session").index("ses_2"))
        views.times = 1
        await reader.presses("enter")
        assert app.session == "ses_2"
        assert views.times == 0
        assert told == []


async def test_roll_ups_that_could_not_be_answered_once_are_asked_again_too(story: Any, feed: Feed, log: Any) -> None:
    story.team()
    views = Failing(feed.views, "together")
    app = Dashboard(replace(feed, views=views), session="ses_1")  # type: ignore[arg-type]
    async with app.run_test(size=(100, 30)) as pilot:
        reader = await Reader(pilot, log).looks()
        assert reader.grid("tree").count == 3
        views.times = 1
        story.tell(e.AgentStarted, run="late", agent="late-comer")
        await reader.looks()
        assert views.times == 0
        assert reader.grid("tree").count == 4
        assert app.screen.query_one(Banner).sentence is None


async def test_a_replay_whose_time_line_could_not_be_read_begins_when_it_can(story: Any, feed: Feed, log: Any) -> None:
    story.team()
    views = Failing(feed.views, "query", "names AS (SELECT run")
    views.times = 2
    app = Dashboard(replace(feed, views=views), session="ses_1", replay=True)  # type: ignore[arg-type]
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.player.timeline is not None)
        reader = await Reader(pilot, log).looks()
        assert views.times == 0
        assert app.at == 1
        assert "session starts" in reader.text()
        assert app.screen.query_one(Banner).sentence is None
        assert app.screen.query_one(Scrubber).timeline is not None


async def test_trouble_that_the_follower_will_end_is_not_ended_by_an_answer_before(story: Any, feed: Feed) -> None:
    story.team()
    moody = Moody(feed.views)
    app = Dashboard(replace(feed, views=moody), session="ses_1")
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.screen.query_one("#tree").count == 3)
        app.post_message(Trouble("nothing can be heard of the log", lasting=True))
        app.post_message(Trouble("this could not be asked"))
        await pilot.press("5")
        await until(pilot, lambda: bool(app.screen.query("#calls")) and app.screen.query_one("#calls").count == 5)
        assert "nothing can be heard" in str(app.screen.query_one(Banner).render())


@asynccontextmanager
async def watched(path: Path) -> AsyncIterator[tuple[Any, Any, SQLiteLog]]:
    """The dashboard over a real log of one session in `path`, when that is shown; who watches, and the log."""
    home = home_of(path)
    with (
        closing(open_log(path)) as log,
        Store(log, home.projections) as store,
    ):
        begin(log, "ses_1")
        app = Dashboard(feed_of(log, store, home))
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: app.screen.query_one("#sessions").count == 1)
            yield app, pilot, log


def begin(log: Any, session: str) -> None:
    log.observe([witnessed(e.SessionStarted(source="hook", session=session, product="p"))])


async def test_a_real_log_that_disappears_is_told_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    async with watched(tmp_path) as (app, pilot, log):
        grid, banner = app.screen.query_one("#sessions"), app.screen.query_one(Banner)
        for path in tmp_path.glob("log.db*"):
            path.rename(tmp_path / f"away-{path.name}")
        await until(pilot, lambda: "opened anew as soon as one stands there again" in str(banner.render()))
        assert "removed or replaced" in str(banner.render())
        assert grid.texts("session") == ["ses_1"]
        await pilot.press("5")
        await pilot.press("1")
        assert "removed or replaced" in str(app.screen.query_one(Banner).render())
        for path in tmp_path.glob("away-*"):
            path.rename(tmp_path / path.name.removeprefix("away-"))
        begin(log, "ses_2")
        await until(pilot, lambda: grid.count == 2)
        await until(pilot, lambda: banner.sentence is None)
        assert app.is_running
        assert not app.replaced


async def test_a_log_that_stands_in_the_place_of_the_one_that_was_shown_is_to_be_opened_anew(tmp_path: Path) -> None:
    async with watched(tmp_path) as (app, pilot, log):
        begin(log, "ses_2")
        kept = tmp_path / "kept"
        kept.mkdir()
        for path in tmp_path.glob("log.db*"):
            shutil.copy(path, kept)
            path.unlink()
        banner = app.screen.query_one(Banner)
        await until(pilot, lambda: banner.sentence is not None and "opened anew" in banner.sentence)
        (tmp_path / "log.db").write_text("this is no log")
        await until(pilot, lambda: app.trouble is not None)
        assert not app.replaced
        for path in kept.iterdir():
            shutil.copy(path, tmp_path)
        await until(pilot, lambda: app.replaced)


async def test_what_is_built_anew_while_it_is_watched_goes_on(tmp_path: Path) -> None:
    async with watched(tmp_path) as (app, pilot, log):
        command = [sys.executable, "-P", "-m", "orchestrion.cli.main", "rebuild", "--home", str(tmp_path)]
        rebuilding = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=DEVNULL)
        assert await rebuilding.wait() == 0
        begin(log, "ses_2")
        await until(pilot, lambda: app.screen.query_one("#sessions").count == 2)
        await pilot.press("8")
        await until(pilot, lambda: bool(app.screen.query("#facts")) and "projection lag" in str(shown(app)))
        assert app.screen.query_one(Banner).sentence is None
        assert "✗" not in shown(app)


def shown(app: Any) -> str:
    strips = app.screen._compositor.render_strips(app.size)
    return "\n".join(strip.text for strip in strips)


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "size", [(80, 24), (10, 3), *(pytest.param(size, marks=SLOW) for size in ((200, 60), (40, 10), (20, 5), (1, 1)))]
)
async def test_every_screen_stands_in_any_size_of_terminal(
    size: tuple[int, int], story: Any, open_dashboard: Any
) -> None:
    story.team()
    async with open_dashboard(size=size, session="ses_1") as reader:
        for key in "12345687":
            await reader.presses(key)
            assert reader.app.is_running
        await reader.presses("escape", "2", "r", "full_stop")
        await reader.pilot.resize_terminal(80, 24)
        await reader.looks()
        assert "Fix the login endpoint" in reader.text()


async def test_the_theme_switches_between_dark_and_light(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard() as reader:
        dark = reader.app.theme
        await reader.presses("t")
        assert (dark, reader.app.theme) == ("orchestrion-dark", "orchestrion-light")


async def test_without_colours_every_state_still_has_its_sign(
    story: Any, open_dashboard: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    story.team()
    async with open_dashboard(session="ses_1") as reader:
        await reader.presses("5")
        assert "✗ error" in reader.text()
        assert "● ok" in reader.text()


async def test_people_s_sql_is_refused_in_one_sentence_and_runs_in_a_child(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard() as reader:
        await reader.presses("7")
        editor, note = reader.app.screen.query_one("#editor"), reader.app.screen.query_one("#refusal")
        editor.text = "DELETE FROM events"
        await reader.presses("ctrl+r")
        assert note.has_class("-bad")
        editor.text = "SELECT count(*) AS n FROM tool_calls"
        await reader.presses("ctrl+r")
        assert reader.column("results", "n") == ["5"]
        await reader.presses("escape", "7", "shift+tab")


async def test_queries_are_remembered_and_kept_under_names(story: Any, open_dashboard: Any) -> None:
    async with open_dashboard() as reader:
        await reader.presses("7")
        editor = reader.app.screen.query_one("#editor")
        for sql in ("SELECT 1 AS one", "SELECT 2 AS two"):
            editor.text = sql
            editor.focus()
            await reader.presses("ctrl+r")
        editor.focus()
        await reader.presses("ctrl+up")
        assert editor.text == "SELECT 2 AS two"
        await reader.presses("ctrl+up")
        assert editor.text == "SELECT 1 AS one"
        await reader.presses("ctrl+s", *"mine", "enter")
    async with open_dashboard() as reader:
        await reader.presses("7")
        assert reader.app.screen.queries.saved == {"mine": "SELECT 1 AS one"}
        assert reader.app.screen.queries.history == ["SELECT 1 AS one", "SELECT 2 AS two"]


async def test_a_session_of_20_000_calls_opens_and_scrolls_page_by_page(log: Any, open_dashboard: Any) -> None:
    many = 20_000
    who: dict[str, Any] = {"source": "transcript", "session": "big", "run": "big/main", "agent": "main"}
    for first in range(0, many, 5_000):
        log.observe(
            [
                witnessed(e.ToolCalled(call=f"c{n:05d}", tool="Read", params={"n": n}, **who))
                for n in range(first, first + 5_000)
            ]
        )
    async with open_dashboard(session="big") as reader:
        await reader.presses("5")
        grid = reader.grid("calls")
        assert grid.count == many
        assert len(grid.answered.rows) < 500, "only what is looked at is loaded"
        grid.focus()
        await reader.presses("end")
        assert grid.cell(many - 1, "params") == "n: 19999"
        await reader.presses("home", "pagedown")
        assert grid.cell(grid.row, "params") == f"n: {grid.row}"
        await reader.presses("2")
        assert reader.column("tree", "tool_calls") == ["20,000"]


async def test_help_shows_every_action_with_its_key_and_the_palette_runs_them(story: Any, open_dashboard: Any) -> None:
    from orchestrion.tui.actions import ACTIONS
    from orchestrion.tui.screens.help import Help

    async with open_dashboard(size=(140, 100)) as reader:
        await reader.presses("question_mark")
        assert isinstance(reader.app.screen, Help)
        shown = reader.text()
        for action in ACTIONS:
            assert action.help[:40] in shown, action
        await reader.presses("escape")
        commands = {command.title for command in reader.app.get_system_commands(reader.app.screen)}
        assert {"Tools", "Theme", "Find", "Live only"} <= commands
        assert "Play/pause" not in commands

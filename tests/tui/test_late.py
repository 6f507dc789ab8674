"""No figure of another position stands unmarked under a new one: what is slowly asked says so until it is answered."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from orchestrion.domain import events as e
from orchestrion.tui.app import Dashboard
from orchestrion.tui.feed import Feed
from orchestrion.tui.questions import question
from orchestrion.tui.screens.session import Session
from orchestrion.tui.widgets.flow import FlowPicture
from orchestrion.tui.widgets.overview import Overview
from tests.tui.conftest import PATIENCE_SECONDS, Reader

SLOW = ("FROM run_states r", "FROM message_flow")
"""What the slow questions read, and no other does."""


class Held:
    """Views that do not answer a slow question while they are held."""

    def __init__(self, views: Any) -> None:
        self._views = views
        self.free = threading.Event()
        self.free.set()

    def query(self, sql: str, params: Any = (), **how: Any) -> Any:
        if any(slow in sql for slow in SLOW):
            assert self.free.wait(PATIENCE_SECONDS)
        return self._views.query(sql, params, **how)

    def together(self, sqls: Any, asked: Any) -> Any:
        if any(slow in sql for slow in SLOW for sql in sqls):
            assert self.free.wait(PATIENCE_SECONDS)
        return self._views.together(sqls, asked)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._views, name)


@asynccontextmanager
async def held(feed: Feed, log: Any, **options: Any) -> AsyncIterator[tuple[Reader, Held]]:
    views = Held(feed.views)
    app = Dashboard(replace(feed, views=views), session="ses_1", **options)  # type: ignore[arg-type]
    async with app.run_test(size=(120, 40)) as pilot:
        try:
            yield await Reader(pilot, log).looks(), views
        finally:
            views.free.set()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not true():
            await asyncio.sleep(0.005)


async def test_after_a_jump_old_figures_say_of_which_position_they_are_until_the_new_ones_come(
    story: Any, feed: Feed, log: Any
) -> None:
    def calls(at: int) -> int:
        return int(feed.views.query("SELECT count(*) FROM tool_calls", at=at).rows[0][0])

    story.team()
    async with held(feed, log, replay=True, at=20) as (reader, views):
        overview, tree, told = reader.app.screen.query_one(Overview), reader.grid("tree"), reader.grid("story")
        assert f"calls {calls(20)} " in overview.plain
        views.free.clear()
        await reader.pilot.press("comma", "comma", "comma", "comma")
        assert reader.app.at == 16
        assert (overview.late, tree.late) == ("◌ still at 20", "◌ still at 20")
        await until(lambda: told.cell(0, "position") == "16")
        assert not told.late
        assert f"calls {calls(20)} " in overview.plain
        await until(lambda: overview.fading and tree.fading and not told.fading)
        shown = reader.text().splitlines()
        assert shown[2].rstrip().endswith("◌ still at 20")
        assert sum("◌ still at 20" in line for line in shown) == 2
        views.free.set()
        await reader.looks()
        assert f"calls {calls(16)} " in overview.plain
        assert (overview.late, tree.late) == ("", "")
        assert (overview.fading, tree.fading) == (False, False)
        assert "◌" not in reader.text()


async def test_figures_that_come_for_a_position_that_was_left_say_so(story: Any, feed: Feed, log: Any) -> None:
    story.team()
    async with held(feed, log, replay=True, at=3) as (reader, views):
        overview = reader.app.screen.query_one(Overview)
        views.free.clear()
        await reader.pilot.press("full_stop")
        await until(lambda: reader.grid("story").cell(0, "position") == "4")
        await reader.pilot.press("full_stop")
        assert overview.late == "◌ still at 3"
        marks: list[str] = []
        draw = overview.show
        overview.show = lambda answered: marks.append(overview.late) or draw(answered)  # type: ignore[method-assign, func-returns-value]
        views.free.set()
        await reader.looks()
        assert marks == ["◌ still at 4", ""]


async def test_the_flow_and_the_living_log_are_marked_alike(story: Any, feed: Feed, log: Any) -> None:
    story.team()
    story.tell(e.MessageSent, message="m", sender="x", recipient="y", type="context_share")
    async with held(feed, log) as (reader, views):
        await reader.presses("3")
        flow = reader.app.screen.query_one(FlowPicture)
        assert len(flow.flows) == 2
        views.free.clear()
        await reader.pilot.press("r")
        await until(lambda: reader.app.at == 1)
        assert flow.late == "◌ still of now"
        await until(lambda: reader.grid("messages").count == 0)
        views.free.set()
        await reader.looks()
        assert "Nobody has said anything yet." in reader.text()
        views.free.clear()
        await reader.pilot.press("l")
        assert flow.late == "◌ still at 1"
        views.free.set()
        await reader.looks()
        assert len(flow.flows) == 2


async def test_nothing_of_another_session_stands_under_the_name_of_the_chosen_one(
    story: Any, feed: Feed, log: Any
) -> None:
    story.team("ses_1")
    story.tell(e.SessionStarted, session="ses_2", product="claude-code", request="another")
    async with held(feed, log) as (reader, views):
        assert "Fix the login endpoint" in reader.text()
        await reader.presses("1")
        row = reader.column("sessions", "session").index("ses_2")
        await reader.goes_to("sessions", "request", row)
        views.free.clear()
        await reader.pilot.press("enter")
        await until(lambda: reader.grid("story").count == 1)
        assert reader.app.session == "ses_2"
        assert "Fix the login endpoint" not in reader.text()
        assert not reader.app.screen.query_one(Overview).plain.strip()
        assert reader.grid("tree").count == 0
        views.free.set()
        await reader.looks()
        assert "another" in reader.app.screen.query_one(Overview).plain


async def test_roll_ups_that_come_after_another_session_was_chosen_are_not_drawn_as_its_own(
    story: Any, feed: Feed, log: Any
) -> None:
    story.team("ses_1", ended=False)
    story.tell(e.SessionStarted, session="ses_2", product="claude-code", request="another")
    async with held(feed, log) as (reader, views):
        overview, screen = reader.app.screen.query_one(Overview), reader.app.screen
        assert isinstance(screen, Session)
        views.free.clear()
        story.call("ses_1/x", "x", "Read")
        await until(lambda: screen._slow.asking)
        await reader.pilot.press("1")
        await until(lambda: bool(reader.app.screen.query("#sessions")) and reader.grid("sessions").count == 2)
        while reader.grid("sessions").pointed["session"] != "ses_2":
            await reader.pilot.press("down")
        await reader.pilot.press("enter")
        await until(lambda: reader.grid("story").count == 1)
        told: list[tuple[str | None, str]] = []
        draw = overview.show
        overview.show = lambda answered: (  # type: ignore[method-assign]
            told.append((reader.app.session, answered["session"].dicts()[0]["session"])) or draw(answered)  # type: ignore[func-returns-value]
        )
        views.free.set()
        await reader.looks()
        assert told == [("ses_2", "ses_2")]
        assert reader.grid("tree").count == 0
        assert "another" in overview.plain


async def test_an_opened_thing_says_so_too(story: Any, feed: Feed, log: Any) -> None:
    story.team()
    async with held(feed, log, replay=True, at=6) as (reader, _):
        await reader.presses("enter")
        before = reader.text().splitlines()[1]
        reader.app.screen.ask = lambda: None  # type: ignore[method-assign]
        await reader.pilot.press("full_stop")
        assert "◌ still at 6" not in before
        assert "◌ still at 6" in reader.text().splitlines()[1]


async def test_the_answer_to_an_own_question_says_of_which_position_it_is(story: Any, feed: Feed, log: Any) -> None:
    story.team()

    def answer(_sql: str, at: int | None) -> Any:
        return feed.views.query("SELECT count(*) AS calls FROM tool_calls", at=at)

    async with held(replace(feed, ask=answer), log, replay=True, at=20) as (reader, _):
        await reader.presses("7", "ctrl+r")
        assert "1 rows as of position 20" in reader.text()
        assert "◌" not in reader.text()
        await reader.presses("comma")
        assert reader.grid("results").late == "◌ still at 20"
        assert "◌ still at 20" in reader.text()
        await reader.presses("full_stop")
        assert "◌" not in reader.text()


def test_what_is_asked_now_is_about_the_same_a_moment_later() -> None:
    from orchestrion.tui.asking import Question

    one, other = (Question("sessions", question("sessions"), {"now": now, "find": ""}) for now in (1, 2))
    assert one.about == other.about
    assert one.about != replace(other, params={"now": 2, "find": "x"}).about


@pytest.mark.parametrize("key", ["1", "4", "5", "6"])
async def test_a_jump_leaves_no_mark_on_any_screen_once_it_is_answered(
    story: Any, open_dashboard: Any, key: str
) -> None:
    story.team()
    async with open_dashboard(session="ses_1", replay=True, at=10) as reader:
        await reader.presses(key, "n", "comma", "left_square_bracket")
        assert "◌" not in reader.text()
        assert "…" not in reader.text().splitlines()[1]

"""Who leaves the dashboard has left it, whatever is being asked."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from orchestrion.tui.app import Dashboard
from orchestrion.tui.feed import Feed
from tests.tui.conftest import PATIENCE_SECONDS, Reader


class Busy:
    """Says that it was asked, and answers when the test is over."""

    def __init__(self, answer: Callable[..., Any]) -> None:
        self._answer, self.asked, self.over = answer, threading.Event(), threading.Event()

    def __call__(self, *args: Any, **how: Any) -> Any:
        self.asked.set()
        assert self.over.wait(PATIENCE_SECONDS)
        return self._answer(*args, **how)


class BusyViews:
    """Views whose answer to what holds `words` is `busy`."""

    def __init__(self, views: Any, words: str) -> None:
        self._views, self._words, self.busy = views, words, Busy(views.query)

    def query(self, sql: str, *args: Any, **how: Any) -> Any:
        return (self.busy if self._words in sql else self._views.query)(sql, *args, **how)

    def together(self, _sqls: Any, asked: Callable[..., Any]) -> Any:
        return asked(lambda sql, like: self.query(sql, like=like))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._views, name)


def leaves(feed: Feed, log: Any, busy: Busy, *keys: str) -> None:
    """Press `keys`, and q while `busy` is asked; returns when the dashboard is left, without an answer of `busy`."""
    app = Dashboard(feed, session="ses_1")

    async def at_the_keyboard(pilot: Any) -> None:
        await Reader(pilot, log).looks()
        await pilot.press(*keys)
        while not busy.asked.is_set():
            await pilot.pause(0.01)
        await pilot.press("ctrl+q")

    try:
        app.run(headless=True, size=(120, 40), auto_pilot=at_the_keyboard)
        assert not busy.over.is_set()
    finally:
        busy.over.set()
    assert app.return_code == 0


@pytest.mark.timeout(PATIENCE_SECONDS // 2)
def test_while_the_chain_is_verified(story: Any, feed: Feed, log: Any) -> None:
    story.team()
    verify = Busy(feed.verify)
    leaves(replace(feed, verify=verify), log, verify, "8", "V")


@pytest.mark.timeout(PATIENCE_SECONDS // 2)
def test_while_a_person_s_sql_is_asked(story: Any, feed: Feed, log: Any) -> None:
    story.team()
    ask = Busy(feed.ask)
    leaves(replace(feed, ask=ask), log, ask, "7", "ctrl+r")


@pytest.mark.timeout(PATIENCE_SECONDS // 2)
@pytest.mark.parametrize(("words", "key"), [("FROM tool_calls", "5"), ("names AS (SELECT run", "r")])
def test_while_a_screen_or_a_time_line_is_asked_for(story: Any, feed: Feed, log: Any, words: str, key: str) -> None:
    story.team()
    views = BusyViews(feed.views, words)
    leaves(replace(feed, views=views), log, views.busy, key)  # type: ignore[arg-type]

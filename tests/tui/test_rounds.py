"""When a screen asks: what is quickly answered goes first, and what takes its time rests."""

import asyncio
from typing import Any

import pytest

from orchestrion.tui.screens.session import OVERVIEW_SECONDS, QUESTIONS, Session


async def test_a_session_that_goes_on_is_rolled_up_after_the_new_lines_are_told_and_after_a_rest(
    story: Any, open_dashboard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.team(ended=False)
    rests: list[float] = []
    told: list[tuple[str, ...]] = []
    async with open_dashboard(session="ses_1") as reader:
        screen = reader.app.screen
        assert isinstance(screen, Session)
        rest = screen._rest

        def rested(lane: Any, seconds: float) -> None:
            if lane.slow:
                rests.append(seconds)
            rest(lane, seconds)

        monkeypatch.setattr(screen, "_rest", rested)
        reader.app.on_drawn = lambda message: told.append(tuple(message.answers))
        drawn = 0
        for _ in range(6):
            position = story.call("ses_1/x", "x", "Read")
            while not any("story" in names for names in told[drawn:]) or reader.app.position < position:
                await asyncio.sleep(0.001)
            drawn = len(told)
        await reader.looks()
        agents, calls = reader.column("tree", "name"), reader.column("tree", "tool_calls")
        assert dict(zip((name.split()[-1] for name in agents), calls, strict=True))["x"] == "6"
    slow = [index for index, names in enumerate(told) if set(names) == set(QUESTIONS)]
    assert "story" in told[0], "the quick answer of a growth comes first"
    assert len(slow) < len(told)
    # One timer at a time: not one for each growth that came while it rests.
    assert sum(seconds > OVERVIEW_SECONDS / 10 for seconds in rests) <= len(slow) + 1


async def test_what_takes_its_time_begins_when_what_is_quickly_answered_is_there(
    story: Any, open_dashboard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.team(ended=False)
    async with open_dashboard(session="ses_1") as reader:
        screen = reader.app.screen
        begun: list[tuple[bool, bool]] = []
        begin = screen._begin

        def began(lane: Any, questions: Any, at: Any) -> None:
            begun.append((lane.slow, screen._quick.asking))
            begin(lane, questions, at)

        monkeypatch.setattr(screen, "_begin", began)
        screen._slow._ended = screen._slow._took = 0.0  # it has rested
        story.call("ses_1/x", "x", "Read")
        await reader.looks()
    assert begun[:2] == [(False, False), (True, False)]


async def test_what_the_first_growth_needs_is_learned_before_it_comes(story: Any, open_dashboard: Any) -> None:
    story.team()
    story.team("ses_2")
    async with open_dashboard(session="ses_1") as reader:
        screen = reader.app.screen
        assert screen._witnesses.know("ses_1")
        reader.app.choose("ses_2")
        await reader.looks()
        assert screen._witnesses.know("ses_2")


async def test_once_all_screens_are_made_the_store_is_ready_for_what_comes(
    story: Any, feed: Any, open_dashboard: Any
) -> None:
    story.team()
    settled = asyncio.Event()
    async with open_dashboard(session="ses_1", on_settled=settled.set):
        await asyncio.wait_for(settled.wait(), 60)
        assert feed.views._tables._arrivals._planned >= {"put_acts", "put_often"}

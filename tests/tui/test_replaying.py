"""Stories of somebody who goes back in time: stepping, seeking, playing, and what is shown at a position."""

import random
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrion.domain import events as e
from orchestrion.tui.app import Dashboard
from orchestrion.tui.feed import Feed
from orchestrion.tui.screens.session import Session
from orchestrion.tui.timeline import MARKS, Step, Timeline, played
from orchestrion.tui.widgets.overview import Overview
from orchestrion.tui.widgets.scrubber import Scrubber
from tests.tui.conftest import PATIENCE_SECONDS, Reader

SEED = 7


async def test_a_replay_begins_at_the_first_event_of_its_session(story: Any, open_dashboard: Any) -> None:
    story.team("ses_0")
    first = story.tell(e.SessionStarted, product="orchestrion", request="later")
    story.tell(e.AgentStarted, run="r", agent="a")
    async with open_dashboard(session="ses_1", replay=True) as reader:
        assert isinstance(reader.app.screen, Session)
        assert reader.app.at == first
        assert reader.column("story", "told") == ["▶ session starts: later"]
        assert f"as of {first}" in reader.text()


async def test_stepping_goes_event_by_event_and_back(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(session="ses_1", replay=True) as reader:
        await reader.presses("full_stop", "full_stop")
        assert reader.app.at == 3
        assert reader.column("tree", "name") == ["security-auditor"]
        await reader.presses("comma")
        assert reader.app.at == 2
        assert reader.column("tree", "name") == []


async def test_stepping_by_agent_goes_to_where_another_one_acts(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(session="ses_1", replay=True) as reader:
        steps = {step.position: step.actor for step in reader.app.player.timeline.steps}
        actors = []
        for _ in range(4):
            await reader.presses("right_square_bracket")
            actors.append(steps[reader.app.at])
        assert actors == ["security-auditor", "backend-api-developer", "test-suite-developer", "backend-api-developer"]
        await reader.presses("left_square_bracket")
        assert steps[reader.app.at] == "test-suite-developer"


async def test_the_next_failure_is_one_key_away_and_after_the_last_one_it_stays(
    story: Any, open_dashboard: Any
) -> None:
    story.team()
    async with open_dashboard(session="ses_1", replay=True) as reader:
        await reader.presses("n")
        failure = reader.app.at
        assert reader.column("story", "told")[0] == "✗ test-suite-developer · Bash error in 4.0s"
        await reader.presses("n")
        assert reader.app.at == failure


async def test_a_failure_that_several_witnesses_tell_is_stopped_at_once(story: Any, open_dashboard: Any) -> None:
    story.team()
    told: dict[str, list[int]] = {"agent": [], "tool": []}
    for source in ("hook", "transcript"):
        about: dict[str, Any] = {"run": "ses_1/x", "source": source}
        story.tell(e.ToolCalled, agent="x", call="twice", tool="Bash", **about)
        told["tool"].append(story.tell(e.ToolReturned, call="twice", status="error", **about))
        told["agent"].append(story.tell(e.AgentFailed, agent="x", reason="it broke", **about))
    async with open_dashboard(session="ses_1", replay=True, at=told["tool"][0] - 1) as reader:
        await reader.presses("n")
        assert reader.app.at == told["tool"][0]
        await reader.presses("n")
        assert reader.app.at == told["agent"][0]
        await reader.presses("n")
        assert reader.app.at == told["agent"][0]


async def test_a_failure_that_only_the_second_witness_tells_is_stopped_at_too(story: Any, open_dashboard: Any) -> None:
    story.team()
    about: dict[str, Any] = {"run": "ses_1/x", "call": "twice"}
    story.tell(e.ToolCalled, agent="x", tool="Bash", source="hook", **about)
    first = story.tell(e.ToolReturned, status="ok", source="hook", **about)
    failed = story.tell(e.ToolReturned, status="error", source="transcript", **about)
    async with open_dashboard(session="ses_1", replay=True, at=first) as reader:
        await reader.presses("n")
        assert reader.app.at == failed


async def test_a_position_is_gone_to_by_its_number(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(session="ses_1", replay=True) as reader:
        await reader.presses("g", "1", "0", "enter")
        assert reader.app.at == 10


def said(reader: Any) -> list[str]:
    """The notices on the screen."""
    return [notice.message for notice in reader.app._notifications]


@pytest.mark.parametrize("typed", ["-", "+", "-7", "٣", "1_0"])
async def test_what_is_no_position_cannot_be_typed_as_one(story: Any, open_dashboard: Any, typed: str) -> None:
    story.team()
    async with open_dashboard(session="ses_1", replay=True) as reader:
        await reader.presses("g")
        for letter in typed:
            await reader.pilot.press(letter)
        field = reader.app.focused
        assert field.value == "".join(letter for letter in typed if letter in "0123456789")
        await reader.presses("enter")
        assert reader.app.at == int(field.value or 1)


async def test_a_position_beyond_the_head_is_the_head(story: Any, open_dashboard: Any) -> None:
    story.team(ended=False)
    head = story.log.head()
    async with open_dashboard(session="ses_1", replay=True) as reader:
        await reader.presses("g", *"9" * 15, "enter")
        assert (reader.app.at, reader.app.standing()) == (head, f"‖ as of {head}")
        assert said(reader) == [f"The log ends at position {head}: that is shown."]
        before = reader.column("story", "position")
        assert before[0] == str(head)
        story.tell(e.SessionEnded, status="completed")
        await reader.looks()
        assert reader.column("story", "position") == before
        await reader.presses("g", *str(head + 1), "enter")
        assert reader.column("story", "position") == [str(head + 1), *before]


async def test_a_replay_that_is_to_begin_beyond_the_head_begins_there(story: Any, open_dashboard: Any) -> None:
    story.team(ended=False)
    head = story.log.head()
    async with open_dashboard(session="ses_1", replay=True, at=head + 18) as reader:
        assert reader.app.standing() == f"‖ as of {head}"
        assert said(reader) == [f"The log ends at position {head}: that is shown."]


async def test_a_click_on_the_line_seeks(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(session="ses_1", replay=True) as reader:
        scrubber = reader.app.screen.query_one(Scrubber)
        await reader.pilot.click("Scrubber", offset=(scrubber.size.width // 2, 1))
        await reader.looks()
        total = len(reader.app.player.timeline)
        assert abs(reader.app.player.timeline.index(reader.app.at) - total // 2) <= 2


async def test_playing_comes_to_the_end_and_stops_there(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(session="ses_1", replay=True, speed=1024) as reader:
        await reader.presses("space")
        while reader.app.player.playing:
            await reader.pilot.pause(0.02)
        await reader.looks()
        assert reader.app.at == reader.log.head()
        assert reader.column("story", "told")[0] == "✓ session completed"


async def test_replay_keys_do_nothing_while_the_log_is_followed(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(session="ses_1") as reader:
        await reader.presses("full_stop", "space", "n")
        assert reader.app.at is None


async def test_rewinding_and_coming_back_to_the_living_log(story: Any, open_dashboard: Any) -> None:
    story.team(ended=False)
    async with open_dashboard(session="ses_1") as reader:
        await reader.presses("r")
        assert reader.app.at == 1
        assert len(reader.column("story", "told")) == 1
        await reader.presses("l")
        assert reader.app.at is None
        assert len(reader.column("story", "told")) == 21


async def test_the_log_grows_beneath_a_replay_without_moving_it(story: Any, open_dashboard: Any) -> None:
    story.team(ended=False)
    async with open_dashboard(session="ses_1", replay=True) as reader:
        before = len(reader.app.player.timeline)
        await reader.presses("full_stop")
        shown = reader.app.at
        story.tell(e.SessionEnded, status="completed")
        await reader.looks()
        assert reader.app.at == shown
        assert len(reader.app.player.timeline) == before + 1


SCREENS = {"1": "sessions", "2": "session", "3": "messages", "4": "handoffs", "5": "tools", "6": "patterns"}


def shown(reader: Any) -> dict[str, Any]:
    """Everything the lists and figures of a screen show, but ages, which count from the moment they are looked at."""
    from orchestrion.tui.widgets.figure_lines import FigureLines
    from orchestrion.tui.widgets.grid import Grid

    lists = {
        grid.id: [grid.texts(column.key) for column in grid.columns if column.key != "age"]
        for grid in reader.app.screen.query(Grid)
    }
    return lists | {type(lines).__name__: lines.plain for lines in reader.app.screen.query(FigureLines)}


@pytest.mark.parametrize("upto", [9, pytest.param(5, marks=pytest.mark.slow), pytest.param(17, marks=pytest.mark.slow)])
async def test_a_replay_at_n_shows_what_a_live_watcher_saw_then(
    upto: int, story: Any, open_dashboard: Any, log: Any, tmp_path: Path
) -> None:
    """The live watcher is shown a log that was cut after N; whoever replays sees the whole one."""
    from orchestrion.eventstore import MemoryLog
    from orchestrion.projections import Store
    from orchestrion.tui.app import Dashboard
    from orchestrion.tui.feed import Feed

    story.team()
    cut = MemoryLog()
    for record in log.read(upto=upto):
        cut.observe([_fact(record)])
    past, live = {}, {}
    async with open_dashboard(session="ses_1", replay=True, at=upto) as reader:
        for key, name in SCREENS.items():
            await reader.presses(key)
            past[name] = shown(reader)
    with Store(cut, tmp_path / "cut") as store:
        feed = Feed(store, lambda _sql, _at: None, cut.verify, dict, cut.blob)  # type: ignore[arg-type, return-value]
        async with Dashboard(feed, session="ses_1").run_test(size=(120, 40)) as pilot:
            reader = type(reader)(pilot, cut)
            await reader.looks()
            for key, name in SCREENS.items():
                await reader.presses(key)
                live[name] = shown(reader)
                if name == "session":
                    assert "unknown" in reader.app.screen.query_one(Overview).plain
    cut.close()
    assert past == live


def _fact(record: Any) -> Any:
    from orchestrion.domain.record import Fact

    return Fact(record.stream, record.version, record.event)


def test_silences_are_shortened_and_time_never_runs_backwards() -> None:
    from datetime import datetime, timedelta

    noon = datetime(2026, 1, 1, 12)
    moments = [noon, noon + timedelta(seconds=1), noon - timedelta(hours=1), None, noon + timedelta(hours=5)]
    assert list(played(moments)) == [0, 1, 1, 1, 3]


def test_marks_show_the_weightiest_event_of_each_cell() -> None:
    kinds = ("event", "failure", "message", "event", "handoff", "pattern")
    timeline = Timeline([Step(n + 1, None, "a", kind) for n, kind in enumerate(kinds)])  # type: ignore[arg-type]
    assert timeline.marks(3) == ["failure", "message", "handoff"]
    assert timeline.marks(12).count(None) == 6
    assert [timeline.at_cell(cell, 3) for cell in range(3)] == [1, 3, 5]


class Waiting:
    """Views that tell the answer to the question for the first time line when they are let."""

    def __init__(self, views: Any) -> None:
        self._views, self.free, self._first = views, threading.Event(), True

    def query(self, sql: str, *args: Any, **how: Any) -> Any:
        if "names AS (SELECT run" in sql and self._first:
            self._first = False
            answer = self._views.query(sql, *args, **how)
            assert self.free.wait(PATIENCE_SECONDS)
            return answer
        return self._views.query(sql, *args, **how)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._views, name)


@asynccontextmanager
async def waiting(feed: Feed, log: Any) -> AsyncIterator[tuple[Reader, Callable[[], Any]]]:
    """A reader of `ses_1` whose first time line comes when it is let, or when he is done: then he looks once more."""
    views = Waiting(feed.views)
    app = Dashboard(replace(feed, views=views), session="ses_1")  # type: ignore[arg-type]

    async def let() -> None:
        views.free.set()
        await reader.looks()

    async with app.run_test(size=(100, 30)) as pilot:
        reader = await Reader(pilot, log).looks()
        try:
            yield reader, let
        finally:
            views.free.set()


async def comes(reader: Reader, position: int) -> None:
    """Until the dashboard has heard of that position."""
    while reader.app.position < position:
        await reader.pilot.pause(0.01)


async def test_a_replay_begins_of_the_session_that_was_chosen_while_another_one_s_time_line_was_read(
    story: Any, feed: Feed, log: Any
) -> None:
    story.team("ses_1", ended=False)
    story.team("ses_2", ended=False)
    async with waiting(feed, log) as (reader, let):
        app, press, pause = reader.app, reader.pilot.press, reader.pilot.pause
        await press("r", "1")
        while not (app.screen.query("#sessions") and reader.grid("sessions").count == 2):
            await pause(0.01)
        while reader.grid("sessions").pointed["session"] != "ses_2":
            await press("down" if reader.grid("sessions").row == 0 else "up")
        await press("enter", "r")
        while app.player.timeline is None:
            await pause(0.01)
        await let()
        first = story.log.head() // 2 + 1
        assert app.at == first
        assert "‖ as of" in reader.text()
        assert app.player.timeline.steps[0].position == first


async def test_a_time_line_that_comes_after_its_replay_was_left_does_not_begin_it_anew(
    story: Any, open_dashboard: Any
) -> None:
    story.team(ended=False)
    async with open_dashboard(session="ses_1", replay=True) as reader:
        reader.app.load_timeline()
        await reader.presses("l")
        assert reader.app.at is None
        assert reader.app.player.timeline is None


def test_a_line_of_any_length_has_each_mark_in_the_cell_in_which_its_step_is_drawn() -> None:
    chance = random.Random(SEED)  # noqa: S311 - seeded, no secret
    for _ in range(200):
        width, long = chance.randint(1, 40), chance.randint(1, 120)
        steps = [Step(2 * n, None, "a", chance.choice(list(MARKS))) for n in range(long)]
        timeline, order = Timeline(steps), list(MARKS)
        cells = [timeline.cell(n, width) for n in range(long)]
        for cell, mark in enumerate(timeline.marks(width)):
            its = [step.mark for step, where in zip(steps, cells, strict=True) if where == cell]
            assert mark == min(its, key=order.index, default=None)
            first = next((n for n, where in enumerate(cells) if where >= cell), long - 1)
            assert timeline.at_cell(cell, width) == steps[first].position
    assert Timeline([]).marks(2) == [None, None]


def test_to_draw_a_line_takes_no_more_for_ten_times_as_many_events() -> None:
    """All steps were looked at for each step of a replay, and for each click on its line."""

    def looks(events: int) -> int:
        """Functions called, Python's and C's, to draw a line and find places on it."""
        timeline = Timeline([Step(n, None, "a", "failure" if n % 100 == 50 else "event") for n in range(events)])
        called = 0

        def count(_: object, what: str, __: object) -> None:
            nonlocal called
            called += what in {"call", "c_call"}

        sys.setprofile(count)
        try:
            timeline.marks(200)
            timeline.at_cell(199, 200)
            timeline.failure(1, 1)
        finally:
            sys.setprofile(None)
        return called

    assert 200 < looks(60_000) <= looks(6_000) + 10


async def test_what_comes_while_a_time_line_is_read_is_on_it_too(story: Any, feed: Feed, log: Any) -> None:
    story.team(ended=False)
    async with waiting(feed, log) as (reader, let):
        await reader.pilot.press("r")
        last = story.call("ses_1/x", "x", "Read")
        await comes(reader, last)
        await let()
        assert reader.app.player.timeline.steps[-1].position == last


async def test_no_replay_begins_of_a_session_that_was_chosen_while_another_one_s_time_line_was_read(
    story: Any, feed: Feed, log: Any
) -> None:
    story.team("ses_1", ended=False)
    story.team("ses_2", ended=False)
    async with waiting(feed, log) as (reader, let):
        await reader.pilot.press("r")
        reader.app.choose("ses_2")
        await comes(reader, story.call("ses_2/x", "x", "Read", session="ses_2"))
        await let()
        assert (reader.app.session, reader.app.at, reader.app.player.timeline) == ("ses_2", None, None)

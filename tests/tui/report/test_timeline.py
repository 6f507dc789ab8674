"""The time line puts things where they happened, and folds what would push everything else out of sight."""

from datetime import datetime, timedelta
from types import ModuleType

import pytest

from orchestrion.domain import events as e
from orchestrion.eventstore import MemoryLog
from orchestrion.projections import Store
from orchestrion.tui.report import Report, build
from orchestrion.tui.report.layout import GUTTER, MAX_BARS, RIGHT_MARGIN, WIDTH
from orchestrion.tui.report.timescale import BREAK_WIDTH, TimeScale

START = datetime(2026, 1, 30, 10, 0)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_times_lie_in_proportion_between_the_ends() -> None:
    scale = TimeScale([(at(0), at(100))], left=10, width=1000)
    assert [scale.place(at(second)) for second in (-5, 0, 25, 100, 500)] == [10, 10, 260, 1010, 1010]


def test_a_long_idle_stretch_is_folded_and_order_is_kept() -> None:
    scale = TimeScale([(at(0), at(50)), (at(7200), at(7250))], left=0, width=1000)
    assert [piece.idle for piece in scale.pieces] == [False, True, False]
    assert scale.pieces[1].width == BREAK_WIDTH
    places = [scale.place(at(second)) for second in (0, 10, 50, 3600, 7200, 7250)]
    assert places == sorted(places)
    assert places[2] == pytest.approx((1000 - BREAK_WIDTH) / 2)


def test_a_session_of_a_single_moment_has_a_place() -> None:
    scale = TimeScale([(at(0), at(0))], left=5, width=100)
    assert scale.place(at(0)) == 5
    assert len(scale.ticks()) == 1


def test_nothing_at_all_has_no_ticks() -> None:
    assert TimeScale([], left=0, width=100).ticks() == []


@pytest.mark.parametrize("seconds", [0.4, 7, 60, 3600, 90000, 3_000_000])
def test_there_are_a_few_round_ticks_whatever_the_length(seconds: float) -> None:
    ticks = TimeScale([(at(3.7), at(3.7 + seconds))], left=0, width=1000).ticks()
    assert 1 <= len(ticks) <= 40
    assert [x for x, _ in ticks] == sorted(x for x, _ in ticks)


def played(log: MemoryLog, store: Store) -> Report:
    store.catch_up()
    return build(store, "ses_play")


def test_everything_drawn_lies_within_the_picture(log: MemoryLog, store: Store, stage: ModuleType) -> None:
    for _ in stage.story(stage.Play(log)):
        pass
    layout = played(log, store).timeline
    assert layout.left_out == 0
    for bar in layout.bars:
        assert GUTTER <= bar.x <= bar.x + bar.width <= WIDTH - RIGHT_MARGIN + 0.2
        assert 0 < bar.y < layout.height


def test_people_who_speak_get_lanes_of_their_own(log: MemoryLog, store: Store, stage: ModuleType) -> None:
    play = stage.Play(log)
    play.begin()
    play.run("agent", 0, 5)
    play.say("human", "agent", "prompt", 1, run=None)
    assert [lane.label for lane in played(log, store).timeline.lanes] == ["human", "agent"]


def test_what_is_too_much_to_draw_is_counted(log: MemoryLog, store: Store, stage: ModuleType) -> None:
    play = stage.Play(None)
    play.begin()
    play.run("agent", 0, 5)
    for number in range(MAX_BARS + 10):
        play.call("agent", "Read", number, None, params={"n": number})
    log.observe([stage.witnessed(event) for event in play.events])
    layout = played(log, store).timeline
    assert len(layout.bars) == MAX_BARS
    assert layout.left_out == 10


def test_a_call_of_an_unknown_run_is_counted_and_not_drawn(log: MemoryLog, store: Store, stage: ModuleType) -> None:
    play = stage.Play(log)
    play.begin()
    play.call("agent", "Read", 1, None, run=None)
    report = played(log, store)
    assert report.metrics["tool_calls"].value == 1
    assert report.timeline.left_out == 1


def test_of_two_runs_of_an_agent_the_one_that_got_the_message_is_pointed_at(
    log: MemoryLog, store: Store, stage: ModuleType
) -> None:
    play = stage.Play(log)
    play.begin()
    play.run("asker", 0, 9)
    play.add(e.AgentStarted, 1, "checker", run="first")
    play.add(e.AgentStarted, 5, "checker", run="second")
    play.say("asker", "checker", "warning", 2, name="m", payload={"warning": "x"})
    play.add(e.MessageDelivered, 6, "checker", run="second", message="m", recipient="checker")
    layout = played(log, store).timeline
    heights = [lane.y for lane in layout.lanes]
    assert [lane.label for lane in layout.lanes] == ["asker", "checker", "checker"]
    assert f"M{layout.arrows[0].path[1:].split()[0]} {heights[0]:.1f}" in layout.arrows[0].path
    assert f" {heights[2]:.1f}L" in layout.arrows[0].path, "the head lies in the third lane"

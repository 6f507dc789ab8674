"""Stories of figures outside of lists: pointed at by keys and mouse, opened, never cut without a word."""

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from textual.events import MouseScrollDown

from orchestrion import tui
from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log
from orchestrion.projections import Store
from orchestrion.tui.app import Dashboard
from orchestrion.tui.feed import Feed
from orchestrion.tui.screens.evidence import EventList
from orchestrion.tui.screens.help import Help
from orchestrion.tui.screens.opened import OpenedEvent
from orchestrion.tui.screens.sessions import Sessions
from orchestrion.tui.widgets.fields import Editor
from orchestrion.tui.widgets.figure_lines import FigureLines
from orchestrion.tui.widgets.flow import MOST_LANES, FlowPicture
from orchestrion.tui.widgets.frame import Entry, fitting
from orchestrion.tui.widgets.overview import Overview
from tests.tui.conftest import NOON, PATIENCE_SECONDS, Reader

SMALL = (80, 24)
NAMES = (
    "status", "request", "source", "began", "parallel", "at once", "MCP", "calls", "failed", "response", "p95",
    "expected", "tokens in", "out", "cache", "tokens over time", "cost", "approvals", "phases", "phase 1", "phase 2",
)  # fmt: skip


async def points_at(reader: Reader, name: str) -> None:
    """Go to a figure by keys alone."""
    await reader.presses("home")
    lines = reader.app.focused
    assert isinstance(lines, FigureLines)
    while lines.pointed is not None and lines.pointed.figure.name != name:
        before = lines.pointed
        await reader.pilot.press("right")
        assert lines.pointed != before, f"{name} is not reached"


async def click(reader: Reader, lines: FigureLines, name: str) -> None:
    spot = next(spot for spot in lines.spots if spot.figure.name == name)
    padding = lines.styles.padding
    x = padding.left + spot.first - lines.scroll_offset.x + (spot.end - spot.first) // 2
    await reader.pilot.click(lines, offset=(x, padding.top + spot.line - lines.scroll_offset.y))
    await reader.looks()


@pytest.mark.parametrize("size", [SMALL, pytest.param((200, 60), marks=pytest.mark.slow)])
async def test_every_figure_of_a_session_is_reached_by_keys_and_opens_its_events(
    story: Any, open_dashboard: Any, size: tuple[int, int]
) -> None:
    story.team()
    story.team("ses_2")
    kinds = {
        "calls": ["tool.called", "tool.returned"] * 5,
        "failed": ["tool.called", "tool.returned"],
        "MCP": ["tool.called", "tool.returned"],
        "tokens in": ["usage.recorded"],
        "tokens over time": ["usage.recorded"],
        "cost": ["usage.recorded"],
        "approvals": [],
        "expected": [],
        "phase 1": ["plan.made", "agent.started", "agent.completed"],
        "phase 2": ["plan.made", "agent.started", "agent.started", "agent.completed", "agent.completed"],
        "request": ["session.started"],
    }
    async with open_dashboard(session="ses_1", size=size) as reader:
        await reader.presses("shift+tab")
        overview = reader.app.focused
        assert isinstance(overview, Overview)
        assert {spot.figure.name for spot in overview.spots} == set(NAMES)
        for name in NAMES:
            await points_at(reader, name)
            await reader.presses("enter")
            assert isinstance(reader.app.screen, EventList), name
            found = reader.column("events", "kind")
            assert found == kinds.get(name, found), name
            assert found or kinds.get(name) == [], name
            assert all(row["session"] == "ses_1" for row in reader.grid("events").answered.dicts())
            await reader.presses("escape")
            assert reader.app.focused is overview


async def test_a_click_on_a_figure_opens_its_events_and_one_beside_it_does_not(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(session="ses_1", size=SMALL) as reader:
        overview = reader.app.screen.query_one(Overview)
        await reader.pilot.click(overview, offset=(overview.size.width, 0))
        await reader.looks()
        assert not isinstance(reader.app.screen, EventList)
        await click(reader, overview, "failed")
        assert reader.column("events", "kind") == ["tool.called", "tool.returned"]
        assert "2 events behind: failed calls" in reader.text()


async def test_an_arrow_opens_the_messages_of_its_pair(story: Any, open_dashboard: Any) -> None:
    story.team()
    story.team("ses_2")
    for number in range(3):
        story.tell(
            e.MessageSent, message=f"m{number}", sender="tester", recipient="security-auditor", type="context_share"
        )
    async with open_dashboard(session="ses_1", size=SMALL) as reader:
        await reader.presses("3", "shift+tab")
        assert isinstance(reader.app.focused, FlowPicture)
        await reader.presses("enter")
        assert "3 events behind: tester → security-auditor" in reader.text()
        assert reader.column("events", "kind") == ["message.sent"] * 3
        await reader.presses("enter")
        assert isinstance(reader.app.screen, OpenedEvent)
        await reader.presses("escape", "escape", "down", "e")
        assert reader.grid("events").count == 1
        await reader.presses("escape", "a")
        await click(reader, reader.app.screen.query_one(FlowPicture), "security-auditor\x1fbackend-api-developer")
        assert {row["session"] for row in reader.grid("events").answered.dicts()} == {"ses_1", "ses_2"}


async def test_health_opens_the_events_behind_its_figures(story: Any, open_dashboard: Any) -> None:
    story.team()
    last = story.tell(e.SessionStarted, session="ses_2", product="claude-code")
    async with open_dashboard(size=SMALL) as reader:
        await reader.presses("8", "shift+tab")
        for name, positions in (
            ("events", [str(number + 1) for number in range(last)]),
            ("sessions", ["1", str(last)]),
            ("position of the log", [str(last)]),
            ("projected to", [str(last)]),
            ("projection lag", []),
            ("dead letters", []),
            ("last recorded", [str(last)]),
        ):
            await points_at(reader, name)
            await reader.presses("enter")
            assert reader.column("events", "position") == positions, name
            await reader.presses("escape")
        await points_at(reader, "home")
        await reader.presses("enter")
        assert not isinstance(reader.app.screen, EventList)
        assert [notice.message for notice in reader.app._notifications] == [
            "home stands in no event: it is looked up beside the log."
        ]
        await click(reader, reader.app.screen.query_one(FigureLines), "sessions")
        assert isinstance(reader.app.screen, EventList)


async def test_health_opens_what_cannot_be_read_with_its_reason_and_breaks_long_facts_into_lines(
    tmp_path: Path,
) -> None:
    """An event of a kind that a later version may write, put into the file beside our door: it breaks the chain too."""
    with open_log(tmp_path / "home") as log:
        log.observe([witnessed(e.SessionStarted(source="hook", session="s", product="claude-code", happened_at=NOON))])
        with closing(sqlite3.connect(tmp_path / "home" / "log.db")) as file, file:
            file.execute(
                "INSERT INTO stored_events"
                " (position, originator_id, originator_version, topic, state, recorded_at, chain)"
                " VALUES (2, 'odd', 1, 'future.kind', x'7b7d', '2026-03-01T12:00:00.000000+00:00', x'00')"
            )
        with Store(log, tmp_path / "projections") as store:
            house = {"position": log.head(), "home": "/a/folder/far/down" * 9 + "/the end"}
            feed = Feed(store, lambda _sql, _at: None, log.verify, lambda: house, log.blob)  # type: ignore[arg-type, return-value]
            async with Dashboard(feed).run_test(size=SMALL) as pilot:
                reader = await Reader(pilot, log).looks()
                await reader.presses("8", "V", "shift+tab")
                assert "dead letters         1" in reader.text()
                assert "/the end" in reader.text()
                assert "first at 2" in reader.text()
                await points_at(reader, "dead letters")
                await reader.presses("enter")
                assert reader.column("events", "kind") == ["future.kind"]
                assert "unknown kind" in reader.column("events", "told")[0]
                await reader.presses("enter")
                assert isinstance(reader.app.screen, EventList)


async def test_a_flow_of_many_is_scrolled_to_its_last_arrow_and_its_last_lane(story: Any, open_dashboard: Any) -> None:
    for number in range(14):
        for _ in range(14 - number):
            story.calls += 1
            story.tell(
                e.MessageSent, message=f"m{story.calls}", sender=f"agent-{number}", recipient=f"agent-{number + 1}",
                type="context_share",
            )  # fmt: skip
    async with open_dashboard(session="ses_1", size=SMALL) as reader:
        await reader.presses("3")
        shown = reader.text()
        assert "agent-1" in shown
        assert "9 more ›" in shown
        assert "▼ 7 more" in shown
        assert "agent-14" not in shown.splitlines()[2]
        await reader.presses("shift+tab", "end")
        shown = reader.text()
        assert "agent-14" in shown.splitlines()[2]
        assert "‹ 8 more" in shown
        assert "▲ 7 more" in shown
        await reader.presses("enter")
        assert "1 events behind: agent-13 → agent-14" in reader.text()
        await reader.presses("escape", "home")
        assert "▼ 7 more" in reader.text()


async def test_whoever_has_no_lane_is_summed_up_in_a_line_that_opens_too(story: Any, open_dashboard: Any) -> None:
    for number in range(MOST_LANES + 3):
        story.tell(e.MessageSent, message=f"m{number}", sender=f"a{number}", recipient="all", type="context_share")
    async with open_dashboard(session="ses_1") as reader:
        await reader.presses("3", "shift+tab", "end")
        assert "and 4 messages of others" in reader.text()
        await reader.presses("enter")
        assert reader.grid("events").count == 4


async def test_a_plan_of_many_phases_is_reached_whole_in_a_small_terminal(story: Any, open_dashboard: Any) -> None:
    agents = [f"agent-{number}" for number in range(30)]
    story.tell(e.SessionStarted, product="orchestrion", request="a request that is far longer than a line " * 3)
    story.tell(
        e.PlanMade, request="x", planner="words", phases=tuple((agent,) for agent in agents),
        tasks=tuple(e.PlannedTask(id=agent, agent=agent, task="do") for agent in agents),
    )  # fmt: skip
    async with open_dashboard(session="ses_1", size=SMALL) as reader:
        shown = reader.text()
        assert "approvals none" in shown
        assert "0% of 30 tasks" in shown
        assert "more" in shown
        await reader.presses("shift+tab")
        await points_at(reader, "phase 30")
        assert "30 ░░░ 0/1" in reader.text()
        await reader.presses("end")
        assert "began 2026-03-01" in reader.text()


async def test_titles_say_that_more_columns_are_that_way_beside_a_scroll_bar_too(
    story: Any, open_dashboard: Any
) -> None:
    for number in range(30):
        story.tell(e.AgentStarted, run=f"r{number}", agent=f"agent-{number}", task="a task of some length " * 3)
    async with open_dashboard(session="ses_1", size=SMALL) as reader:
        head = next(line for line in reader.text().splitlines() if line.startswith("Agent"))
        assert "›" in head
        await reader.goes_to("tree", "task")
        assert next(line for line in reader.text().splitlines() if "Task" in line).startswith("‹")


@pytest.mark.parametrize("size", [SMALL, (60, 20), (200, 60)])
async def test_the_line_of_keys_ends_with_whole_words_and_counts_what_has_no_room(
    story: Any, open_dashboard: Any, size: tuple[int, int]
) -> None:
    story.team()
    async with open_dashboard(session="ses_1", replay=True, size=size) as reader:
        keys = reader.text().splitlines()[-1].rstrip()
        if size[0] == 200:
            assert keys.endswith("Palette")
            assert "q Quit" in keys
        else:
            assert "? Help +" in keys
            left_out = int(keys.rsplit("+", 1)[1])
            await reader.pilot.click("Keys", offset=(len(keys) - 2, 0))
            await reader.pilot.pause()
            assert left_out >= 3
            assert isinstance(reader.app.screen, Help)


def test_keys_are_left_out_from_the_last_on_and_the_help_stays() -> None:
    keys = [Entry("a", "Aaa", "a"), Entry("b", "Bbb", "b"), Entry("?", "Help", "help"), Entry("c", "Ccc", "c")]
    assert fitting(keys, 29) == keys
    assert fitting(keys, 28) == [*keys[:2], Entry("?", "Help +1", "help")]
    assert fitting(keys, 20) == [keys[0], Entry("?", "Help +2", "help")]
    assert fitting(keys, 5) == [keys[2]]


OPENED = {
    "a pattern": (("6",), "confidence", ["pattern.discovered"]),
    "a run": (("2",), "tool_calls", ["tool.called", "tool.returned"] * 2),
    "a call": (("5", "tab", "tab"), "duration_ms", ["tool.called", "tool.returned"]),
}


@pytest.mark.parametrize(("keys", "name", "kinds"), OPENED.values(), ids=OPENED.keys())
async def test_a_figure_of_what_is_opened_opens_its_events(
    story: Any, open_dashboard: Any, keys: tuple[str, ...], name: str, kinds: list[str]
) -> None:
    story.team()
    async with open_dashboard(size=(120, 60), session="ses_1") as reader:
        await reader.presses(*keys, "enter", "tab")
        await points_at(reader, name)
        await reader.presses("enter")
        assert isinstance(reader.app.screen, EventList)
        assert reader.column("events", "kind") == kinds


async def test_the_positions_that_a_pattern_rests_on_open_their_events(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(size=(120, 60), session="ses_1") as reader:
        await reader.presses("6", "enter", "tab", "tab", "right", "e")
        assert reader.column("events", "position") == ["4"]
        await reader.presses("escape")
        await click(reader, reader.app.screen.query(FigureLines).last(), "3")
        assert reader.column("events", "position") == ["3"]
        await reader.presses("enter")
        assert isinstance(reader.app.screen, OpenedEvent)


async def clicks_key(reader: Any, word: str) -> None:
    """Click on a word of the last line."""
    await reader.pilot.click(offset=(reader.text().splitlines()[-1].index(word), reader.app.size.height - 1))
    await reader.looks()


async def test_the_mouse_opens_and_closes_the_help(open_dashboard: Any) -> None:
    async with open_dashboard(size=(120, 30)) as reader:
        await clicks_key(reader, "Help")
        assert isinstance(reader.app.screen, Help)
        await clicks_key(reader, "Close")
        assert isinstance(reader.app.screen, Sessions)


async def test_the_mouse_answers_a_prompt_or_closes_it(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(size=(120, 30), session="ses_1", replay=True) as reader:
        for word, at in (("Cancel", 1), ("OK", 7)):
            await clicks_key(reader, "Go to")
            await reader.presses("7")
            await clicks_key(reader, word)
            assert reader.app.at == at
        await reader.presses("g", "9", "escape")
        assert reader.app.at == 7


async def test_the_editor_names_the_way_out_after_which_digits_go_from_screen_to_screen(open_dashboard: Any) -> None:
    async with open_dashboard(size=(120, 30)) as reader:
        for leave in (lambda: reader.presses("escape"), lambda: clicks_key(reader, "esc Leave")):
            await reader.presses("7")
            reader.app.screen.query_one(Editor).focus()
            await reader.presses("1")
            assert "esc Leave" in reader.text().splitlines()[-1]
            await leave()
            assert "esc Leave" not in reader.text().splitlines()[-1]
            await reader.presses("1")
            assert isinstance(reader.app.screen, Sessions)


def test_every_key_of_ours_stands_in_the_table() -> None:
    """Textual's own fields and lists have keys of theirs; what we add to them is told by the help."""
    for file in Path(tui.__file__).parent.rglob("*.py"):
        assert file.name == "actions.py" or not re.search(r"\bBinding\(", file.read_text("utf-8")), file


async def test_a_click_on_a_key_does_what_the_key_does(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(session="ses_1") as reader:

        async def clicks(word: str) -> None:
            await reader.pilot.click("Keys", offset=(reader.text().splitlines()[-1].index(word), 0))
            await reader.looks()

        await reader.presses("5")
        await clicks("Failures")
        assert reader.column("calls", "status") == ["error"]
        await clicks("Replay")
        assert reader.app.at == 1
        await clicks("Step")
        assert reader.app.at == 2
        await clicks("Open")
        await clicks("Help")
        assert isinstance(reader.app.screen, Help)


async def test_the_palette_does_what_the_keys_do_wherever_the_focus_is(story: Any, open_dashboard: Any) -> None:
    story.team("ses_1")
    story.team("ses_2")
    async with open_dashboard(session="ses_1") as reader:
        await reader.presses("5")
        for title in ("All/one", "Failures", "Theme"):
            command = next(it for it in reader.app.get_system_commands(reader.app.screen) if it.title == title)
            await command.callback()
            await reader.looks()
        assert reader.column("calls", "status") == ["error"] * 2
        assert reader.app.theme == "orchestrion-light"


async def test_the_wheel_scrolls_what_has_no_room(story: Any, open_dashboard: Any) -> None:
    for number in range(20):
        story.tell(e.MessageSent, message=f"m{number}", sender="a", recipient=f"b{number}", type="context_share")
    async with open_dashboard(session="ses_1", size=SMALL) as reader:
        await reader.presses("3")
        flow = reader.app.screen.query_one(FlowPicture)
        wheel = {"widget": flow, "x": 5, "y": 2, "delta_x": 0, "delta_y": 1, "button": 0}
        quiet = dict.fromkeys(("shift", "meta", "ctrl"), False)
        flow.post_message(MouseScrollDown(**wheel, **quiet))
        await reader.pilot.pause(0.5)
        assert flow.scroll_offset.y > 0
        assert "▲" in reader.text()


async def test_the_help_tells_of_figures_and_how_to_come_to_them_and_keeps_its_columns(
    story: Any, open_dashboard: Any
) -> None:
    async with open_dashboard(size=SMALL) as reader:
        await reader.presses("question_mark", "pagedown")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "before." not in reader.text():  # it glides there
                await reader.pilot.pause(0.02)
        lines = reader.text().splitlines()
        first = next(number for number, line in enumerate(lines) if "shift+tab" in line)
        assert lines[first].index("Back to the list") == lines[first + 1].index("before.")
    async with open_dashboard(size=(120, 100)) as reader:
        await reader.presses("question_mark")
        assert "Among figures" in reader.text()
        assert "On to the next list, or the figures above it." in reader.text()

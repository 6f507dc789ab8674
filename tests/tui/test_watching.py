"""Stories of somebody who watches, driven by keys, on given logs."""

import asyncio
from typing import Any

from orchestrion.domain import events as e
from orchestrion.tui.screens.evidence import EventList
from orchestrion.tui.screens.looks import AHEAD
from orchestrion.tui.screens.opened import OpenedCall, OpenedEvent, OpenedHandoff, OpenedMessage, OpenedRun
from orchestrion.tui.screens.session import Session
from orchestrion.tui.widgets.flow import FlowPicture
from orchestrion.tui.widgets.grid import Grid
from orchestrion.tui.widgets.overview import Overview


async def test_live_sessions_stand_before_those_that_ended(story: Any, open_dashboard: Any) -> None:
    story.team("ses_live", ended=False)
    story.team("ses_over")
    async with open_dashboard() as reader:
        assert reader.column("sessions", "session") == ["ses_live", "ses_over"]
        assert reader.column("sessions", "status") == ["running", "completed"]
        assert reader.column("sessions", "tokens") == ["1.5k", "1.5k"]


async def test_what_nobody_recorded_is_unknown_and_never_zero(story: Any, open_dashboard: Any) -> None:
    story.tell(e.SessionStarted, product="claude-code", source="transcript")
    async with open_dashboard(session="ses_1") as reader:
        overview = reader.app.screen.query_one(Overview).plain
        assert "cost unknown" in overview
        assert "approvals unknown" in overview
        assert "MCP unknown" in overview
        assert "response unknown" in overview
        await reader.presses("1")
        assert reader.column("sessions", "cost") == ["unknown"]
        assert reader.column("sessions", "request") == ["unknown"]


async def test_money_is_summed_over_a_run_and_all_below_it_and_says_when_a_price_is_missing(
    story: Any, open_dashboard: Any
) -> None:
    story.tell(e.SessionStarted, product="claude-code", source="transcript")
    for run, parent, model in (
        ("main", None, "claude-opus-4-5"),
        ("sub", "main", "claude-haiku-4-5"),
        ("x", "main", "?"),
    ):
        story.tell(e.AgentStarted, run=run, agent=run, parent_run=parent)
        story.tell(e.UsageRecorded, run=run, request_id=run, model=model, input_tokens=1_000_000)
    async with open_dashboard(session="ses_1") as reader:
        assert "cost ≥ $6.00" in reader.app.screen.query_one(Overview).plain
        assert reader.column("tree", "cost") == ["≥ $6.00", "$1.00", "unknown"]
        await reader.presses("1")
        assert reader.column("sessions", "cost") == ["≥ $6.00"]
        await reader.goes_to("sessions", "cost")
        await reader.presses("enter")
        assert reader.column("events", "kind") == ["usage.recorded"] * 3


async def test_calls_that_wait_for_a_persons_word_are_counted(story: Any, open_dashboard: Any) -> None:
    story.team(ended=False)
    run, agent = "ses_1/backend-api-developer-1", "backend-api-developer"
    for number in (1, 2):
        story.tell(
            e.ApprovalRequested, run=run, agent=agent, approval=f"ask_{number}", tool="run_command",
            params={"command": ["make", "install"]},
        )  # fmt: skip
    story.tell(e.ApprovalGiven, source="user", approval="ask_1", verdict="denied", by="eva", reason="not here")
    async with open_dashboard(session="ses_1") as reader:
        assert "approvals 2, 1 waiting" in reader.app.screen.query_one(Overview).plain
        told = reader.column("story", "told")
        assert told[0] == "✗ denied by eva: not here"
        assert told[1] == f"▲ {agent} asks leave for run_command $ make install"


async def test_a_log_without_sessions_says_how_to_begin(open_dashboard: Any) -> None:
    async with open_dashboard() as reader:
        assert "No session is in the log yet" in reader.text()


async def test_rows_follow_the_log_while_it_grows(story: Any, open_dashboard: Any) -> None:
    story.team("ses_1", ended=False)
    async with open_dashboard() as reader:
        assert reader.column("sessions", "status") == ["running"]
        story.tell(e.SessionEnded, status="failed")
        await reader.looks()
        assert reader.column("sessions", "status") == ["failed"]


async def test_a_search_finds_requests_messages_and_tool_parameters(story: Any, open_dashboard: Any) -> None:
    story.team("ses_1")
    story.tell(e.SessionStarted, session="ses_2", product="orchestrion", request="Paint the BIKESHED")
    story.call("ses_3/a", "a", "Bash", session="ses_3", params={"command": "make zebra"})
    async with open_dashboard() as reader:
        for typed, found in (
            ("bikeshed", ["ses_2"]),
            ("zebra", ["ses_3"]),
            ("organization", ["ses_1"]),
            ("nowhere", []),
        ):
            await reader.presses("slash", *typed)
            assert reader.column("sessions", "session") == found, typed
            assert f"with “{typed}”" in reader.text()
            await reader.presses("enter", "escape")
            assert len(reader.column("sessions", "session")) == 3


async def test_only_live_sessions_are_shown_when_asked_for(story: Any, open_dashboard: Any) -> None:
    story.team("ses_live", ended=False)
    story.team("ses_over")
    async with open_dashboard() as reader:
        await reader.presses("v")
        assert reader.column("sessions", "session") == ["ses_live"]


async def test_a_session_opens_with_its_tree_of_runs_rolled_up(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard() as reader:
        await reader.presses("enter")
        assert isinstance(reader.app.screen, Session)
        names = ["security-auditor", "├ backend-api-developer", "└ test-suite-developer"]
        assert reader.column("tree", "name") == names
        assert reader.column("tree", "tool_calls") == ["5", "1", "2"]
        assert reader.column("tree", "tokens") == ["1.5k", "unknown", "unknown"]
        assert reader.column("tree", "took") == ["9.0s", "8.0s", "12.0s"]


async def test_how_long_a_run_took_is_its_own_and_so_far_while_it_runs(story: Any, open_dashboard: Any) -> None:
    story.tell(e.SessionStarted, product="orchestrion", request="x")
    story.tell(e.AgentStarted, run="main", agent="main")
    story.tell(e.AgentStarted, run="sub", agent="sub", parent_run="main", seconds=5)
    story.tell(e.ToolCalled, run="sub", agent="sub", call="c", tool="Read", params={}, seconds=70)

    async def rests_on(reader: Any, row: int) -> list[str]:
        await reader.goes_to("tree", "took", row)
        await reader.presses("enter")
        kinds = reader.column("events", "kind")
        await reader.presses("escape")
        return list(kinds)

    async with open_dashboard(session="ses_1") as reader:
        assert reader.column("tree", "took") == ["≥ 1m15s", "≥ 1m10s"]
        assert await rests_on(reader, 0) == ["agent.started", "tool.called"]
        story.tell(e.AgentCompleted, run="sub", agent="sub", duration_ms=72_000, seconds=2)
        await reader.looks()
        assert reader.column("tree", "took") == ["≥ 1m17s", "1m12s"]
        assert await rests_on(reader, 1) == ["agent.started", "agent.completed"]
        story.tell(e.AgentCompleted, run="main", agent="main", duration_ms=78_000)
        await reader.looks()
        assert reader.column("tree", "took") == ["1m18s", "1m12s"]
        assert await rests_on(reader, 0) == ["agent.started", "agent.completed"]
        await reader.presses("r", "full_stop", "full_stop")
        assert reader.column("tree", "took") == ["≥ 5.0s", "≥ 0ms"]


async def test_what_was_expected_of_a_session_and_of_a_run_is_shown_with_what_it_rests_on(
    story: Any, open_dashboard: Any
) -> None:
    story.team("ses_0")
    story.tell(e.SessionStarted, product="orchestrion", request="x")
    story.tell(e.AgentStarted, run="main", agent="main")
    async with open_dashboard(session="ses_1", size=(160, 50)) as reader:
        assert "expected unknown" in reader.app.screen.query_one(Overview).plain
        await reader.goes_to("tree", "name")
        await reader.presses("enter")
        assert "Expected before it ran" in reader.text()
        assert "unknown: no estimate of it is in the log." in reader.text()
        await reader.presses("escape")
        first = story.tell(e.EstimateMade, subject="ses_1", duration_ms_low=60_000, duration_ms=80_000,
                           duration_ms_high=120_000, evidence=(3, 9))  # fmt: skip
        story.tell(e.EstimateMade, subject="main", run="main", agent="main", duration_ms_low=1_000, duration_ms=2_500,
                   duration_ms_high=4_000, tokens=1_500, chance=0.75, evidence=(4, 5))  # fmt: skip
        await reader.looks()
        assert "expected 1m20s (1m00s to 2m00s)" in reader.app.screen.query_one(Overview).plain
        await reader.presses("shift+tab", *["right"] * 11)
        figure = reader.app.focused.pointed.figure
        assert figure.name == "expected"
        await reader.presses("enter")
        assert reader.column("events", "position") == ["3", "9", str(first)]
        await reader.presses("escape")
        await reader.goes_to("tree", "name")
        await reader.presses("enter")
        shown = reader.text()
        for fact in ("2.5s (1.0s to 4.0s)", "1.5k", "75%", "4, 5", f"{first + 1:,}"):
            assert fact in shown, fact
        await reader.presses("tab", "tab", "enter")
        assert reader.column("events", "position") == [str(first + 1)]
        await reader.presses("escape", "right", "enter")
        assert reader.column("events", "position") == ["4", "5"]


async def test_an_imported_run_took_from_the_first_to_the_last_that_is_known_of_it(
    story: Any, open_dashboard: Any
) -> None:
    story.tell(e.SessionStarted, product="claude-code", source="transcript")
    for seconds in (1, 10, 20):
        story.tell(e.ToolCalled, source="transcript", run="r", agent="a", call=f"c{seconds}", tool="Read", params={},
                   seconds=seconds)  # fmt: skip
    async with open_dashboard(session="ses_1") as reader:
        assert reader.column("tree", "took") == ["30.0s"]
        await reader.goes_to("tree", "took")
        await reader.presses("enter")
        assert reader.column("events", "position") == ["2", "4"]


async def test_a_session_tells_its_metrics_and_phases(story: Any, open_dashboard: Any) -> None:
    story.team(ended=False)
    async with open_dashboard(session="ses_1") as reader:
        overview = reader.app.screen.query_one(Overview).plain
        assert "calls 5  failed 1" in overview
        assert "MCP 20%" in overview
        assert "at once 2" in overview
        assert "1/1" in overview
        assert "33% of 3 tasks" in overview


async def test_the_tool_a_running_agent_waits_for_stands_beside_it(story: Any, open_dashboard: Any) -> None:
    story.tell(e.AgentStarted, run="r", agent="a")
    story.tell(e.ToolCalled, run="r", agent="a", call="c", tool="Grep")
    async with open_dashboard(session="ses_1") as reader:
        assert reader.column("tree", "current_tool") == ["Grep"]


async def test_what_several_witnesses_tell_is_one_line_of_the_commentary(story: Any, open_dashboard: Any) -> None:
    for source in ("hook", "transcript"):
        about: dict[str, Any] = {"source": source, "run": "ses_1/a"}
        story.tell(e.SessionStarted, product="claude-code", source=source)
        story.tell(e.AgentStarted, agent="a", **about)
        story.tell(e.ToolCalled, call="c", tool="Bash", params={"command": "ls"}, **about)
        story.tell(e.ToolReturned, call="c", status="ok", **about)
        story.tell(e.MessageSent, message="m", sender="a", recipient="human", type="response",
                   payload={"text": "done"}, **about)  # fmt: skip
    async with open_dashboard(session="ses_1") as reader:
        await reader.presses("2")
        assert reader.column("story", "position") == ["5", "4", "3", "2", "1"]
        story.tell(e.ToolReturned, call="c", status="ok", source="otlp", run="ses_1/a")
        story.tell(e.ToolCalled, call="d", tool="Bash", params={}, source="hook", run="ses_1/a")
        await reader.looks()
        assert reader.column("story", "position")[:2] == ["12", "5"]
        assert reader.grid("story").count == 6


async def test_the_commentary_tells_the_newest_event_first(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(session="ses_1") as reader:
        told = reader.column("story", "told")
        assert told[0] == "✓ session completed"
        assert "✗ test-suite-developer · Bash error in 4.0s" in told
        assert told[-1] == "▶ session starts: Fix the login endpoint"


async def test_enter_on_a_figure_shows_the_events_it_rests_on(story: Any, open_dashboard: Any) -> None:
    story.team()
    story.team("ses_2")
    async with open_dashboard(session="ses_1") as reader:
        await reader.goes_to("tree", "tool_calls", row=2)
        await reader.presses("enter")
        assert isinstance(reader.app.screen, EventList)
        assert reader.column("events", "kind") == ["tool.called", "tool.returned"] * 2
        await reader.presses("enter")
        assert isinstance(reader.app.screen, OpenedEvent)
        assert "5 passed" not in reader.text()
        assert "tool.called" in reader.text()
        await reader.presses("escape", "escape")
        assert isinstance(reader.app.screen, Session)


async def test_every_figure_of_the_sessions_rests_on_as_many_events_as_it_says(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard() as reader:
        for key, kinds in (("tool_calls", "tool.called"), ("messages", "message.sent"), ("agents", "agent.started")):
            await reader.goes_to("sessions", key)
            figure = int(reader.grid("sessions").cell(0, key))
            await reader.presses("enter")
            assert reader.column("events", "kind").count(kinds) == figure
            await reader.presses("escape")


async def test_a_text_that_is_no_figure_says_so_when_asked_for_its_events(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard() as reader:
        await reader.presses("e")
        assert not isinstance(reader.app.screen, EventList)


async def test_a_run_opens_with_its_task_and_result(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(session="ses_1") as reader:
        await reader.presses("enter")
        assert isinstance(reader.app.screen, OpenedRun)
        assert "look for holes" in reader.text()
        assert "one hole" in reader.text()


async def test_messages_show_who_talks_to_whom_and_how_far_they_came(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(session="ses_1") as reader:
        await reader.presses("3")
        flows = reader.app.screen.query_one(FlowPicture).flows
        assert [(f.sender, f.recipient, f.messages) for f in flows] == [
            ("security-auditor", "backend-api-developer", 1)
        ]
        assert "├" in reader.text()
        assert "▶" in reader.text()
        assert reader.column("messages", "state") == ["delivered"]
        assert reader.column("messages", "payload") == ["high: no check of the organization auth.py:12"]


async def test_a_message_opens_with_its_payload_and_its_thread(story: Any, open_dashboard: Any) -> None:
    story.team()
    story.tell(
        e.MessageSent, message="msg_2", sender="backend-api-developer", recipient="security-auditor",
        type="validation_request", payload={"changes": ["auth.py"]}, in_reply_to="msg_1ses_1",
    )  # fmt: skip
    async with open_dashboard(session="ses_1") as reader:
        await reader.presses("3", "down", "enter")
        assert isinstance(reader.app.screen, OpenedMessage)
        shown = reader.text()
        assert "issue: no check of the organization" in shown
        assert "backend-api-developer → security-auditor validation_request" in shown
        assert "(ses_1/backend-api-developer-1): delivered" in shown


async def test_handoffs_stand_on_a_board_by_state(story: Any, open_dashboard: Any) -> None:
    story.team()
    story.tell(e.HandoffOffered, handoff="h2", giver="a", taker="b", task="t")
    story.tell(e.HandoffRejected, handoff="h2", taker="b", problems=("auth.py is not there",))
    async with open_dashboard(session="ses_1") as reader:
        await reader.presses("4")
        assert reader.column("accepted", "pair") == ["security-auditor → backend-api-developer"]
        assert reader.column("rejected", "pair") == ["a → b"]
        assert reader.column("offered", "pair") == []
        await reader.goes_to("rejected", "pair")
        await reader.presses("enter")
        assert isinstance(reader.app.screen, OpenedHandoff)
        assert "✗ auth.py is not there" in reader.text()


async def test_tools_are_counted_with_their_failures_and_durations(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(session="ses_1") as reader:
        await reader.presses("5")
        assert reader.column("tools", "tool") == ["Bash", "Edit", "Grep", "Read"]
        assert reader.column("tools", "failures") == ["1", "0", "0", "0"]
        assert reader.column("tools", "p50_ms")[0] == "3.0s"  # by nearest rank: a value that was measured
        assert reader.column("calls", "duration_ms")[0] == "4.0s"
        await reader.presses("f")
        assert reader.column("calls", "status") == ["error"]


async def test_calls_are_narrowed_to_the_tool_that_is_opened(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(session="ses_1") as reader:
        await reader.presses("5")
        await reader.goes_to("tools", "tool", row=2)
        await reader.presses("enter")
        assert reader.column("calls", "tool") == ["Grep"]
        await reader.presses("escape")
        assert len(reader.column("calls", "tool")) == 5


async def test_an_edit_opens_as_a_diff(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(session="ses_1") as reader:
        await reader.presses("5")
        row = reader.column("calls", "tool").index("Edit")
        await reader.goes_to("calls", "tool", row=row)
        await reader.presses("enter")
        assert isinstance(reader.app.screen, OpenedCall)
        assert "- if user:" in reader.text()
        assert "+ if user.org:" in reader.text()


async def test_a_pattern_leads_to_its_evidence(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(session="ses_1") as reader:
        await reader.presses("6")
        assert reader.column("patterns", "confidence") == ["90%"]
        await reader.goes_to("patterns", "evidence")
        await reader.presses("enter")
        assert reader.column("events", "position") == ["3", "4"]


async def test_health_tells_position_lag_and_verification(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard() as reader:
        await reader.presses("8", "V")
        shown = reader.text()
        assert "projection lag       0" in shown
        assert f"✓ whole up to position {reader.log.head()}" in shown


async def test_a_screen_shows_one_session_or_all(story: Any, open_dashboard: Any) -> None:
    story.team("ses_1")
    story.team("ses_2")
    async with open_dashboard(session="ses_1") as reader:
        await reader.presses("3")
        assert len(reader.column("messages", "sender")) == 1
        await reader.presses("a")
        assert len(reader.column("messages", "sender")) == 2


async def test_a_list_is_ordered_by_the_column_under_the_cursor(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(session="ses_1") as reader:
        await reader.presses("5")
        await reader.goes_to("calls", "duration_ms")
        await reader.presses("o")
        assert reader.column("calls", "duration_ms")[0] == "4.0s"
        await reader.presses("o")
        assert reader.column("calls", "duration_ms")[0] == "200ms"


async def test_the_cursor_stays_on_its_row_while_newer_ones_come(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(session="ses_1") as reader:
        await reader.goes_to("story", "told", row=3)
        before = reader.grid("story").key
        story.tell(e.IncidentObserved, incident="i", type="retry")
        await reader.looks()
        assert reader.grid("story").key == before
        assert reader.grid("story").row == 4


async def test_what_begins_while_a_session_is_looked_at_is_not_chosen_on_coming_back_to_the_list(
    story: Any, open_dashboard: Any
) -> None:
    story.team("ses_a", ended=False)
    async with open_dashboard() as reader:
        await reader.presses("enter")
        story.team("ses_b", ended=False)
        await reader.presses("1")
        assert reader.column("sessions", "session") == ["ses_b", "ses_a"]
        assert reader.grid("sessions").pointed["session"] == "ses_a"
        await reader.presses("2")
        assert reader.app.session == "ses_a"
        assert "ses_a" in reader.text().splitlines()[1]


async def test_a_session_that_leaves_the_list_stays_the_chosen_one(story: Any, open_dashboard: Any) -> None:
    story.team("ses_a", ended=False)
    story.team("ses_b", ended=False)
    async with open_dashboard() as reader:
        await reader.goes_to("sessions", "status", row=1)
        chosen = reader.grid("sessions").pointed["session"]
        await reader.presses("v")
        story.tell(e.SessionEnded, session=chosen, status="completed")
        await reader.looks()
        assert reader.grid("sessions").count == 1
        await reader.presses("2")
        assert reader.app.session == chosen
        await reader.presses("1", "up", "down", "home")
        assert reader.app.session == chosen, "there is no other row to go to"


async def test_a_click_points_and_a_second_one_opens(story: Any, open_dashboard: Any) -> None:
    story.team("ses_1")
    story.team("ses_2")
    async with open_dashboard() as reader:
        await reader.pilot.click("#sessions", offset=(2, 2))
        await reader.looks()
        assert reader.grid("sessions").row == 1
        await reader.pilot.click("#sessions", offset=(2, 2))
        await reader.looks()
        assert isinstance(reader.app.screen, Session)
        assert reader.app.session == "ses_1"


async def test_the_handoff_board_counts_each_column_in_its_title(story: Any, open_dashboard: Any) -> None:
    story.team("ses_1")

    def titles(reader: Any) -> list[str]:
        return [str(grid.border_title) for grid in reader.app.screen.query(Grid)]

    async with open_dashboard(session="ses_1", size=(160, 40)) as reader:
        await reader.presses("4")
        assert titles(reader) == ["offered 0", "accepted 1", "rejected 0", "completed 0"]
        story.tell(e.HandoffOffered, handoff="h", giver="x", taker="y", task="more")
        await reader.looks()
        assert titles(reader) == ["offered 1", "accepted 1", "rejected 0", "completed 0"]
        assert "offered 1" in reader.text()


async def test_a_click_on_a_tab_goes_there(story: Any, open_dashboard: Any) -> None:
    async with open_dashboard(size=(80, 24)) as reader:
        shown = reader.text().splitlines()[0]
        assert "8 Health" in shown
        await reader.pilot.click("Tabs", offset=(shown.index("Tools"), 0))
        await reader.looks()
        assert reader.app.screen.here == "tools"


async def test_a_screen_that_is_left_and_come_back_to_at_once_is_drawn_all_the_same(
    story: Any, open_dashboard: Any
) -> None:
    story.team()
    async with open_dashboard(session="ses_1") as reader:
        for keys in ("3453", "2323", "5453"):
            for key in keys:
                await reader.pilot.press(key)
            await reader.looks()
            assert reader.column("messages", "state") == ["delivered"]
        await reader.presses("2")
        assert len(reader.column("tree", "name")) == 3


async def test_screens_that_were_made_ahead_tell_what_holds_when_they_are_looked_at(
    story: Any, open_dashboard: Any
) -> None:
    story.team()
    settled = asyncio.Event()
    async with open_dashboard(session="ses_1", on_settled=settled.set) as reader:
        await asyncio.wait_for(settled.wait(), 60)
        assert all(reader.app.look(name).is_running for name in AHEAD)
        assert reader.app.screen.here == "session"
        await reader.presses("5")
        shown = reader.grid("calls").count
        story.call("ses_1/x", "x", "Read")
        await reader.presses("2", "5")
        assert reader.grid("calls").count == shown + 1
        assert reader.app.focused is not None


async def test_a_moved_cursor_leaves_no_trace_on_the_row_where_it_was(story: Any, open_dashboard: Any) -> None:
    for number in range(4):
        story.tell(e.SessionStarted, session=f"ses_{number}", product="claude-code", source="transcript")
    async with open_dashboard() as reader:
        for keys in (("down", "down", "up"), ("right",), ("end", "home"), ("down", "left")):
            await reader.presses(*keys)
            moved = reader.drawn()
            reader.grid("sessions").refresh()
            await reader.looks()
            assert reader.drawn() == moved

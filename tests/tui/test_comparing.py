"""Stories of somebody who lays two sessions side by side."""

from typing import Any

from orchestrion.domain import events as e
from orchestrion.tui.screens.compared import Compared
from orchestrion.tui.screens.opened import OpenedEvent


async def test_two_sessions_stand_side_by_side_and_the_cursor_is_where_they_part(
    story: Any, open_dashboard: Any
) -> None:
    for session in ("ses_1", "ses_2"):
        story.tell(e.SessionStarted, session=session, product="claude-code", source="transcript", request="Fix it")
        story.tell(e.AgentStarted, session=session, run=f"{session}/main", agent="main")
        story.call(f"{session}/main", "main", "Read", session=session)
    story.call("ses_2/main", "main", "Bash [/x]", session="ses_2")
    async with open_dashboard() as reader:
        await reader.presses("d", "d")
        assert not isinstance(reader.app.screen, Compared)
        await reader.presses("down", "d")
        assert isinstance(reader.app.screen, Compared)
        await reader.looks()
        assert set(reader.column("steps", "how")) in ({"=", "◀"}, {"=", "▶"})
        assert "tool sequence" in reader.column("aspects", "aspect")
        assert reader.grid("steps").row == 2
        calls = []
        for side in ("a", "b"):
            await reader.goes_to("aspects", side, reader.column("aspects", "aspect").index("tool sequence"))
            await reader.presses("enter")
            calls.append(reader.column("events", "kind"))
            await reader.presses("escape")
        assert sorted(calls) == [["tool.called"], ["tool.called"] * 2]
        reader.grid("steps").focus()
        await reader.presses("enter")
        assert isinstance(reader.app.screen, OpenedEvent)
        await reader.presses("escape", "escape")
        assert not isinstance(reader.app.screen, Compared)

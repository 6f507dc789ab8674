"""Stories on real recorded sessions of other people's agents."""

from pathlib import Path
from typing import Any

import pytest

from orchestrion.domain.money import dollars
from orchestrion.tui.widgets.overview import Overview

RECORDINGS = Path(__file__).parents[3] / "shared" / "sessions"
FOLDERS = (
    "claude-code-spotter",
    pytest.param("claude-code-agentv", marks=pytest.mark.slow),
    pytest.param("claude-code-episodic-memory", marks=pytest.mark.slow),
)


@pytest.fixture(params=FOLDERS)
def recorded(request: pytest.FixtureRequest, log: Any) -> Any:
    """A log that holds the recordings of one folder."""
    folder = RECORDINGS / request.param
    if not folder.is_dir():
        pytest.skip(f"the recordings are not beside the checkout: {folder}")
    from orchestrion.eventstore import SecretRedactor
    from orchestrion.ingest import import_paths

    import_paths(log, SecretRedactor(b"k" * 32, {}), "claude-code", [folder])
    return log


async def test_every_screen_of_a_recorded_session_shows_what_the_views_say(
    recorded: Any, feed: Any, open_dashboard: Any
) -> None:
    async with open_dashboard(size=(160, 50)) as reader:
        sessions = feed.views.query("SELECT session, tool_calls, messages FROM sessions ORDER BY ALL").rows
        grid = reader.grid("sessions")
        shown = [(grid.at(i)["session"], grid.at(i)["tool_calls"], grid.at(i)["messages"]) for i in range(grid.count)]
        assert sorted(shown) == sessions
        await reader.presses("enter")
        session = reader.app.session
        runs = feed.views.query("SELECT count(*) FROM agent_runs WHERE session = ?", (session,)).rows[0][0]
        assert reader.grid("tree").count == runs
        question = "SELECT cost_microdollars, unpriced_requests FROM sessions WHERE session = ?"
        cost = dollars(*feed.views.query(question, (session,)).rows[0])
        assert f"cost {cost} " in reader.app.screen.query_one(Overview).plain
        for key, name, view in (("3", "messages", "messages"), ("5", "calls", "tool_calls")):
            await reader.presses(key)
            wanted = feed.views.query(f"SELECT count(*) FROM {view} WHERE session = ?", (session,)).rows[0][0]  # noqa: S608
            assert reader.grid(name).count == wanted
            if wanted:
                await reader.presses("enter", "escape")
        await reader.presses("8")
        assert reader.grid("imports").count > 0


async def test_a_recorded_session_plays_back_to_what_it_is_now(recorded: Any, feed: Any, open_dashboard: Any) -> None:
    session = (
        feed.views.catch_up() and feed.views.query("SELECT session FROM sessions ORDER BY events LIMIT 1").rows[0][0]
    )
    async with open_dashboard(session=session) as reader:
        now = reader.column("story", "told")
        await reader.presses("r")
        assert len(reader.column("story", "told")) < len(now) or len(now) == 1
        await reader.presses("shift+end")
        assert reader.column("story", "told") == now

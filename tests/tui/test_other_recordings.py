"""One story on recordings of everything but Claude Code's transcripts: by keys through all screens of each session."""

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrion.cli.hook import keep
from orchestrion.eventstore import SecretRedactor
from orchestrion.ingest import import_paths
from orchestrion.ingest.hooks import drain
from orchestrion.tui.screens.health import Health
from orchestrion.tui.screens.session import Session
from orchestrion.tui.screens.sessions import Sessions
from orchestrion.tui.screens.sql import Sql
from orchestrion.tui.widgets.overview import Overview

RECORDINGS = Path(__file__).parents[3] / "shared" / "sessions"
SMALL = {
    "codex": "format-drift-agent-sessions/codex/small-older.jsonl",
    "copilot": "copilot-cli-agentv/1afc31c8-small/full.jsonl",
    "gemini": "format-drift-agent-sessions/gemini/jsonl_v040.jsonl",
    "mini-swe-agent": "mini-swe-agent/local.traj.json",
    "openhands": "openhands/sdk-v1-events.jsonl",
    "pi": "pi-sessions/large-session.jsonl",
    "swe-agent": "swe-agent/function_calling_simple.traj",
    "traces": "framework-traces-langfuse/openai-agents-2025-09-30.trace.json",
}
"""The smallest recording of each format."""
FIRST_LINES = 60
"""Of JSON Lines no more is taken: what a screen shows of a source it shows of its beginning."""
HOOKS = RECORDINGS / "claude-hooks-operator-use"
FIRST_PAYLOADS = 2
"""Of each kind of hook."""


@pytest.fixture
def recorded(log: Any, tmp_path: Path) -> Any:
    """A log that holds a small recording of each source, and what hooks told of some sessions more."""
    if not RECORDINGS.is_dir():
        pytest.skip(f"the recordings are not beside the checkout: {RECORDINGS}")
    redactor = SecretRedactor(b"k" * 32, {})
    for source, path in SMALL.items():
        held = log.head()
        import_paths(log, redactor, "auto", [_beginning(RECORDINGS / path, tmp_path / source)])
        assert log.head() > held, source
    for name in ("pre_tool_use", "post_tool_use", "subagent_stop", "stop"):
        for payload in json.loads((HOOKS / f"{name}.json").read_text())[:FIRST_PAYLOADS]:
            keep(str(tmp_path / "spool"), json.dumps(payload).encode())
    drain(log, tmp_path / "spool")
    return log


def _beginning(recording: Path, folder: Path) -> Path:
    """A copy of the first lines of `recording`, if it has lines."""
    lines = recording.read_bytes().splitlines(keepends=True)
    copy = folder / recording.name
    folder.mkdir()
    copy.write_bytes(b"".join(lines[:FIRST_LINES] if recording.suffix == ".jsonl" else lines))
    return copy


async def test_every_screen_of_a_session_of_any_source_shows_what_the_views_say(
    recorded: Any, feed: Any, open_dashboard: Any
) -> None:
    def one(sql: str, *values: object) -> Any:
        return feed.views.query(sql, values).rows[0][0]

    async with open_dashboard(size=(160, 50)) as reader:
        assert reader.grid("sessions").count == one("SELECT count(*) FROM sessions") > len(SMALL)
        assert {*reader.column("sessions", "source")} >= {"codex", "copilot", "pi", "openhands", "swe-agent"}
        for row in range(reader.grid("sessions").count):
            await reader.goes_to("sessions", "status", row)
            await reader.presses("enter")
            session = reader.app.session
            assert isinstance(reader.app.screen, Session)
            assert reader.grid("tree").count == one("SELECT count(*) FROM agent_runs WHERE session = ?", session)
            assert reader.grid("story").count > 0, session
            calls = one("SELECT tool_calls FROM sessions WHERE session = ?", session)
            assert f"calls {calls} " in reader.app.screen.query_one(Overview).plain, session
            for key, name, view in (("3", "messages", "messages"), ("5", "calls", "tool_calls"),
                                    ("6", "patterns", "patterns")):  # fmt: skip
                await reader.presses(key)
                count = one(f"SELECT count(*) FROM {view} WHERE session = ?", session)  # noqa: S608
                assert reader.grid(name).count == count, (session, name)
                if count:
                    await reader.presses("enter")
                    await reader.presses("escape")
            await reader.presses("4", "1")
            assert isinstance(reader.app.screen, Sessions)
        await reader.presses("8")
        assert isinstance(reader.app.screen, Health)
        assert reader.grid("imports").count == len(SMALL)
        await reader.presses("7")
        assert isinstance(reader.app.screen, Sql)

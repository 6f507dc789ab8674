"""What the dashboard shows as of position N is what the command line prints with `--at N`."""

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrion.cli.dashboard import fed
from orchestrion.cli.main import main
from orchestrion.cli.wiring import Home
from orchestrion.domain import events as e
from orchestrion.eventstore import open_log
from orchestrion.tui import figures
from orchestrion.tui.app import Dashboard
from orchestrion.tui.widgets.overview import Overview
from tests.tui.conftest import Reader

SESSION = "ses_1"
POSITIONS = (36, 43, 54)
"""While the handoff waits for its answer; in a call that will fail; and where the session has ended."""
CASES = ("denied", "interrupted", "timed_out")


@pytest.fixture
def home(story: Any, tmp_path: Path) -> Path:
    """A home whose log holds two sessions, the second with calls that went wrong in every way."""
    story.log.close()
    story.log = open_log(tmp_path)
    story.team("ses_0")
    story.team(SESSION, ended=False)
    for status in CASES:
        story.call(f"{SESSION}/security-auditor-1", "security-auditor", "Grep", status=status)
    story.tell(e.SessionEnded, status="failed")
    story.log.close()
    return tmp_path


Printed = dict[str, Any]


@pytest.fixture
def printed(home: Path, capsys: Any) -> dict[int, Printed]:
    """What the commands say of each position, by the command."""

    def speak(*arguments: object) -> Any:
        capsys.readouterr()
        assert main([*map(str, arguments), "--home", str(home), "--format", "json"]) == 0
        return json.loads(capsys.readouterr().out)

    return {
        at: {"sessions": speak("sessions", "--at", at), "report": speak("report", SESSION, "--at", at)}
        | {name: speak(name, "--session", SESSION, "--at", at) for name in ("agents", "tools", "messages", "handoffs")}
        for at in POSITIONS
    }


async def test_every_screen_as_of_n_shows_what_the_commands_print_at_n(home: Path, printed: dict[int, Printed]) -> None:
    with fed(Home(home, "--home"), replaying=True) as (_, feed):
        async with Dashboard(feed, session=SESSION, replay=True).run_test(size=(200, 50)) as pilot:
            with open_log(home) as log:
                reader = await Reader(pilot, log).looks()  # type: ignore[arg-type]
                for at, said in printed.items():
                    await reader.presses("2", "g", *str(at), "enter")
                    assert reader.app.at == at
                    await _session_is(reader, said)
                    await _sessions_are(reader, said["sessions"])
                    await _lists_are(reader, said)


async def _session_is(reader: Reader, said: Printed) -> None:
    tree = reader.grid("tree")
    shown = [tree.at(row) for row in range(tree.count)]
    wanted = [(run["run"], run["status"], run["duration_ms"]) for run in said["agents"]]
    assert sorted((row["run"], row["status"], row["duration_ms"]) for row in shown) == sorted(wanted)
    report = said["report"]
    value = {name: figure["value"] for name, figure in (report["metrics"] | report["progress"]).items()}
    figured = (
        f"{report['header']['status']['value']}  ",
        f"parallel {figures.percent(value['parallel'])}  ",
        f"MCP {figures.percent(value['mcp'])}  calls {value['tool_calls']}  failed {value['failed_calls']}  ",
        f"response {figures.lasting(value['mean_ms'])}  p95 {figures.lasting(value['p95_ms'])}",
        f"tokens in {figures.tokens(value['input_tokens'])}  out {figures.tokens(value['output_tokens'])}  ",
        f"{figures.percent(value['done'] / value['total'])} of {value['total']} tasks",
    )
    overview = reader.app.screen.query_one(Overview).plain
    for figure in figured:
        assert figure in overview


async def _sessions_are(reader: Reader, said: list[Printed]) -> None:
    await reader.presses("1")
    sessions = reader.grid("sessions")
    shown = [sessions.at(row) for row in range(sessions.count)]
    names = ("session", "status", "agents", "tool_calls", "messages")
    assert sorted([row[name] for name in names] for row in shown) == sorted(
        [row[name] for name in names] for row in said
    )


async def _lists_are(reader: Reader, said: Printed) -> None:
    await reader.presses("3")
    assert sorted(reader.column("messages", "position")) == sorted(str(row["position"]) for row in said["messages"])
    await reader.presses("4")
    for status in ("offered", "accepted", "rejected", "completed"):
        its = [f"{row['giver']} → {row['taker']}" for row in said["handoffs"] if row["status"] == status]
        assert reader.column(status, "pair") == its
    await reader.presses("5")
    calls = said["tools"]
    assert reader.grid("calls").count == len(calls)
    tools = reader.grid("tools")
    shown = {row["tool"]: (row["calls"], row["failures"]) for row in map(tools.at, range(tools.count))}
    by_tool = {tool: [row["status"] for row in calls if row["tool"] == tool] for tool in {row["tool"] for row in calls}}
    bad = {"error", *CASES}
    assert shown == {tool: (len(its), sum(status in bad for status in its)) for tool, its in by_tool.items()}

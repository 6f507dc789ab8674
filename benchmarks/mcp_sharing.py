"""What sharing read-only MCP answers between the agents of a session saves: the same team with it and without.

    python benchmarks/mcp_sharing.py [--agents 5] [--questions 4] [--milliseconds 200] [--rounds 3]

Every agent asks the same questions of a server that takes so long for each. All figures come from one query on the log.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from pathlib import Path

from orchestrion.agents import Conductor, ExecutionResult, Limits, load_roster, make_plan
from orchestrion.agents.mcp.config import McpUse
from orchestrion.cli.wiring import Home, stored
from orchestrion.eventstore import open_log
from orchestrion.projections import Store

QUESTION = """
SELECT sum(calls) AS calls, sum(asked) AS asked, (
    SELECT date_diff('millisecond', min(started_at), max(ended_at)) FROM tool_calls
    WHERE session = $session AND mcp_server IS NOT NULL
) AS took_ms FROM mcp_sharing WHERE session = $session"""
NAMES = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"]
SERVER = """
import sys, time
from mcp.server import MCPServer
from mcp_types import ToolAnnotations

server = MCPServer("library")

@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def look_up(text: str) -> str:
    time.sleep(float(sys.argv[1]))
    return f"about {text}"

server.run()
"""


def main() -> None:
    """Print both, and what is between them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=5, choices=range(2, len(NAMES) + 1))
    parser.add_argument("--questions", type=int, default=4)
    parser.add_argument("--milliseconds", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    names = NAMES[: given.agents]
    for how, serial in (("answers one after the other", True), ("answers side by side", False)):
        with tempfile.TemporaryDirectory() as scratch:
            place = Path(scratch)
            _team(place, names, given.questions, given.milliseconds, serial)
            rows = _compared(place, names, given.rounds)
        print(f"{given.agents} agents, {given.questions} questions each, to a server that {how}")
        for sharing, (calls, asked, milliseconds) in rows.items():
            word = "shared" if sharing else "not shared"
            print(f"  {word + ':':12} {calls} calls, {asked} asked of the server; {milliseconds:.0f} ms in all")
        (_, asked, took), (_, asked_alone, took_alone) = rows[True], rows[False]
        print(f"  saved: {1 - asked / asked_alone:.0%} of the server's work, {1 - took / took_alone:.0%} of the time")


def _compared(place: Path, names: list[str], rounds: int) -> dict[bool, tuple[int, int, float]]:
    """Calls, questions and median time, by whether answers are shared."""
    home = Home(place / "home", "benchmark")
    sessions: dict[bool, list[str]] = {True: [], False: []}
    with open_log(home.path) as log:
        for number in range(2 * rounds + 1):
            sharing = number % 2 == 0
            use = McpUse(sharing=sharing)
            conductor = Conductor(log, home=home.path, limits=Limits(max_parallel_agents=len(names)), mcp=use)
            result = asyncio.run(_run(conductor, place, names))
            if number:  # the first loads the library
                sessions[sharing].append(result.session)
        with stored(log, home) as store:
            return {sharing: _figures(store, names) for sharing, names in sessions.items()}


def _figures(store: Store, sessions: list[str]) -> tuple[int, int, float]:
    """Calls and questions of one session, and the median time of all."""
    rows = [store.query(QUESTION, {"session": session}).dicts()[0] for session in sessions]
    return rows[0]["calls"], rows[0]["asked"], statistics.median(row["took_ms"] for row in rows)


async def _run(conductor: Conductor, place: Path, names: list[str]) -> ExecutionResult:
    roster = load_roster(place / "project", team=place / "team")
    request = " ".join(names)
    result = await conductor.execute(request, place / "project", roster, plan=make_plan(request, roster))
    assert result.status == "completed", result.reason
    return result


def _team(place: Path, names: list[str], questions: int, milliseconds: int, serial: bool) -> None:
    for folder in ("project", "team"):
        (place / folder).mkdir()
    (place / "server.py").write_text(SERVER)
    entry = {"command": sys.executable, "args": [str(place / "server.py"), str(milliseconds / 1000)]}
    entry["orchestrion"] = {"oneAtATime": serial}
    (place / "project" / ".mcp.json").write_text(json.dumps({"mcpServers": {"library": entry}}))
    steps = [
        {"name": f"ask-{n}", "mcp": "library/look_up", "params": {"text": f"question {n}"}} for n in range(questions)
    ]
    for name in names:
        front = {"name": name, "keywords": [name], "capabilities": [name], "runner": "steps", "steps": steps}
        lines = "\n".join(f"{key}: {json.dumps(value)}" for key, value in front.items())
        (place / "team" / f"{name}.md").write_text(f"---\n{lines}\n---\n")


if __name__ == "__main__":
    main()

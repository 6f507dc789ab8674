"""The memory bank: what a session discovered and handed over is kept in the memory server, and told to later agents."""

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrion.agents import Conductor, ExecutionResult, load_roster
from orchestrion.agents.limits import Limits
from orchestrion.agents.mcp.config import McpUse, ServerConfig
from orchestrion.agents.mcp.link import Link, Place
from orchestrion.agents.mcp.memory import graph_of
from orchestrion.domain import events as e

PACKAGE = "@modelcontextprotocol/server-memory"
VERSION = "2026.8.31"
INSTALL_SECONDS = 180
READS = "import sys; print(sys.stdin.read())"


@pytest.fixture(scope="session")
def memory_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real memory server, installed once into a folder of the user's cache."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not here: the memory bank was not tried against the real memory server")
    folder = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "orchestrion-tests" / f"memory-{VERSION}"
    )
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:  # the suite's workers share the folder: one installs, the others wait
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _installed(folder)


def _installed(folder: Path) -> Path:
    program = folder / "node_modules" / ".bin" / "mcp-server-memory"
    if not program.exists():
        command = ["npm", "install", "--silent", "--no-fund", "--no-audit", f"{PACKAGE}@{VERSION}"]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm could not bring {PACKAGE} in time: the memory bank was not tried against it")
        if done.returncode:
            pytest.skip(f"npm could not bring {PACKAGE}: {done.stderr.strip()[-200:]}")
    return program


@pytest.fixture
def conducted(log: Any, home: Path, workspace: Path, tmp_path: Path) -> Callable[..., ExecutionResult]:
    """Runs a request with the memory bank."""

    def run(request: str) -> ExecutionResult:
        conductor = Conductor(log, home=home, mcp=McpUse(remember=True))
        return asyncio.run(conductor.execute(request, workspace, load_roster(workspace, team=tmp_path / "team")))

    return run


def facts(log: Any, kind: type[Any]) -> list[Any]:
    return [record.event for record in log.read() if isinstance(record.event, kind)]


def test_what_one_session_hands_over_the_next_is_told(  # noqa: PLR0917 - fixtures
    memory_program: Path, agent: Any, conducted: Any, log: Any, home: Path, workspace: Path
) -> None:
    entry = {"command": str(memory_program), "env": {"MEMORY_FILE_PATH": "{home}/memory.jsonl"}}
    (workspace / ".mcp.json").write_text(json.dumps({"mcpServers": {"memory-bank": entry}}))
    reading = {"command": [sys.executable, "-c", READS], "prompt": "stdin"}
    agent("alpha", "print('nothing to say')")
    agent("bravo", after=["alpha-work"], **reading)
    first = conducted("alpha bravo")
    assert first.status == "completed", first.reason
    kept = [json.loads(line) for line in (home / "memory.jsonl").read_text().splitlines()]
    (handed,) = [each for each in kept if each.get("entityType") == "handoff"]
    assert any("alpha hands to bravo" in line for line in handed["observations"])
    assert {"alpha", "bravo"} <= {each.get("name") for each in kept}
    second = conducted("alpha bravo")
    assert second.status == "completed", second.reason
    calls = [fact for fact in facts(log, e.ToolCalled) if fact.mcp_server == "memory-bank"]
    assert {fact.tool.rpartition("__")[2] for fact in calls} == {
        "search_nodes", "create_entities", "add_observations", "create_relations",
    }  # fmt: skip
    told = [fact for fact in facts(log, e.AgentCompleted) if fact.agent == "bravo" and fact.session == second.session]
    assert handed["name"] in told[0].outputs["text"]
    assert "Handed over (data, not instructions)" in told[0].outputs["text"]


def test_writers_of_many_processes_lose_nothing(memory_program: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    entry = ServerConfig(
        "memory-bank", str(memory_program), env={"MEMORY_FILE_PATH": "{home}/memory.jsonl"}, one_at_a_time=True
    )

    async def write() -> None:
        place = Place("ses_x", tmp_path, tmp_path, home)
        links = [
            Link(entry, place, Limits(), seed=0, restarting=lambda *_: None, spawned=lambda _: None) for _ in range(3)
        ]
        made = [
            links[n % 3].call(
                "create_entities", {"entities": [{"name": f"e{n}", "entityType": "t", "observations": []}]}, again=True
            )
            for n in range(20)
        ]
        await asyncio.gather(*made)
        await asyncio.gather(*(link.close() for link in links))

    asyncio.run(write())
    names = {json.loads(line)["name"] for line in (home / "memory.jsonl").read_text().splitlines()}
    assert names == {f"e{n}" for n in range(20)}


def test_a_memory_server_that_fails_stops_nobody(agent: Any, conducted: Any, log: Any, workspace: Path) -> None:
    fake = Path(__file__).with_name("fake_mcp_server.py")
    folder = workspace.parent / "memory"
    folder.mkdir()
    entry = {"command": sys.executable, "args": ["-u", str(fake), str(folder)]}
    (workspace / ".mcp.json").write_text(json.dumps({"mcpServers": {"memory": entry}}))
    agent("alpha")
    agent("bravo", after=["alpha-work"], command=[sys.executable, "-c", READS], prompt="stdin")
    result = conducted("alpha bravo")
    assert result.status == "completed", result.reason
    answers = [
        fact for fact in facts(log, e.ToolReturned) if isinstance(fact.result, dict) and "problem" in fact.result
    ]
    assert {fact.result["problem"] for fact in answers} == {"refused"}
    assert any("has no tool 'create_entities'" in (fact.error or "") for fact in answers)


def test_without_being_asked_for_nothing_is_kept(agent: Any, play: Any, workspace: Path) -> None:
    (workspace / ".mcp.json").write_text('{"mcpServers": {"memory": {"command": "no-such-program"}}}')
    agent("alpha")
    assert not play("alpha").of(e.ToolCalled, mcp_server="memory")


def test_the_same_facts_give_the_same_graph() -> None:
    about = {"source": "conductor", "session": "ses_1", "agent": "auditor"}
    found = e.PatternDiscovered(
        **about,
        pattern="p",
        name="missing-check",
        type="security",
        confidence=0.95,
        context="routers",
        solution="guard",
    )
    entities, relations = graph_of([found, found])
    (pattern,) = [each for each in entities if each.type == "pattern"]
    assert pattern.name == "pattern:missing-check"
    assert "security, 95% sure, session ses_1" in pattern.observations
    assert relations == [("auditor", "discovered", "pattern:missing-check")]

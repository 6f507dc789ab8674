"""A team that uses an MCP server, as the shipped command runs, shows and reports it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FAKE = Path(__file__).parents[1] / "agents" / "fake_mcp_server.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a server and two agents that ask it the same."""
    folder, agents = tmp_path / "project", tmp_path / "project" / ".claude" / "agents"
    agents.mkdir(parents=True)
    (tmp_path / "shelf").mkdir()
    entry = {"command": sys.executable, "args": ["-u", str(FAKE), str(tmp_path / "shelf")]}
    (folder / ".mcp.json").write_text(json.dumps({"mcpServers": {"shelf": entry}}))
    steps = [{"name": "ask", "mcp": "shelf/look", "params": {"text": "the price"}}]
    for name in ("alpha", "bravo"):
        keys = {"name": name, "keywords": [name], "capabilities": [name], "runner": "steps", "steps": steps}
        front = "\n".join(f"{key}: {json.dumps(value)}" for key, value in keys.items())
        (agents / f"{name}.md").write_text(f"---\n{front}\n---\n")
    return folder


def test_run_tools_and_report_tell_of_it(program: Callable[..., Any], project: Path, tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home")
    ran = program("run", "alpha bravo", "--workspace", project, *home)
    assert ran.code == 0, ran.err
    calls = program("tools", "--format", "json", *home).json
    assert {(row["tool"], row["mcp_server"]) for row in calls if "mcp" in row["tool"]} == {
        ("mcp__shelf__look", "shelf")
    }
    saved = program("sql", "SELECT calls, asked, shared FROM mcp_sharing", "--format", "json", *home).json
    assert saved == [{"calls": 2, "asked": 1, "shared": 1}]
    assert "**MCP Answers Shared**: 1 calls not made" in program("report", "last", *home).out


def test_a_switched_off_server_is_said_before_anything_runs(program: Callable[..., Any], project: Path) -> None:
    (project / "orchestrion.toml").write_text("[mcp]\nshelf = false\n")
    ran = program("run", "alpha", "--workspace", project, "--home", project.parent / "home")
    assert ran.code == 4
    assert "'shelf' is switched off by" in ran.err
    assert "orchestrion.toml:2" in ran.err


def test_doctor_and_the_commentary_name_the_servers(
    program: Callable[..., Any], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = json.loads((project / ".mcp.json").read_text())
    held["mcpServers"] |= {"gone": {"command": "no-such-program"}, "poor": {"type": "http", "url": "${NOT_SET}"}}
    (project / ".mcp.json").write_text(json.dumps(held))
    home = ("--home", project.parent / "home")
    said = program("doctor", "--format", "json", *home, cwd=project)
    found = {row["check"]: row for row in said.json if row["check"].startswith("mcp ")}
    assert {name: row["verdict"] for name, row in found.items()} == {
        "mcp shelf": "ok", "mcp gone": "bad", "mcp poor": "bad",
    }  # fmt: skip
    assert found["mcp poor"]["found"] == "NOT_SET not set"
    assert "MCP servers: shelf" in program("run", "alpha", "--workspace", project, *home).err


def test_a_server_over_http_answers_is_missed_and_is_reached_again(
    program: Callable[..., Any], project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = [Path(sys.executable).parent / "orchestrion", "mcp", "--http", "--home", tmp_path / "theirs"]
    process = subprocess.Popen(serving, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        address, token = process.stdout.readline().strip(), process.stderr.readline().split()[-1]
        entry = {"type": "http", "url": address, "headers": {"Authorization": "Bearer ${THEIR_TOKEN}"}}
        (project / ".mcp.json").write_text(json.dumps({"mcpServers": {"theirs": entry}}))
        kill = [sys.executable, "-c", f"import os, time; os.kill({process.pid}, 9); time.sleep(0.2)"]
        steps = [
            {"name": "ask", "mcp": "theirs/schema", "params": {"view": "sessions"}},
            {"name": "kill", "run": kill},
            {"name": "ask-again", "mcp": "theirs/register", "params": {"agent": "x"}},
        ]
        keys = {"name": "gamma", "keywords": ["gamma"], "capabilities": ["g"], "runner": "steps", "steps": steps}
        front = "\n".join(f"{key}: {json.dumps(value)}" for key, value in keys.items())
        (project / ".claude" / "agents" / "gamma.md").write_text(f"---\n{front}\n---\n")
        env = {**os.environ, "THEIR_TOKEN": token}
        home = ("--home", tmp_path / "home")
        ran = program("run", "gamma", "--workspace", project, *home, env=env)
    finally:
        process.kill()
        process.communicate()
    assert ran.code == 10, ran.err
    calls = program("tools", "--format", "json", *home).json
    answers = {row["tool"].rpartition("__")[2]: row for row in calls}
    assert answers["schema"]["status"] == "ok"
    assert "columns" in answers["schema"]["result"]["structured"]
    assert answers["register"]["status"] == "error"
    assert "theirs" in answers["register"]["error"]
    assert token not in ran.err
    assert not [p for p in (tmp_path / "home").rglob("*") if p.is_file() and token.encode() in p.read_bytes()]


@pytest.mark.slow
def test_our_own_server_as_a_server_of_a_team_serves_the_same_log(
    program: Callable[..., Any], project: Path, tmp_path: Path
) -> None:
    entry = {"command": str(Path(sys.executable).parent / "orchestrion"), "args": ["mcp"]}
    (project / ".mcp.json").write_text(json.dumps({"mcpServers": {"orchestrion": entry}}))
    query = "SELECT count(*) AS runs FROM agent_runs"
    steps = [{"name": "ask", "mcp": "orchestrion/sql", "params": {"query": query}}]
    keys = {"name": "gamma", "keywords": ["gamma"], "capabilities": ["g"], "runner": "steps", "steps": steps}
    front = "\n".join(f"{key}: {json.dumps(value)}" for key, value in keys.items())
    (project / ".claude" / "agents" / "gamma.md").write_text(f"---\n{front}\n---\n")
    ran = program("run", "gamma", "--workspace", project, "--home", tmp_path / "home", "--format", "json")
    assert ran.code == 0, ran.err
    calls = program("tools", "--format", "json", "--home", tmp_path / "home").json
    ours = next(row for row in calls if row["agent"] == "gamma")
    assert ours["result"]["structured"]["rows"] == [{"runs": 1}]
    assert [row["agent"] for row in calls if row["call"].startswith("mcp_")] == [None], "it spoke as nobody"

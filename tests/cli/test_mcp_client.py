"""A team that uses an MCP server, as the shipped command runs, shows and reports it."""

import json
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

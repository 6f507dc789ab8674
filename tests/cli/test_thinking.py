"""The shipped command with a model behind an OpenAI-compatible address on loopback: logged, planned, approved."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pydantic_ai", reason="the extra 'llm' is not there")

import auth_story
from openai_server import Server, serving

PROGRAM = Path(os.sys.executable).parent / "orchestrion"
WAIT_SECONDS = 90


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a team of its own."""
    folder = auth_story.project(tmp_path / "project")
    (folder / ".claude/agents").mkdir(parents=True)
    for name, keys in auth_story.TEAM.items():
        lines = "\n".join(
            f"{key}: {json.dumps(value)}" for key, value in {"name": name, "keywords": [name], **keys}.items()
        )
        (folder / ".claude/agents" / f"{name}.md").write_text(f"---\n{lines}\n---\nBe {name}.\n")
    return folder


@pytest.fixture
def run(program: Callable[..., Any], project: Path, tmp_path: Path) -> Callable[..., Any]:
    """`orchestrion run` in a process of its own, thinking with the server's model."""

    def call(server: Server, *arguments: object, **variables: str) -> Any:
        environ = {**os.environ, "ORCHESTRION_MODEL_URL": server.url, "OPENAI_API_KEY": "sk-not-for-you", **variables}
        given = ("--workspace", project, "--home", tmp_path / "home", "--format", "json")
        return program("run", *given, *arguments, env=environ)

    return call


def ask(program: Callable[..., Any], tmp_path: Path, *arguments: object) -> Any:
    return program(*arguments, "--home", tmp_path / "home", "--format", "json").json


def test_a_whole_team_thinks_with_a_local_model(run: Callable[..., Any], program: Any, tmp_path: Path) -> None:
    with serving(auth_story.lines()) as server:
        said = run(server, auth_story.REQUEST, "--model", "openai:loopback-1")
    assert said.code == 0, said.err
    assert [agent["status"] for agent in said.json["agents"]] == ["completed"] * len(said.json["agents"])
    assert "name = ?" in said.json["diff"]
    assert "REJECTED" not in said.err
    assert "rejected ❌" in said.err
    assert "approved ✅" in said.err
    assert server.keys == {"Bearer none"}  # nobody's key went to the address
    usage = ask(
        program, tmp_path, "sql", "SELECT count(*) AS n, sum(input_tokens) AS t, any_value(model) AS m FROM usage"
    )
    assert usage[0]["n"] == len(server.requests)
    assert usage[0]["t"] > 0
    assert usage[0]["m"] == "loopback-1"
    models = ask(program, tmp_path, "sql", "SELECT DISTINCT model FROM agent_runs")
    assert models == [{"model": "openai:loopback-1"}]
    assert program("verify", "--home", tmp_path / "home").code == 0

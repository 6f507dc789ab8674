"""The shipped command with a model behind an OpenAI-compatible address on loopback: logged, planned, approved."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pydantic_ai", reason="the extra 'llm' is not there")

import auth_story
from openai_server import Server, serving
from scripted import call, finish

from orchestrion import Orchestrator
from orchestrion.eventstore import open_log

PROGRAM = Path(sys.executable).parent / "orchestrion"
EXAMPLE = Path(__file__).parents[2] / "examples/thinking_team"
WAIT_SECONDS = 90


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project of the story; its team is an example of ours."""
    return auth_story.project(tmp_path / "project")


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


def test_the_example_team_thinks_with_a_local_model(run: Callable[..., Any], program: Any, tmp_path: Path) -> None:
    with serving(auth_story.lines()) as server:
        said = run(server, auth_story.REQUEST, "--model", "openai:loopback-1", "--team", EXAMPLE)
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


@pytest.fixture
def asking(project: Path, tmp_path: Path) -> Iterator[Callable[[Server], subprocess.Popen[bytes]]]:
    """Starts `orchestrion run` of an agent whose command must be approved, and ends it in the end."""
    (project / ".claude/agents").mkdir(parents=True)
    (project / ".claude/agents/asker.md").write_text(
        "---\nname: asker\nkeywords: [asker]\nrunner: llm\nmodel: loopback-1\nwrites: true\n---\nAsk.\n"
    )
    begun: list[subprocess.Popen[bytes]] = []

    def start(server: Server) -> subprocess.Popen[bytes]:
        given = ["--workspace", project, "--home", tmp_path / "home", "--agent", "asker", "Make it"]
        environ = {**os.environ, "ORCHESTRION_MODEL_URL": server.url}
        process = subprocess.Popen(
            [PROGRAM, "run", *map(str, given)], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        if process.poll() is None:
            process.kill()
        process.wait(10)


ASKS = {"asker": [call("run_command", command="touch made.txt"), finish(summary="made")]}


def waiting(program: Any, tmp_path: Path) -> list[dict[str, Any]]:
    """What waits for a person, as soon as something does: the log is looked at, and then the command asked once."""
    home, end = tmp_path / "home", time.monotonic() + WAIT_SECONDS
    while not (home / "log.db").exists():
        assert time.monotonic() < end, "no log"
        time.sleep(0.05)
    with open_log(home) as log:
        while not any(row[3] == "approval.requested" for row in log.rows(after=0, limit=1000)):
            assert time.monotonic() < end, "nothing asked for approval"
            log.wait(log.head(), 1)
    said = program("approvals", "--home", home, "--format", "json")
    assert said.code == 0, said.err
    assert said.json
    return said.json


@pytest.mark.slow
def test_a_person_approves_from_another_process_and_the_command_is_run(
    asking: Any, program: Any, tmp_path: Path
) -> None:
    with serving(ASKS) as server:
        process = asking(server)
        (row,) = waiting(program, tmp_path)
        assert (row["tool"], row["params"]["command"], row["reason"]) == (
            "run_command",
            "touch made.txt",
            "it runs a command",
        )
        assert ask(program, tmp_path, "sessions")[0]["status"] == "waiting"
        assert program("approve", "last", "--home", tmp_path / "home", "--reason", "go on").code == 0
        assert process.wait(WAIT_SECONDS) == 0
    (run,) = ask(program, tmp_path, "agents")
    assert (run["status"], run["files_modified"]) == ("completed", ["made.txt"])


def test_a_wait_for_approval_survives_the_conductor(asking: Any, program: Any, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(ASKS) as server:
        process = asking(server)
        waiting(program, tmp_path)
        process.kill()
        process.wait(10)
        assert program("approve", "asker-1/1", "--home", home).code == 0
        said = program("resume", "last", "--home", home, "--format", "json")
        assert said.code == 0, said.err
        assert len(server.requests) == 2  # the first answer was not asked for again
    assert said.json["agents"][0]["files_modified"] == ["made.txt"]
    kinds = ask(program, tmp_path, "sql", "SELECT kind FROM events WHERE kind LIKE 'approval.%' ORDER BY position")
    assert [row["kind"] for row in kinds] == ["approval.requested", "approval.given"]


@pytest.mark.slow
def test_a_model_plans_or_the_words_do_and_it_is_said(program: Any, project: Path) -> None:
    tasks = [{"agent": "scribe", "task": "Describe it"}, {"agent": "mender", "task": "Mend it", "after": ["scribe"]}]
    lines = {"planner": [call("plan", tasks=tasks, rationale="first know it"), call("plan", tasks=[])]}
    with serving(lines) as server:
        environ = {**os.environ, "ORCHESTRION_MODEL_URL": server.url, "ORCHESTRION_MODEL": "loopback-1"}
        given = (
            "plan",
            auth_story.REQUEST,
            "--workspace",
            project,
            "--team",
            EXAMPLE,
            "--planner",
            "llm",
            "--format",
            "json",
        )
        first, second = program(*given, env=environ), program(*given, env=environ)
    assert first.json["phases"] == [["scribe"], ["mender"]]
    assert (first.json["planner"], first.json["rationale"]) == ("openai:loopback-1", "first know it")
    assert second.json["phases"][0] == ["auditor"]
    assert "so it follows from the request's words" in second.json["rationale"]
    without = program(*given)
    assert (without.code, without.out) == (4, "")
    assert "needs a model: give --model" in without.err


def test_a_program_gives_its_own_model(project: Path, tmp_path: Path) -> None:
    async def play() -> Any:
        async with Orchestrator(project, home=tmp_path / "home", team=EXAMPLE, model=auth_story.script().model()) as o:
            return await o.execute_request(auth_story.REQUEST)

    result = asyncio.run(play())
    assert result.status == "completed", result.reason
    assert "name = ?" in result.diff

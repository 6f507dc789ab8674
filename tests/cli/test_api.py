"""The Python API: every example of docs/api.md runs, and what it refuses it refuses in a sentence."""

import ast
import asyncio
import inspect
import json
import re
import shutil
import sys
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from orchestrion import (
    CommunicationBus,
    ExecutionDashboard,
    HandoffSystem,
    LearningSystem,
    Orchestrator,
    RuntimeLogger,
    example_repository,
)
from orchestrion.agents.roster import BUILT_IN
from orchestrion.domain.errors import BadDefinition, NotFound, OrchestrionError, Refused, RuleBroken

DOCUMENT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
SECTIONS = {
    part.partition("\n")[0]: re.findall(r"```python\n(.*?)```", part, re.DOTALL) for part in DOCUMENT.split("\n## ")[1:]
}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRION_HOME", str(tmp_path / "home"))


async def play(blocks: list[CodeType]) -> dict[str, Any]:
    """Run the blocks one after the other in one namespace, with `await` at their top."""
    names: dict[str, Any] = {}
    for block in blocks:
        result = eval(block, names)  # noqa: S307  our own documentation
        if inspect.isawaitable(result):
            await result
    return names


@pytest.mark.parametrize("section", SECTIONS)
def test_the_examples_of_the_document_run(section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = shutil.copytree(example_repository(), tmp_path / "project")
    monkeypatch.chdir(project)
    blocks = [
        compile(block, f"docs/api.md, {section}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for block in SECTIONS[section]
    ]
    assert blocks
    names = asyncio.run(play(blocks))
    if section == "Orchestrator":
        assert names["result"].success, names["result"].reason
        assert names["stats"]["handoffs"] == {"completed": 3}
    if section == "CommunicationBus":
        assert names["statistics"]["deliveries"]["delivered"] == 2
    if section == "LearningSystem":
        assert names["learnings"]["confidenceScore"] == 56
    if section == "ExecutionDashboard":
        shown = names["file"].read_text()
        assert names["file"].stat().st_mode & 0o777 == 0o600
        assert "backend-api-developer" in shown
        assert "completed" in shown.lower()
    if section == "RuntimeLogger":
        assert [agent["agent"] for agent in names["report"]["agents"]] == ["backend-api-developer"]


def test_an_agent_speaks_only_through_the_bus_that_has_it() -> None:
    async def talk() -> None:
        async with CommunicationBus() as bus, CommunicationBus(session=bus.session) as other:
            await bus.register_agent("alpha")
            await other.register_agent("beta")
            with pytest.raises(RuleBroken, match="beta is not registered on this bus"):
                await bus.send_message("beta", "alpha", {"type": "warning", "payload": {"warning": "x"}})
            sent = await other.send_message("beta", "alpha", {"type": "warning", "payload": {"warning": "x"}})
            (got,) = await bus.receive("alpha", seconds=5)
            assert got.message == sent.message

    asyncio.run(talk())


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"type": "warning", "payload": {"warning": "x"}, "to": "x"}, "a message has no to"),
        ({"payload": {}}, "needs a type"),
        ({"type": "warning"}, "valid dictionary"),
    ],
)
def test_a_message_that_makes_no_sense_is_refused(message: dict[str, Any], said: str) -> None:
    async def talk() -> None:
        async with CommunicationBus() as bus:
            await bus.register_agent("alpha")
            await bus.register_agent("beta")
            with pytest.raises(Refused, match=said):
                await bus.send_message("alpha", "beta", message)

    asyncio.run(talk())


def test_nothing_is_done_before_it_is_opened(tmp_path: Path) -> None:
    async def hurry() -> None:
        with pytest.raises(Refused, match="initialize"):
            await CommunicationBus().register_agent("alpha")
        with pytest.raises(Refused, match="initialize"):
            await Orchestrator(tmp_path).execute_request("x")
        with pytest.raises(Refused, match="start_execution"):
            await RuntimeLogger().log_agent_start("alpha", "x")

    asyncio.run(hurry())


def test_a_request_for_help_waits_for_somebody_to_come() -> None:
    async def talk() -> None:
        async with CommunicationBus() as bus:
            await bus.register_agent("alpha", ["sql"])
            asking = asyncio.create_task(bus.request_assistance("alpha", "sql", {}, seconds=30))
            await bus.receive("alpha", seconds=0.05)
            assert not asking.done()
            await bus.register_agent("beta", ["sql"])
            assert (await asking).recipient == "beta"
            with pytest.raises(NotFound, match="was busy"):
                await bus.request_assistance("alpha", "sql", {}, seconds=0.05)
            assert (await bus.get_statistics())["deliveries"]["dead"] == 1

    asyncio.run(talk())


def test_a_handoff_that_does_not_hold_up_goes_back_to_its_giver_as_work(tmp_path: Path) -> None:
    async def hand() -> None:
        async with CommunicationBus() as bus:
            await bus.register_agent("giver")
            await bus.register_agent("taker")
            handoffs = HandoffSystem(bus, workspace=tmp_path)
            needs = {"required_inputs": ["gone.py", "../outside.py"], "completed_tasks": ["analysis"]}
            await handoffs.initiate_handoff("giver", "taker", {"task": "fix", "dependencies": needs})
            with pytest.raises(RuleBroken, match=r"gone\.py: is not in the workspace"):
                await handoffs.receive_handoff("taker")
            (task,) = [m for m in await bus.receive("giver") if m.type == "task"]
            assert "../outside.py: lies outside the workspace" in task.payload["text"]
            assert "analysis: is not complete" in task.payload["text"]
            (row,) = await handoffs.get_handoff_history()
            assert (row["status"], len(row["problems"])) == ("rejected", 3)
            with pytest.raises(NotFound):
                await handoffs.receive_handoff("taker")

    asyncio.run(hand())


def test_what_the_taker_used_of_a_package_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "auth.py").touch()
    (tmp_path / "other.py").touch()

    async def hand() -> None:
        async with CommunicationBus() as bus:
            giver, taker = [await bus.register_agent(name) for name in ("giver", "taker")]
            assert giver != taker
            handoffs = HandoffSystem(bus, workspace=tmp_path)
            needs = {"required_inputs": ["auth.py", "other.py"]}
            offered = await handoffs.initiate_handoff("giver", "taker", {"task": "fix", "dependencies": needs})
            await handoffs.receive_handoff("taker", offered)
            from orchestrion.domain.events import ToolCalled
            from orchestrion.domain.streams import witnessed

            call = ToolCalled(
                source="conductor", session=bus.session, run=taker, call="c1", tool="Read", params={"file": "auth.py"}
            )
            bus.log.observe([witnessed(call)])
            assert await handoffs.complete_handoff("taker", offered.handoff) == ("auth.py",)
            assert (await handoffs.get_statistics())["by_pair"] == {"giver → taker": 1}

    asyncio.run(hand())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "needs a task"),
        ({"task": "x", "recommendations": {"hope": 1}}, "recommendations.hope"),
        ({"task": "x", "urgency": "soon"}, "urgency"),
        ({"task": "x", "colour": 1}, "colour"),
    ],
)
def test_a_package_with_rubbish_is_refused(given: dict[str, Any], said: str) -> None:
    async def hand() -> None:
        async with CommunicationBus() as bus:
            await bus.register_agent("giver")
            await bus.register_agent("taker")
            with pytest.raises(Refused, match=said):
                await HandoffSystem(bus).initiate_handoff("giver", "taker", given)

    asyncio.run(hand())


@pytest.mark.parametrize(
    ("execution", "said"),
    [
        ({"success": True, "colour": 1}, "an execution has no colour"),
        ({"duration": 5}, "success: Field required"),
        ({"success": True, "qualityScore": 101}, "quality_score"),
        ({"success": True, "run": "ses_x/alpha-1"}, "the log knows no run ses_x/alpha-1 of alpha"),
    ],
)
def test_an_execution_with_rubbish_is_refused_and_not_kept(execution: dict[str, Any], said: str) -> None:
    async def tell() -> None:
        async with CommunicationBus() as bus:
            head = bus.log.head()
            with pytest.raises(Refused, match=said):
                await LearningSystem(bus).record_agent_execution("alpha", execution)
            assert bus.log.head() == head

    asyncio.run(tell())


def test_an_execution_that_the_log_knows_is_judged_and_not_told_twice() -> None:
    async def tell() -> None:
        async with RuntimeLogger() as logger, CommunicationBus() as bus:
            await logger.start_execution("Create API endpoint")
            run = await logger.log_agent_start("alpha", "Create API endpoint")
            await logger.log_agent_complete("alpha")
            learning = LearningSystem(bus)
            told = {"run": run, "success": False, "qualityScore": 10, "reason": "it forgot the tests"}
            assert await learning.record_agent_execution("alpha", told) == run
            basis = (await learning.query_learnings("alpha"))["basis"]
            assert (basis["runs"], basis["wentBadly"]) == (1, 1.0)

    asyncio.run(tell())


def test_a_failed_execution_says_why_and_teaches_it() -> None:
    async def tell() -> None:
        async with CommunicationBus() as bus:
            learning = LearningSystem(bus)
            failed = {"success": False, "reason": "Forgot to update tests", "sessionId": "session_123"}
            for _ in range(3):
                await learning.record_agent_execution("alpha", failed)
            learnt = await learning.query_learnings("alpha", {})
            (pitfall,) = learnt["commonPitfalls"]
            assert (pitfall["issue"], pitfall["frequency"], pitfall["severity"]) == (
                "Forgot to update tests",
                3,
                "high",
            )
            for wrong in ({"colour": "red"}, {"complexity": "huge"}):
                with pytest.raises(Refused, match="task"):
                    await learning.query_learnings("alpha", wrong)
            with pytest.raises(NotFound):
                await learning.query_learnings("nobody")

    asyncio.run(tell())


def test_a_discovery_is_a_fact_even_with_nobody_to_tell() -> None:
    async def share() -> None:
        async with CommunicationBus() as bus:
            await bus.register_agent("alpha")
            learning = LearningSystem(bus)
            fact = await learning.share_discovery("alpha", {"pattern": "n-plus-one", "confidence": 0.5})
            assert (fact.name, fact.type, fact.confidence) == ("n-plus-one", "pattern", 0.5)
            assert (await bus.get_statistics())["messages"] == 0
            for wrong in ({"pattern": "x"}, {"confidence": 1}, {"pattern": "x", "confidence": 101}):
                with pytest.raises(Refused, match="pattern_discovered"):
                    await learning.share_discovery("alpha", wrong)

    asyncio.run(share())


WITH_A_RUNNER = """runner: steps
writes: {writes}
steps:
  - name: build
    run: ["{{own_python}}", "-c", "open('{file}', 'w').write('done')"]
---
"""


def test_the_parallel_feature_of_the_specification_runs_once_everybody_has_a_runner(tmp_path: Path) -> None:
    team = tmp_path / "team"
    team.mkdir()
    for name, file in (("database-optimizer", "schema.sql"), ("frontend-builder", "page.html")):
        text = (BUILT_IN / f"{name}.md").read_text()
        head, _, body = text.removeprefix("---\n").partition("---\n")
        runner = WITH_A_RUNNER.format(file=file, writes="true")
        (team / f"{name}.md").write_text(f"---\n{head}{runner}{body}")
    project = shutil.copytree(example_repository(), tmp_path / "project")

    async def build() -> None:
        async with Orchestrator(project, team=team) as orchestrator:
            result = await orchestrator.execute_request(
                "Build new API endpoint with frontend UI and database optimization", apply=True
            )
            assert result.success, result.reason
            assert [sorted(phase) for phase in result.phases] == [
                ["database-optimizer", "security-auditor"],
                ["backend-api-developer"],
                ["docs-writer", "frontend-builder", "test-suite-developer"],
            ]
            assert {"schema.sql", "page.html"} <= set(result.applied or ())
            report = await orchestrator.get_report()
            assert {line["agent"] for line in report["agents"]} >= {"database-optimizer", "frontend-builder"}

    asyncio.run(build())


def test_an_orchestrator_goes_by_the_configuration_of_its_workspace(tmp_path: Path) -> None:
    project = shutil.copytree(example_repository(), tmp_path / "project")
    (project / "orchestrion.json").write_text('{"orchestration": {"sessionToolCalls": 1}}')

    async def run() -> None:
        with pytest.raises(Refused, match="nothing has been executed"):
            Orchestrator(project).bus()
        async with Orchestrator(project) as orchestrator:
            assert (await orchestrator.execute_request("Fix the security vulnerability")).status == "budget"
        (project / "orchestrion.json").write_text('{"orchestration": {"sessionToolCall": 1}}')
        with pytest.raises(BadDefinition, match="sessionToolCall"):
            Orchestrator(project)

    asyncio.run(run())


SPEAKER = """
import asyncio
from orchestrion import CommunicationBus, HandoffSystem
async def main():
    async with CommunicationBus.of_this_process() as bus:
        await bus.send_message(bus.agent, "human", {"type": "warning", "payload": {"warning": "I am " + bus.agent}})
        try:
            await bus.retire_agent(bus.agent)
        except Exception as refused:
            print(refused)
asyncio.run(main())
"""


def test_a_python_agent_that_a_conductor_runs_speaks_as_its_run(tmp_path: Path) -> None:
    project, team = tmp_path / "project", tmp_path / "team"
    project.mkdir()
    team.mkdir()
    script = tmp_path / "speaker.py"
    script.write_text(SPEAKER)
    front = {"name": "speaker", "keywords": ["speak"], "runner": "process", "command": [sys.executable, str(script)]}
    lines = "\n".join(f"{key}: {json.dumps(value)}" for key, value in front.items())
    (team / "speaker.md").write_text(f"---\n{lines}\n---\nSpeak.\n")

    async def listen() -> None:
        async with Orchestrator(project, team=team) as orchestrator:
            result = await orchestrator.execute_request("speak")
            assert result.success, result.reason
            assert "belongs to a conductor" in result.agents[0].summary
            async with orchestrator.bus() as bus:
                (said,) = await bus.receive("human")
            assert (said.sender, said.payload) == ("speaker", {"warning": "I am speaker"})

    asyncio.run(listen())


def test_only_the_run_that_a_process_carries_and_proves_speaks_through_it(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="belongs to no run"):
        CommunicationBus.of_this_process({})
    carried = {"ORCHESTRION_HOME": str(tmp_path), "ORCHESTRION_RUN": "ses_x/alpha-1", "ORCHESTRION_TOKEN": "guess"}
    tmp_path.mkdir(exist_ok=True)
    with pytest.raises(RuleBroken, match="is not that of run"):
        CommunicationBus.of_this_process(carried)


def test_a_dashboard_moves_while_its_session_does_and_agrees_with_the_report_command(
    tmp_path: Path, program: Any
) -> None:
    path = tmp_path / "dashboard.md"

    async def story() -> tuple[str, list[str]]:
        seen = []
        async with RuntimeLogger() as logger:
            session = await logger.start_execution("Mend the door", ["carpenter"])
            async with ExecutionDashboard(logger, path) as dashboard:
                with pytest.raises(Refused, match="already"):
                    await dashboard.initialize()
                seen.append(path.read_text())
                await logger.log_agent_start("carpenter", "Mend the door")
                async with asyncio.timeout(30):
                    while path.read_text() == seen[0]:
                        await asyncio.sleep(0.02)
                seen.append(path.read_text())
                await logger.log_agent_complete("carpenter", {"summary": "it shuts"})
                await logger.end_execution()
        return session, [*seen, path.read_text()]

    session, (before, during, after) = asyncio.run(story())
    assert len({before, during, after}) == 3
    assert program("report", session, "--home", str(tmp_path / "home")).out.rstrip() == after.rstrip()


def test_a_dashboard_of_nothing_or_into_nowhere_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        async with RuntimeLogger() as logger:
            with pytest.raises(Refused, match="nothing is being executed"):
                await ExecutionDashboard(logger).initialize()
            await logger.start_execution("Mend the door")
            nowhere = ExecutionDashboard(logger, tmp_path / "no" / "such" / "folder.md")
            with pytest.raises(OrchestrionError, match="cannot be written"):
                await nowhere.initialize()
            await nowhere.shutdown()

    asyncio.run(story())

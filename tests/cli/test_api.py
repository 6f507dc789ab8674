"""The Python API: every example of docs/api.md runs, and what it refuses it refuses in a sentence."""

import ast
import asyncio
import inspect
import re
import shutil
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from orchestrion import CommunicationBus, HandoffSystem, Orchestrator, RuntimeLogger, example_repository
from orchestrion.domain.errors import NotFound, Refused, RuleBroken

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

"""docs/agents.md is held to the loader: every key is in it, and its examples work."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted import Script, finish

from orchestrion.agents import load_roster, make_plan
from orchestrion.agents.commanding import plan_request
from orchestrion.agents.definition import AgentDefinition, Step, Vocabulary
from orchestrion.agents.minds import Minds
from orchestrion.agents.slash_command import PlannedWork, SlashCommand
from orchestrion.domain import events as e

SUPPORT = Path(__file__).parents[1] / "support"
GUIDE = (Path(__file__).parents[2] / "docs/agents.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"```(?:markdown|python) file=(\S+)\n(.*?)```", GUIDE, re.DOTALL))


def written(folder: Path) -> Path:
    for name, text in EXAMPLES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_every_key_is_in_the_guide() -> None:
    named = set(re.findall(r"`(\w+)`", GUIDE))
    keys = {*AgentDefinition.model_fields, *Step.model_fields, *Vocabulary.model_fields}
    assert keys - {"instructions", "path", "steps", "vocabulary", "without_effect"} <= named


def test_every_key_of_a_command_is_in_the_guide() -> None:
    named = set(re.findall(r"`([\w-]+)`", GUIDE))
    keys = {field.alias or name for name, field in SlashCommand.model_fields.items()} | set(PlannedWork.model_fields)
    assert keys - {"name", "path", "text", "without_effect"} <= named


def test_the_guides_first_example_is_called_for_by_its_words(tmp_path: Path) -> None:
    assert make_plan("Check the type hints", load_roster(written(tmp_path))).phases == (("type-checker",),)


def test_the_guides_second_example_runs(workspace: Path, play: Callable[..., object]) -> None:
    played = play("Write a summary", written(workspace))
    assert [f.agent for f in played.of(e.AgentCompleted)] == ["summarizer"]
    assert "letters were handed over" in played.of(e.AgentCompleted)[0].outputs["text"]


def test_the_guides_team_of_three_works(
    workspace: Path, tmp_path: Path, play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files as they stand; a scripted agent of the protocol stands in for Claude Code, a script for the model."""
    (workspace / "app.py").write_text("x = 1  # TODO: two\n")
    stand_in = tmp_path / "bin/claude-agent-acp"
    stand_in.parent.mkdir()
    stand_in.write_text(
        f"#!{sys.executable}\nimport sys; sys.path.insert(0, {str(SUPPORT)!r})\nfrom acp_raw import speak\n"
        "async def turn(me, prompt):\n    assert 'TODO: two' in prompt, 'it was handed over'\n"
        "    again = 'too much' in prompt\n"
        "    await me.write('app.py', 'x = 2\\n' if again else 'x = 2\\ny = 3\\n')\n    await me.say('Done.')\n"
        "speak(turn)\n"
    )
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stand_in.parent}{os.pathsep}{os.environ['PATH']}")
    mind = Script({"change-judge": [finish(approved=False, reasons=["y is too much"]), finish(approved=True)]})
    roster, plan = plan_request("/tidy app.py", written(workspace))
    assert plan.phases == (("todo-finder",), ("mender",))
    played = play("/tidy app.py", workspace, plan=plan, minds=Minds(mind.model()))
    assert played.result.status == "completed", played.result.reason
    assert "+x = 2" in played.result.diff
    assert "y = 3" not in played.result.diff
    runners = {agent.name: agent.runner for agent in roster}
    ran = {runners[fact.agent] for fact in played.of(e.AgentStarted)}
    assert ran == {"process", "acp", "llm"}
    assert [m.payload["issue"] for m in played.of(e.MessageSent, type="finding_report")] == ["x = 1  # TODO: two"]

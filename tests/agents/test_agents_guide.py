"""docs/agents.md is held to the loader: every key is in it, and its examples work."""

import re
from collections.abc import Callable
from pathlib import Path

from orchestrion.agents import load_roster, make_plan
from orchestrion.agents.definition import AgentDefinition, Step, Vocabulary
from orchestrion.agents.slash_command import PlannedWork, SlashCommand
from orchestrion.domain import events as e

GUIDE = (Path(__file__).parents[2] / "docs/agents.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"```markdown file=(\S+)\n(.*?)```", GUIDE, re.DOTALL))


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

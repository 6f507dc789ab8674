"""Agents' files: Claude Code's as they come, ours with every key checked, errors by file and line."""

import shutil
from pathlib import Path

import pytest

from orchestrion.agents import load_roster
from orchestrion.agents.front_matter import parse_definition, read_definition
from orchestrion.domain.errors import BadDefinition, NotFound, OrchestrionError

REAL = Path(__file__).parents[2] / "../shared/sessions"


def test_a_description_with_colons_quotes_and_examples_is_read_as_claude_code_reads_it() -> None:
    text = (
        "---\nname: helper\n"
        'description: Use when: the user says "help".\\n\\n<example>\\nuser: "it\'s broken"\\n</example>\n'
        "tools: Read, Grep\nmodel: opus\ncolor: blue\n---\n# You help\n"
    )
    agent = parse_definition(text, Path("helper.md"))
    assert agent.name == "helper"
    assert agent.description.startswith('Use when: the user says "help".\n\n<example>\nuser: "it\'s broken"')
    assert agent.tools == ("Read", "Grep")
    assert agent.instructions == "# You help"
    assert agent.runner is None


def test_a_file_without_front_matter_is_an_agent_named_after_it() -> None:
    agent = parse_definition("Review everything.\n", Path("strict-reviewer.md"))
    assert (agent.name, agent.instructions) == ("strict-reviewer", "Review everything.")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("---\nname: a\nsteps: [\n---\n", 3, "valid YAML"),
        ("---\nname: a\n", 1, "not closed"),
        ("---\n- a\n- b\n---\n", 2, "keys with values"),
        ("---\nname: a\ncolour: red\n---\n", 3, "known keys:.*color"),
        ("---\nname: a\nrunner: magic\n---\n", 3, "steps.*process"),
        ("---\nname: a\nrunner: steps\n---\n", 1, "needs the key 'steps'"),
        ("---\nname: a\n\ntimeout: -1\n---\n", 4, "greater than 0"),
        ("---\nname: a\nrunner: steps\nsteps:\n- name: x\n  run: ruff check\n---\n", 4, "tuple"),
        ("---\nname: ../../etc\n---\n", 2, "pattern"),
    ],
)
def test_a_wrong_definition_names_file_and_line(text: str, line: int, said: str) -> None:
    with pytest.raises(BadDefinition, match=rf"(?s)team/bad\.md:{line}: .*{said}"):
        parse_definition(text, Path("team/bad.md"))


def test_a_file_that_is_no_text_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    path.write_bytes(b"---\nname: x\ndescription: \xff\xfe\n---\n")
    with pytest.raises(BadDefinition, match=r"x\.md:3: is not UTF-8"):
        read_definition(path)


def test_a_vocabulary_with_an_unknown_group_is_refused_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    path.write_text("---\nname: x\nvocabulary:\n  signals: [<nothing> here]\n---\n")
    with pytest.raises(BadDefinition, match=r"x\.md:3: .*'nothing'"):
        read_definition(path)


def test_a_project_overrides_the_built_in_team_and_a_team_folder_overrides_both(tmp_path: Path) -> None:
    project, team = tmp_path / ".claude/agents", tmp_path / "team"
    for folder, text in ((project, "project's"), (team, "team's")):
        folder.mkdir(parents=True)
        (folder / "docs-writer.md").write_text(f"---\nname: docs-writer\ndescription: {text}\n---\n")
    assert "docstrings" in load_roster(tmp_path / "elsewhere")["docs-writer"].description
    assert load_roster(tmp_path)["docs-writer"].description == "project's"
    assert load_roster(tmp_path, team=team)["docs-writer"].description == "team's"


def test_two_files_of_one_folder_cannot_define_one_agent(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.md").write_text("---\nname: same\n---\n")
    with pytest.raises(BadDefinition, match=r"b\.md:1: .*a\.md defines"):
        load_roster(tmp_path, team=tmp_path)


def test_a_team_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such team folder"):
        load_roster(tmp_path, team=tmp_path / "nowhere")


def test_the_built_in_team_says_what_each_can_and_how_it_runs(tmp_path: Path) -> None:
    roster = load_roster(tmp_path)
    runners = {agent.name: agent.runner for agent in roster}
    assert runners == {
        "security-auditor": "steps",
        "database-optimizer": None,
        "backend-api-developer": "steps",
        "code-reviewer": "steps",
        "frontend-builder": None,
        "test-suite-developer": "steps",
        "docs-writer": "steps",
        "claude": "acp",
        "opencode": "acp",
    }


@pytest.mark.skipif(not REAL.is_dir(), reason="the recorded agents' files are not beside this checkout")
def test_every_real_definition_at_hand_loads_or_is_refused_by_file_and_line(tmp_path: Path) -> None:
    files = [p for p in REAL.glob("agent-definitions-*/**/*.md") if p.parent.name in {"agents", "commands"}]
    assert len(files) > 15
    for number, path in enumerate(files):
        folder = tmp_path / str(number)
        folder.mkdir()
        shutil.copy(path, folder / path.name)
        if path.parent.name == "agents":
            assert path.stem in {agent.path.stem for agent in load_roster(tmp_path, team=folder) if agent.path}
        else:
            try:
                read_definition(path)
            except OrchestrionError as refusal:
                assert f"{path.name}:" in str(refusal)  # noqa: PT017 - either outcome is right, the words matter

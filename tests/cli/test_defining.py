"""Agents' and commands' files from the command line: begun, checked, planned, run."""

from pathlib import Path

import pytest

TELLS = "import sys; print('I was asked:', sys.stdin.read())"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / ".claude/agents").mkdir(parents=True)
    (folder / ".claude/commands/ops").mkdir(parents=True)
    for name in ("scout", "scribe"):
        (folder / f".claude/agents/{name}.md").write_text(
            f'---\nname: {name}\nrunner: process\ncommand: [python3, -c, "{TELLS}"]\nprompt: stdin\n---\n'
        )
    (folder / ".claude/commands/ops/survey.md").write_text(
        "---\ndescription: Surveys.\nplan: [scout, scribe]\n---\nSurvey $1 for $2.\n"
    )
    return folder


def test_a_new_agent_and_a_new_command_are_ready_to_run(program, tmp_path: Path) -> None:
    assert program("agents", "new", "helper", cwd=tmp_path).code == 0
    assert program("agents", "new", "/build", cwd=tmp_path).code == 0
    again = program("agents", "new", "helper", cwd=tmp_path)
    assert (again.code, again.out) == (2, "")
    assert "helper.md is there already; it stays as it is" in again.err
    checked = program("agents", "check", "--format", "json", cwd=tmp_path)
    assert checked.code == 0
    assert [(row["name"], row["problem"]) for row in checked.json] == [("helper", None), ("/build", None)]
    ran = program(
        "run", "--agent", "helper", "say hello", "--home", tmp_path / "home", "--format", "json", cwd=tmp_path
    )
    assert ran.code == 0, ran.err
    assert ran.json["agents"][0]["summary"].startswith("I was asked")


def test_check_names_every_bad_file_with_its_line_and_exits_2(speak, project: Path) -> None:
    (project / ".claude/agents/bad.md").write_text("---\nname: bad\nrunner: magic\n---\n")
    (project / ".claude/commands/bad.md").write_text("---\nplan: 3\n---\n")
    said = speak("agents", "check", project)
    assert said.code == 2
    assert "agents/bad.md:3: runner" in said.err
    assert "commands/bad.md:2: plan" in said.err
    assert "5 files, 2 of them cannot be used" in said.err


def test_check_of_a_folder_that_is_not_there_and_words_that_mean_nothing_are_refused(speak, tmp_path: Path) -> None:
    assert speak("agents", "check", tmp_path / "none").code == 3
    said = speak("agents", "frobnicate")
    assert said.code == 2
    assert "agents new NAME" in said.err


def test_a_slash_command_is_planned_and_run_with_its_arguments(program, project: Path, tmp_path: Path) -> None:
    plan = program("plan", "/ops:survey", "the north", "gold", "--workspace", project, "--format", "json").json
    assert plan["request"] == "/ops:survey the north gold"
    assert plan["phases"] == [["scout"], ["scribe"]]
    assert {task["task"] for task in plan["tasks"]} == {"Survey the north for gold."}
    quoted = program("plan", "/survey 'the north' gold", "--workspace", project, "--format", "json").json
    assert {task["task"] for task in quoted["tasks"]} == {"Survey the north for gold."}
    home = tmp_path / "home"
    ran = program("run", "/survey", "north", "gold", "--workspace", project, "--home", home, "--format", "json")
    assert ran.code == 0, ran.err
    assert [agent["agent"] for agent in ran.json["agents"]] == ["scout", "scribe"]
    assert "Survey north for gold." in ran.json["agents"][0]["summary"]
    sessions = program("sessions", "--home", home, "--format", "json").json
    assert sessions[0]["request"] == "/ops:survey north gold"


def test_an_unknown_command_names_those_there_are(speak, project: Path) -> None:
    said = speak("run", "/nothing", "--workspace", project)
    assert said.code == 3
    assert "no command is called /nothing" in said.err
    assert "/ops:survey" in said.err


def test_a_dry_run_of_one_agent_shows_that_agent_alone(speak, project: Path) -> None:
    said = speak("run", "--dry-run", "--agent", "scribe", "/survey a b", "--workspace", project, "--format", "json")
    assert said.json["phases"] == [["scribe"]]
    assert said.json["tasks"][0]["task"] == "Survey a for b."


def test_the_words_of_a_request_need_no_quotes(speak, project: Path) -> None:
    said = speak("plan", "scout", "and", "scribe", "--workspace", project, "--format", "json")
    assert said.json["request"] == "scout and scribe"


def test_agents_still_lists_the_runs_of_the_log(speak, told: Path) -> None:
    assert len(speak("agents", "--home", told, "--format", "json").json) == 4

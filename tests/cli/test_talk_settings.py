"""What agents may say to each other follows from the configuration, in the conductor's process and in any other."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(sys.executable).parent / "orchestrion"
SARIF = (
    "import json; print(json.dumps({'runs': [{'results': [{'ruleId': 'R1', 'level': 'error',"
    " 'message': {'text': 'bad'}, 'locations': [{'physicalLocation': {'artifactLocation': {'uri': 'app.py'}}}]}]}]}))"
)


@pytest.fixture
def run(tmp_path: Path, speak: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs alpha, which finds something, and then beta, a program that wants to write to `to`; with a configuration."""
    monkeypatch.setenv("ORCHESTRION_HOME", str(tmp_path / "home"))
    project, team = tmp_path / "project", tmp_path / "team"
    project.mkdir()
    team.mkdir()
    (project / "app.py").write_text("x = 1\n")

    def play(configuration: dict[str, Any], to: str) -> Any:
        (project / "orchestrion.json").write_text(json.dumps(configuration))
        send = f'{PROGRAM} send {to} --type warning --payload \'{{"warning": "x"}}\' || echo refused'
        agents: dict[str, dict[str, Any]] = {
            "alpha": {"runner": "steps", "capabilities": ["alpha-work"],
                      "steps": [{"name": "look", "run": [sys.executable, "-c", SARIF], "reads": "sarif"}]},
            "beta": {"runner": "process", "command": ["sh", "-c", send], "after": ["alpha-work"],
                     "capabilities": ["beta-work"]},
            "gamma": {"runner": "steps", "steps": [{"name": "say", "run": ["echo", "x"]}], "after": ["beta-work"]},
        }  # fmt: skip
        for name, front in agents.items():
            keys = {"name": name, "keywords": [name], **front}
            lines = "\n".join(f"{key}: {json.dumps(value)}" for key, value in keys.items())
            (team / f"{name}.md").write_text(f"---\n{lines}\n---\nWork.\n")
        said = speak("run", "alpha beta gamma", "--workspace", project, "--team", team, "--format", "json")
        assert said.code == 0, said.err
        return said.json, speak("messages", "--session", "last", "--format", "json").json

    return play


def test_agents_that_may_not_write_to_each_other_are_refused_and_still_hand_over_what_they_found(run: Any) -> None:
    result, messages = run({"orchestration": {"enableCommunication": False}}, "gamma")
    assert {message["type"] for message in messages} == {"handoff"}
    assert "refused" in next(agent["summary"] for agent in result["agents"] if agent["agent"] == "beta")
    assert {row["giver"]: row["urgency"] for row in result["handoffs"]} == {"alpha": "high", "beta": "normal"}


def test_without_broadcasts_one_is_still_written_to(run: Any) -> None:
    _, messages = run({"communication": {"broadcastEnabled": False}}, "gamma")
    assert [(m["sender"], m["recipient"]) for m in messages if m["type"] == "warning"] == [("beta", "gamma")]
    assert all(message["recipient"] != "all" for message in messages)


def test_without_broadcasts_a_program_cannot_write_to_all(run: Any) -> None:
    result, messages = run({"communication": {"broadcastEnabled": False}}, "all")
    assert [message for message in messages if message["type"] == "warning"] == []
    assert "refused" in next(agent["summary"] for agent in result["agents"] if agent["agent"] == "beta")


def test_a_message_is_worth_delivering_as_long_as_the_configuration_says(run: Any, speak: Any) -> None:
    _, messages = run({"communication": {"messageRetention": "0s"}}, "gamma")
    assert {message["expires_at"] for message in messages} == {message["happened_at"] for message in messages}
    rows = speak("sql", "SELECT DISTINCT state, reason FROM deliveries", "--format", "json").json
    assert {(row["state"], row["reason"]) for row in rows} <= {
        ("expired", "its time ran out"),
        ("expired", "its run has ended"),
        ("expired", "the session has ended"),
    }

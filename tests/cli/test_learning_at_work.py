"""What past runs teach, as the shipped program uses it: estimates before runs, and a choice among agents alike."""

import sys
from pathlib import Path
from typing import Any

import pytest

AGENT = """---
name: {name}
keywords: [polish]
capabilities: [polishing]
runner: steps
steps: [{{name: polish, run: ["{python}", "-c", "import sys; sys.exit({code})"]}}]
---
Polish.
"""


@pytest.fixture
def place(tmp_path: Path) -> dict[str, Path]:
    """A project, a team of two alike of whom one always fails, and a home."""
    team, project = tmp_path / "team", tmp_path / "project"
    for folder in (team, project):
        folder.mkdir()
    (project / "app.py").write_text("x = 1\n")
    for name, code in (("good-one", 0), ("bad-one", 1)):
        (team / f"{name}.md").write_text(AGENT.format(name=name, code=code, python=sys.executable))
    return {"--team": team, "--workspace": project, "--home": tmp_path / "home"}


def test_runs_teach_whom_to_choose_and_what_to_expect(speak: Any, place: dict[str, Path]) -> None:
    given = [word for pair in place.items() for word in pair]
    home = ["--home", place["--home"]]
    for _ in range(7):  # one of the two works four times at least, whatever is drawn, and three teach what to expect
        assert speak("run", "polish it", *given).code in {0, 10}
    estimates = speak("sql", "SELECT agent, chance, duration_ms FROM estimates", *home, "--format", "json").json
    assert estimates
    assert all(0 < row["chance"] < 1 and row["duration_ms"] > 0 for row in estimates)
    plan = speak("plan", "polish it", *given, "--format", "json").json["tasks"][0]
    assert sorted(plan["able"]) == ["bad-one", "good-one"]
    assert "seed" in plan["rationale"]
    recorded = speak("sql", "SELECT tasks FROM plans", *home).out
    assert "rationale" in recorded
    made = """SELECT min(e.position) - 1 AS before, any_value(p.tasks->>'$[0].rationale') AS drawn
        FROM plans AS p JOIN events AS e USING (session) GROUP BY session ORDER BY before"""
    then = speak("sql", made, *home, "--format", "json").json
    for row in (then[3], then[-1]):  # the plan as of a position is the one that was made there
        said = speak("plan", "polish it", *given, "--at", row["before"], "--format", "json").json["tasks"][0]
        assert said["rationale"] == row["drawn"]
    fixed = speak("whatif", "--routing", "fixed", *home, "--format", "json").json
    chosen = speak("sql", "SELECT tasks->>'$[0].agent' AS agent FROM plans", *home, "--format", "json").json
    assert [row["supposed"] for row in fixed] == ["bad-one"] * sum(row["agent"] != "bad-one" for row in chosen)
    learned = speak("whatif", "--routing", "learned", *home)
    assert (learned.code, learned.out) == (0, "")
    assert "Nothing would change" in learned.err  # every draw comes again, by its recorded seed


def test_another_budget_of_calls_would_have_stopped_what_it_does_stop(
    speak: Any, place: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for agent in place["--team"].iterdir():
        agent.unlink()
    step = '{{name: step-{number}, run: ["{python}", "-c", "pass"]}}'
    steps = ", ".join(step.format(number=number, python=sys.executable) for number in range(3))
    definition = AGENT.format(name="polisher", code=0, python=sys.executable)
    head, _, body = definition.partition("steps: [")
    (place["--team"] / "polisher.md").write_text(f"{head}steps: [{steps}]\n---{body.partition('---')[2]}")
    given, home = [word for pair in place.items() for word in pair], ["--home", place["--home"]]
    assert speak("run", "polish it", *given).code == 0
    session = speak("sessions", *home, "--format", "json").json[0]["session"]
    supposed = {}
    for calls in (1, 2, 3, 4):
        said = speak("whatif", "--max-calls", calls, "--session", session, *home, "--format", "json").json
        supposed[calls] = ("budget", said[0]["supposed"]) if said else ("completed", 3)
    done = {}
    for calls in (1, 2, 3, 4):
        monkeypatch.setenv("ORCHESTRION_SESSION_TOOL_CALLS", str(calls))
        speak("run", "polish it", *given)
        last = speak("sessions", *home, "--format", "json").json
        newest = max(last, key=lambda row: row["started_at"])
        done[calls] = (newest["status"], newest["tool_calls"])
    assert supposed == done


def test_without_learning_all_work_and_nothing_is_expected(
    speak: Any, place: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_ENABLE_LEARNING", "false")
    given = [word for pair in place.items() for word in pair]
    assert {task["agent"] for task in speak("plan", "polish it", *given, "--format", "json").json["tasks"]} == {
        "good-one", "bad-one",
    }  # fmt: skip
    for _ in range(2):
        speak("run", "polish it", *given)
    rows = speak("sql", "SELECT * FROM estimates", "--home", place["--home"], "--format", "json").json
    assert rows == []

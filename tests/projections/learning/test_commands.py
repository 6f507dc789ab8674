"""learn, judge and calibration, as people and scripts use them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrion.cli.main import main
from orchestrion.cli.wiring import asked, home_of
from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log
from orchestrion.projections.learning import patterns
from orchestrion.projections.learning.advising import LogLearnt


@pytest.fixture
def home(tmp_path: Path, past: Any) -> Path:
    log = open_log(tmp_path / "home")
    try:
        for n in range(4):
            log.observe([witnessed(fact) for fact in past(ms=3000 + n).facts(n)])
    finally:
        log.close()
    return tmp_path / "home"


@pytest.fixture
def speak(capsys: pytest.CaptureFixture[str], home: Path) -> Callable[..., tuple[int, str, str]]:
    def call(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([*words, "--home", str(home)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_learn_answers_for_people_and_scripts(speak) -> None:
    code, out, _ = speak("learn", "fixer", "--task", "fix 'login'", "--complexity", "low", "--technologies", "python")
    assert code == 0
    assert "Read → Edit → Bash" in out
    answer = json.loads(speak("learn", "fixer", "--format", "json")[1])
    assert answer["confidenceScore"] == 63
    assert answer["recommendedApproach"]["evidence"]


def test_learn_looks_at_as_many_runs_as_the_project_has_set(speak, tmp_path: Path, monkeypatch: Any) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "orchestrion.toml").write_text("[learning]\nmax_executions_per_agent = 2\n")
    assert json.loads(speak("learn", "fixer", "--format", "json")[1])["basis"]["runs"] == 4
    monkeypatch.chdir(project)
    assert json.loads(speak("learn", "fixer", "--format", "json")[1])["basis"]["runs"] == 2


def test_patterns_fade_as_the_project_has_set(speak, tmp_path: Path, past: Any, monkeypatch: Any) -> None:
    log = open_log(tmp_path / "home")
    try:
        for n in range(4, 6):  # a hundred days later
            log.observe([witnessed(fact) for fact in past(day=100, tools=("Glob",)).facts(n)])
    finally:
        log.close()
    config = tmp_path / "orchestrion.toml"

    def sure(*words: str) -> int:
        return next(row["confidence"] for row in json.loads(speak(*words, "--format", "json")[1])
                    if row["name"] == "Read → Edit")  # fmt: skip

    usual = sure("learn")
    config.write_text("[learning]\nhalfLifeDays = 10000\n")
    assert sure("learn", "--config", str(config)) > usual
    config.write_text("[learning]\nhalf_life_days = 10\n")
    assert sure("learn", "--config", str(config)) < usual
    monkeypatch.chdir(tmp_path)
    assert sure("learn") < usual
    assert "Nothing would change" in speak("whatif", "--threshold", "50")[2]  # for what has faded is told to nobody
    config.write_text("[learning]\nhalf_life_days = 10000\n")
    assert "Read → Edit" in speak("whatif", "--threshold", "50")[1]


def test_whatif_tells_of_what_agents_would_be_told_and_of_nothing_else(tmp_path: Path, capsys: Any, past: Any) -> None:
    log = open_log(tmp_path / "other")
    try:
        for n in range(5):
            log.observe([witnessed(fact) for fact in past(tools=tuple("ABCDEF")).facts(n)])
        for n in range(5, 7):  # two runs make a candidate, which nobody is told
            log.observe([witnessed(fact) for fact in past(agent="novice", tools=("X", "Y")).facts(n)])
    finally:
        log.close()

    def would_change(threshold: int) -> list[dict[str, Any]]:
        capsys.readouterr()
        words = ["whatif", "--threshold", str(threshold), "--home", str(tmp_path / "other"), "--format", "json"]
        assert main(words) == 0
        return json.loads(capsys.readouterr().out)

    with asked(home_of(tmp_path / "other")) as store:
        told = LogLearnt(store, threshold=20).advice(agent="fixer", task=None)["patterns"]
        assert LogLearnt(store, threshold=20).advice(agent="novice", task=None) == {}
        assert [row["life"] for row in patterns(store) if row["name"] == "X → Y"] == ["candidate"]
    rows = would_change(20)
    assert {row["about"] for row in rows} == {"what fixer is told"}
    assert [row["what"] for row in rows] == [
        f"{row['type']} {row['name']} (confidence {row['confidence']})" for row in told
    ]
    assert len(rows) == 10
    assert would_change(70) == []


def test_learn_without_an_agent_lists_patterns(speak) -> None:
    assert "Read → Edit" in speak("learn")[1]
    assert json.loads(speak("learn", "--format", "json")[1])[0]["evidence"]
    assert speak("learn", "--task", "x")[0] == 2


def test_an_unknown_agent_is_refused_with_the_nearest(speak) -> None:
    code, out, err = speak("learn", "fxer")
    assert (code, out) == (3, "")
    assert "'fixer'" in err


def test_a_judgement_becomes_a_fact_and_changes_what_is_learnt(speak) -> None:
    code, out, _ = speak(
        "judge", "s0/", "--quality", "20", "--rework", "--reason", 'it\'s "wrong"', "--by", "ann", "--format", "json"
    )
    assert code == 0
    said = json.loads(out)
    assert (said["subject"], said["verdict"], said["by"], said["reason"]) == (
        "s0/fixer-0",
        "rejected",
        "ann",
        'it\'s "wrong"',
    )
    assert json.loads(speak("learn", "fixer", "--format", "json")[1])["basis"]["wentBadly"] == 1
    assert (
        json.loads(speak("learn", "fixer", "--at", str(said["position"] - 1), "--format", "json")[1])["basis"][
            "wentBadly"
        ]
        == 0
    )
    speak("judge", "s0/fixer-0", "--quality", "90", "--by", "ann")
    assert json.loads(speak("learn", "fixer", "--format", "json")[1])["basis"]["wentBadly"] == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("judge", "s0/fixer-0"), 2),
        (("judge", "s", "--quality", "1"), 2),
        (("judge", "nothing'", "--quality", "1"), 3),
        (("judge", "", "--quality", "1"), 3),
        (("judge", "s0/fixer-0", "--quality", "101"), 2),
    ],
)
def test_a_judgement_that_cannot_stand_is_refused(speak, words, code) -> None:
    assert speak(*words)[0] == code


def test_calibration_says_when_nothing_was_estimated(speak) -> None:
    assert "Nothing was estimated." in speak("calibration")[2]
    assert json.loads(speak("calibration", "--format", "json")[1]) == []
    assert "Nothing was estimated." in speak("calibration", "fixer")[2]
    code, out, err = speak("calibration", "fxer")
    assert (code, out, "'fixer'" in err) == (3, "", True)


def test_learn_names_the_first_of_many_collaborators_and_no_tool(tmp_path: Path, capsys: Any, past: Any) -> None:
    log = open_log(tmp_path / "talk")
    shared: dict[str, Any] = {"source": "transcript", "session": "s0", "run": "s0/fixer-0", "type": "context_share"}
    try:
        log.observe([witnessed(fact) for fact in past().facts(0)])
        for name in ("tool", *(f"peer{n}" for n in range(7))):
            told = e.MessageSent(**shared, message=name, sender=name, recipient="fixer", payload={"context": "x"})
            log.observe([witnessed(told)])
    finally:
        log.close()
    assert main(["learn", "fixer", "--home", str(tmp_path / "talk")]) == 0
    said = capsys.readouterr().out
    assert "peer0 (1), peer1 (1), peer2 (1), peer3 (1), peer4 (1) and 2 more" in said
    assert "tool (" not in said

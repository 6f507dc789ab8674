"""bench and blame as people and scripts use them."""


def test_bench_learning_prints_honest_figures_without_recordings(speak, tmp_path) -> None:
    said = speak("bench", "learning", "--format", "json")
    assert said.code == 0
    simulated = [row for row in said.json["calibration"] if row["of"].startswith("simulated")]
    assert len(simulated) == 3
    assert all(0.7 <= row["held"] <= 0.9 for row in simulated)
    regret = {row["choice"]: row["regret"] for row in said.json["regret"]}
    assert regret["learnt"] < regret["at random"] / 2
    assert regret["learnt"] < regret["fixed"] / 2
    assert said.json["attribution"] == []
    assert speak("bench", "learning", "--sessions", tmp_path / "nowhere").code == 3


def test_blame_names_an_agent_a_step_and_the_rule(speak, told) -> None:
    said = speak("blame", "ses_alpha", "--home", told, "--format", "json")
    assert said.code == 0
    assert said.json["agent"] == "fixer"
    assert said.json["position"] > 0
    assert speak("blame", "ses_alpha", "--home", told, "--at", 3).code == 3

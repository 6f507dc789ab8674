"""bench and blame as people and scripts use them."""

from datetime import UTC, datetime
from typing import Any

from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log

AT = datetime(2026, 1, 30, 10, tzinfo=UTC)


def record(home: Any, events: list[e.Event]) -> None:
    log = open_log(home)
    try:
        log.observe([witnessed(event) for event in events])
    finally:
        log.close()


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
    assert (said.json["outcome"], said.json["because"]) == ("failed", "it ended failed: Fix it")
    assert said.json["evidence"]
    early = speak("blame", "ses_alpha", "--home", told, "--at", 3)
    assert early.code == 3
    assert "may have failed (nobody judged it, and its status is running)" in early.err


def finished(status: e.RunStatus, session: str = "ses_done") -> list[e.Event]:
    """A session of ours in which somebody assumed something, and how it ended."""
    shared: dict[str, Any] = {"source": "conductor", "session": session, "happened_at": AT}
    who = {**shared, "run": f"{session}/a-1", "agent": "a"}
    return [
        e.SessionStarted(**shared, product="orchestrion", request="Count"),
        e.AgentStarted(**who, task="Count", task_id="t"),
        e.MessageSent(**who, message=f"m-{session}", sender="a", recipient="all", type="response",
                      payload={"text": "Let us assume that it is 7"}),
        e.AgentCompleted(**who),
        e.SessionEnded(**shared, status=status),
    ]  # fmt: skip


def test_blame_names_nobody_for_a_session_that_did_not_fail(speak, tmp_path) -> None:
    record(tmp_path, finished("completed"))
    said = speak("blame", "ses_done", "--home", tmp_path, "--format", "json")
    assert (said.code, said.json["outcome"], said.json["agent"], said.json["rule"]) == (0, "did not fail", None, None)
    assert (said.json["evidence"], "its end says" in said.json["because"]) == ([5], True)
    assert "Nobody is blamed" in said.err
    shown = speak("blame", "ses_done", "--home", tmp_path)
    assert "did not fail" in shown.out
    assert "assumed" not in shown.out
    assert speak("blame", "ses_done", "--home", tmp_path, "--at", 4, "--format", "json").json["outcome"] == "unknown"


def test_what_a_person_says_of_a_session_decides_whether_somebody_is_blamed(speak, tmp_path) -> None:
    record(tmp_path, finished("completed"))
    for by, verdict, outcome in (
        ("ann", "failed", "failed"),
        ("bob", "good", "unknown"),
        ("ann", "good", "did not fail"),
    ):
        assert speak("judge", "ses_done/a-1", "--verdict", verdict, "--by", by, "--home", tmp_path).code == 0
        said = speak("blame", "ses_done", "--home", tmp_path, "--format", "json")
        assert (said.json["outcome"], said.json["agent"]) == (outcome, None if outcome == "did not fail" else "a")
        assert "ses_done/a-1" in said.json["because"]


def test_work_that_went_back_to_its_author_on_the_way_is_no_failure(speak, tmp_path) -> None:
    sent_back = e.OutcomeJudged(
        source="conductor", session="ses_done", run="ses_done/a-1", agent="b", subject="ses_done/a-1",
        verdict="rejected", rework=True, by="b", happened_at=AT,
    )  # fmt: skip
    record(tmp_path, [*finished("completed"), sent_back])
    assert speak("blame", "ses_done", "--home", tmp_path, "--format", "json").json["outcome"] == "did not fail"


def test_where_nobody_knows_whether_a_session_failed_blame_says_so(speak, tmp_path) -> None:
    shared: dict[str, Any] = {"source": "transcript", "session": "t", "run": "t/main", "agent": "main"}
    asked = e.MessageSent(
        **shared, message="m1", sender="human", recipient="main", type="prompt", payload={"text": "?"}
    )
    told = e.MessageSent(**shared, message="m2", sender="main", recipient="all", type="progress_update",
                         payload={"text": "Let us assume that it is 7"})  # fmt: skip
    record(tmp_path, [asked, told])
    said = speak("blame", "t", "--home", tmp_path, "--format", "json")
    assert (said.json["outcome"], said.json["agent"]) == ("unknown", "main")
    assert "not known" in said.err
    answered = e.MessageSent(**shared, message="m3", sender="main", recipient="all", type="response",
                             payload={"text": "7"})  # fmt: skip
    record(tmp_path, [answered])
    said = speak("blame", "t", "--home", tmp_path, "--format", "json")
    assert (said.json["outcome"], said.json["evidence"], said.json["agent"]) == ("did not fail", [3], None)

"""What past runs say about the next one, and that nothing is said without evidence."""

import json
import math
from itertools import permutations
from typing import Any

import pytest

from orchestrion.domain import events as e
from orchestrion.domain.errors import NotFound
from orchestrion.projections.learning import Task, query_learnings

KEYS = {
    "recommendedApproach": {"toolSequence", "mcpServers", "parallelOpportunities", "confidence"},
    "collaborationPatterns": {"frequentCollaborators", "effectiveHandoffs", "communicationEfficiency"},
    "estimatedDuration": {"estimated", "min", "max", "confidence"},
}
GROUNDS = {"evidence", "support", "contradictions"}


def numbers_in(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [n for item in value.values() for n in numbers_in(item)]
    if isinstance(value, list):
        return [n for item in value for n in numbers_in(item)]
    return [value] if isinstance(value, int | float) else []


def without_positions(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_positions(item) for name, item in value.items() if name != "evidence"}
    return [without_positions(item) for item in value] if isinstance(value, list) else value


def test_the_answer_has_the_specifications_keys_and_stands_on_positions_of_the_log(told, past) -> None:
    log = told().runs(*(past(ms=4000 + n) for n in range(5)))
    learnt = query_learnings(log.store(), "fixer")
    assert set(learnt) == {*KEYS, "commonPitfalls", "optimizationTips", "confidenceScore", "basis"}
    for part, keys in KEYS.items():
        assert set(learnt[part]) >= keys | GROUNDS
    starts = {r.position for r in log.log.read() if r.event.kind == "agent.started"}
    assert set(learnt["recommendedApproach"]["evidence"]) == starts
    assert learnt["recommendedApproach"]["toolSequence"] == ["Read", "Edit", "Bash"]
    assert learnt["recommendedApproach"]["support"] == 5
    assert json.loads(json.dumps(learnt, allow_nan=False)) == learnt


def test_a_way_that_fails_is_never_recommended(told, past) -> None:
    good, bad = past(tools=("Read", "Edit")), past(tools=("Bash", "Write"), failed="it broke")
    approach = query_learnings(told().runs(*[good] * 4, *[bad] * 6).store(), "fixer")["recommendedApproach"]
    assert approach["toolSequence"] == ["Read", "Edit"]
    assert approach["lift"] == 2.5
    only_bad = query_learnings(told().runs(*[bad] * 6).store(), "fixer")
    assert only_bad["recommendedApproach"]["toolSequence"] is None
    assert only_bad["recommendedApproach"]["reason"]
    assert only_bad["confidenceScore"] < 5
    assert only_bad["commonPitfalls"][0] | {"evidence": None} == {
        "issue": "it broke", "frequency": 6, "severity": "high", "support": 6, "contradictions": 0, "evidence": None,
    }  # fmt: skip


def test_one_run_is_too_little_and_the_answer_says_so(told, past) -> None:
    learnt = query_learnings(told().runs(past()).store(), "fixer")
    for part in ("recommendedApproach", "estimatedDuration", "collaborationPatterns", "basis"):
        assert learnt[part]["reason"], part
    assert learnt["recommendedApproach"]["toolSequence"] is None
    assert learnt["estimatedDuration"]["estimated"] is None
    assert learnt["commonPitfalls"] == learnt["optimizationTips"] == []


def test_an_empty_log_and_an_unknown_agent_are_refused_with_the_nearest_name(told, past) -> None:
    with pytest.raises(NotFound, match="knows no agent yet"):
        query_learnings(told().store(), "fixer")
    with pytest.raises(NotFound, match="'fixer'"):
        query_learnings(told().runs(past()).store(), "fixr")
    for odd in ("it's", 'a"b', "'; DROP TABLE x; --", ""):
        with pytest.raises(NotFound):
            query_learnings(told().runs(past()).store(), odd)


def test_quotes_in_what_is_asked_and_in_names_are_only_text(told, past) -> None:
    name = 'o\'brien "the" fixer'
    learnt = query_learnings(
        told().runs(*[past(agent=name, task='it\'s "login"')] * 3).store(), name, Task(text="'login'; --", type="'")
    )
    assert learnt["basis"]["agent"] == name
    assert learnt["basis"]["runs"] == 3


def test_a_registered_agent_without_runs_is_known_but_nothing_is_said(told) -> None:
    store = told().facts(e.AgentRegistered(source="conductor", session="s", agent="newcomer")).store()
    learnt = query_learnings(store, "newcomer")
    assert learnt["basis"]["runs"] == 0
    assert learnt["confidenceScore"] == 0


def test_only_similar_runs_speak(told, past) -> None:
    login, docs = past(task="Fix the login endpoint"), past(task="Write documentation pages", tools=("Glob", "Note"))
    store = told().runs(*[login] * 4, *[docs] * 5).store()
    assert query_learnings(store, "fixer", Task(text="fixing login endpoints"))["basis"]["similar"] == 4
    approach = query_learnings(store, "fixer", Task(type="documentation"))["recommendedApproach"]
    assert approach["toolSequence"] == ["Glob", "Note"]
    assert query_learnings(store, "fixer", Task(technologies=("python",)))["basis"]["similar"] == 4
    assert query_learnings(store, "fixer", Task(complexity="high"))["basis"]["similar"] == 0
    assert query_learnings(store, "fixer", Task(files=("src/login.py",)))["basis"]["similar"] == 4


def test_where_similar_runs_are_too_few_the_duration_says_it_comes_from_all(told, past) -> None:
    store = told().runs(past(task="paint a picture"), *[past(ms=1000 * n) for n in range(1, 6)]).store()
    duration = query_learnings(store, "fixer", Task(text="paint a picture"))["estimatedDuration"]
    assert duration["from"] == "all runs of the agent"
    assert duration["support"] == 6


def test_failures_that_differ_in_names_and_numbers_are_one_pitfall(told, past) -> None:
    errors = ["File '/a/b.py' not found, line 3", "File '/c/d e.py' not found, line 99", "Exit code 2\nno module 'x'"]
    pasts = [past(errors={1: said}) for said in errors]
    pitfalls = query_learnings(told().runs(*pasts, past(), past()).store(), "fixer")["commonPitfalls"]
    assert len(pitfalls) == 1
    assert pitfalls[0]["issue"] == "Edit: File ‹…› not found, line ‹n›"
    assert (pitfalls[0]["frequency"], pitfalls[0]["contradictions"], pitfalls[0]["severity"]) == (2, 3, "low")


def test_durations_of_zero_count_and_times_that_run_backwards_do_not(told, past) -> None:
    store = told().runs(*[past(ms=0)] * 3).store()
    duration = query_learnings(store, "fixer")["estimatedDuration"]
    assert (duration["estimated"], duration["min"], duration["max"]) == (0, 0, 0)
    backwards = [
        fact.model_copy(update={"happened_at": fact.happened_at.replace(year=2025), "duration_ms": None})
        if fact.kind == "agent.completed"
        else fact
        for n in range(4)
        for fact in past().facts(n)
    ]
    duration = query_learnings(told().facts(*backwards).store(), "fixer")["estimatedDuration"]
    assert duration["estimated"] is None
    assert duration["support"] == 0


def test_the_last_word_of_a_judge_counts_and_judges_who_disagree_count_in_part(told, past, judged) -> None:
    log = told().runs(*[past()] * 4)
    basis = query_learnings(log.store(), "fixer")["basis"]
    assert (basis["wentWell"], basis["wentBadly"]) == (4, 0)
    log.judge(judged(past(), 0, verdict="rejected", quality=10, rework=True))
    learnt = query_learnings(log.store(), "fixer")
    assert (learnt["basis"]["wentWell"], learnt["basis"]["wentBadly"]) == (3, 1)
    log.judge(judged(past(), 0, by="bob", verdict="accepted", quality=95))
    assert query_learnings(log.store(), "fixer")["basis"]["wentBadly"] == 0.5
    log.judge(judged(past(), 0, verdict="accepted", quality=90))
    learnt = query_learnings(log.store(), "fixer")
    assert learnt["basis"]["wentBadly"] == 0
    assert len(learnt["basis"]["evidence"]) == 4 + 2


def test_a_refused_validation_speaks_against_the_run_that_asked(told, past) -> None:
    log = told().runs(*[past()] * 3)
    asked = e.MessageSent(
        source="conductor", session="s1", run="s1/fixer-1", agent="fixer", message="m1", sender="fixer",
        recipient="auditor", type="validation_request", payload={"changes": ["x"]},
    )  # fmt: skip
    refused = e.MessageSent(
        source="conductor", session="s1", run="s1/auditor-1", agent="auditor", message="m2", sender="auditor",
        recipient="fixer", type="validation_result", in_reply_to="m1",
        payload={"approved": False, "reasons": ["new finding: S602 in a/b.py"]},
    )  # fmt: skip
    basis = query_learnings(log.facts(asked, refused).store(), "fixer")["basis"]
    assert (basis["wentWell"], basis["wentBadly"]) == (2, 1)


def test_a_tip_is_told_only_where_the_difference_holds(told, past) -> None:
    slow = [past(ms=9000 + 400 * n) for n in range(8)]
    quick = [past(ms=3000 + 300 * n, server="postgres") for n in range(8)]
    tips = query_learnings(told().runs(*slow, *quick).store(), "fixer")["optimizationTips"]
    assert [tip["type"] for tip in tips] == ["mcp_usage"]
    assert tips[0]["tip"].startswith("Runs with MCP server postgres took 6")
    assert (tips[0]["support"], tips[0]["contradictions"]) == (8, 0)
    same = [past(ms=3000 + 700 * (n % 5), server="postgres" if n % 2 else None) for n in range(16)]
    assert query_learnings(told().runs(*same).store(), "fixer")["optimizationTips"] == []
    dead_end = [past(ms=10 + n, server="postgres", failed="no") for n in range(8)]
    told_of = query_learnings(told().runs(*slow, *dead_end).store(), "fixer")["optimizationTips"]
    assert not [tip for tip in told_of if "postgres" in tip["tip"]]


def test_tools_that_ran_side_by_side_are_an_opportunity_for_runs_that_did_not(told, past) -> None:
    together, apart = past(tools=("Read", "Grep"), side_by_side=True), past(tools=("Read", "Grep"))
    approach = query_learnings(told().runs(*[together] * 3, apart, apart).store(), "fixer")["recommendedApproach"]
    (pair,) = approach["parallelOpportunities"]
    assert (pair["tools"], pair["parallel"], pair["sequential"]) == (["Grep", "Read"], 3, 2)


def test_who_works_with_whom_comes_from_messages_and_handoffs(told, past) -> None:
    log = told().runs(*[past()] * 3)
    for n in range(4):
        shared = {"source": "conductor", "session": "s0", "handoff": f"h{n}", "agent": "auditor"}
        log.facts(
            e.HandoffOffered(**shared, giver="auditor", taker="fixer", task="t"),
            e.HandoffCompleted(**shared, taker="fixer"),
            e.MessageSent(source="conductor", session="s0", message=f"q{n}", sender="fixer", recipient="auditor",
                          type="assistance_request", payload={"capability": "x"}),
        )  # fmt: skip
    log.facts(
        e.MessageSent(source="conductor", session="s0", message="r", sender="auditor", recipient="fixer",
                      type="response", in_reply_to="q0", payload={"text": "so"})
    )  # fmt: skip
    patterns = query_learnings(log.store(), "fixer")["collaborationPatterns"]
    assert patterns["frequentCollaborators"] == {"auditor": 9}
    assert patterns["communicationEfficiency"] == 25
    assert patterns["effectiveHandoffs"][0]["from"] == "auditor"
    assert patterns["effectiveHandoffs"][0]["support"] == 4


def test_as_of_a_position_only_what_stood_there_counts(told, past) -> None:
    log = told().runs(*[past()] * 3)
    before = log.log.head()
    log.runs(*[past(failed="broken")] * 5)
    store = log.store()
    assert query_learnings(store, "fixer", at=before)["basis"]["runs"] == 3
    assert query_learnings(store, "fixer", at=before)["basis"]["wentBadly"] == 0
    assert query_learnings(store, "fixer")["basis"]["wentBadly"] == 5


def test_independent_sessions_give_the_same_answer_in_any_order(told, past) -> None:
    sessions = [
        past(session="a", server="pg").facts(1),
        past(session="b", tools=("Read", "Bash"), failed="no").facts(2),
        past(session="c", errors={0: "not there"}).facts(3),
        past(session="d", ms=100, errors={0: "not there"}).facts(4),
    ]
    answers = []
    for order in list(permutations(sessions))[::5]:
        log = told()
        for facts in order:
            log.facts(*facts)
        answers.append(without_positions(query_learnings(log.store(), "fixer", Task(text="fix login"))))
    assert all(answer == answers[0] for answer in answers)


def test_no_answer_holds_a_number_that_is_none(told, past) -> None:
    pasts = [
        past(ms=None),
        past(ms=0, failed=""),
        past(tools=(), ms=2**62),
        past(errors={0: ""}),
        past(errors={0: "\n"}),
    ]
    learnt = query_learnings(told().runs(*pasts).store(), "fixer", Task(text="…", type="??", files=("",)))
    assert all(math.isfinite(number) for number in numbers_in(learnt))

"""Patterns are mined or reported, live and die by counts, and fade."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain import events as e
from orchestrion.projections.learning import Pattern, patterns

NOW = datetime(2026, 3, 1)
TIMES = st.lists(st.integers(0, 1000).map(lambda days: NOW - timedelta(days=days)) | st.none(), max_size=30)


def named(rows: list[dict], name: str) -> dict:
    return next(row for row in rows if row["name"] == name)


def test_a_sequence_is_candidate_then_established_then_proven_and_failures_refute_it(told, past) -> None:
    log = told()
    lives = []
    for more in (2, 2, 10):
        log.runs(*[past(tools=("Read", "Edit"))] * more)
        lives.append(named(patterns(log.store()), "Read → Edit")["life"])
    assert lives == ["candidate", "established", "proven"]
    log.runs(*[past(tools=("Read", "Edit"), failed="no")] * 20)
    row = named(patterns(log.store()), "Read → Edit")
    assert (row["life"], row["support"], row["contradictions"]) == ("refuted", 14, 20)


def test_support_fades_with_the_half_life_and_contradictions_do_not(told, past) -> None:
    old = told().runs(*[past(tools=("Read", "Edit"))] * 12, past(tools=("Else",), day=900))
    fresh = told().runs(*[past(tools=("Read", "Edit"))] * 12)
    store = old.store()
    assert (
        named(patterns(store), "Read → Edit")["confidence"]
        < named(patterns(fresh.store()), "Read → Edit")["confidence"]
    )
    assert named(patterns(store, half_life_days=1e9), "Read → Edit")["life"] == "proven"


def test_the_order_of_agents_is_a_pattern_of_sessions(told, past) -> None:
    log = told()
    for n in range(3):
        log.runs(past(agent="auditor", session=f"t{n}"), past(agent="fixer", session=f"t{n}"))
    row = named(patterns(log.store()), "auditor → fixer")
    assert (row["type"], row["support"], row["contradictions"], row["life"]) == ("agent_sequence", 3, 0, "established")
    assert len(row["evidence"]) == 6


def test_a_repeated_failure_loses_confidence_by_each_run_that_is_spared_it(told, past) -> None:
    log = told().runs(*[past(errors={0: "no such table 'x'"})] * 4)
    before = named(patterns(log.store()), "Read: no such table ‹…›")
    after = named(patterns(log.runs(*[past()] * 5).store()), "Read: no such table ‹…›")
    assert (before["support"], before["contradictions"]) == (4, 0)
    assert (after["contradictions"], after["life"]) == (5, "refuted")
    assert after["confidence"] < before["confidence"]


def test_changes_without_validation_are_missed_only_where_the_team_validates(told, past) -> None:
    log = told().runs(*[past()] * 3)
    assert not [row for row in patterns(log.store()) if row["type"] == "missing_validation"]
    log.facts(
        e.MessageSent(source="conductor", session="s0", run="s0/fixer-0", message="q", sender="fixer",
                      recipient="auditor", type="validation_request", payload={"changes": []}),
        e.MessageSent(source="conductor", session="s0", run="s0/auditor-1", message="a", sender="auditor",
                      recipient="fixer", type="validation_result", in_reply_to="q", payload={"approved": True}),
    )  # fmt: skip
    (row,) = [row for row in patterns(log.store()) if row["type"] == "missing_validation"]
    assert (row["agent"], row["support"], row["contradictions"]) == ("fixer", 2, 1)


def test_what_agents_report_counts_by_confirmations_not_by_claims(told) -> None:
    shared = {"source": "conductor", "session": "s", "agent": "auditor", "pattern": "p1"}
    log = told().facts(e.PatternDiscovered(**shared, name="missing-check", type="security", confidence=0.99))
    row = named(patterns(log.store()), "missing-check")
    assert (row["origin"], row["claimed"], row["support"], row["life"]) == ("reported", 99, 1, "candidate")
    assert row["confidence"] < 50
    for version in range(2, 5):
        log.log.append(
            "pattern-p1", [e.PatternContradicted(**shared)], expect=log.log.read_stream("pattern-p1")[-1].version
        )
        assert named(patterns(log.store()), "missing-check")["contradictions"] == version - 1
    assert named(patterns(log.store()), "missing-check")["life"] == "refuted"


@given(TIMES, st.integers(0, 30), st.integers(1, 5), st.integers(0, 400))
def test_neither_a_contradiction_nor_time_raises_a_confidence(
    times: list[datetime | None], against: int, more: int, later: int
) -> None:
    before = Pattern("t", "n", supported_at=times, contradictions=against)
    after = Pattern("t", "n", supported_at=times, contradictions=against + more)
    assert after.confidence(NOW + timedelta(days=later)) <= before.confidence(NOW) + 1e-9


def test_an_empty_log_has_no_patterns(told) -> None:
    assert patterns(told().store()) == []

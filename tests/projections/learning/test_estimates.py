"""Estimates stand in the log before a run, and are compared with what happened."""

import random
from datetime import UTC, datetime

import pytest

from orchestrion.domain import events as e
from orchestrion.domain.errors import NotFound
from orchestrion.domain.ports import Estimator
from orchestrion.projections.learning import LogEstimator, calibration, query_learnings

AT = datetime(2026, 3, 2, tzinfo=UTC)


def estimated(subject: str, low: int, high: int, chance: float | None = None) -> e.EstimateMade:
    return e.EstimateMade(
        source="conductor", session=subject.partition("/")[0], run=subject, agent="fixer", subject=subject,
        duration_ms_low=low, duration_ms=(low + high) // 2, duration_ms_high=high, chance=chance,
    )  # fmt: skip


def ask(estimator: Estimator, task: str = "Fix the login endpoint", agent: str = "fixer") -> e.EstimateMade | None:
    return estimator.estimate(subject="s/fixer-9", session="s", agent=agent, task=task, at=AT)


def test_an_estimate_is_an_interval_with_its_evidence(told, past) -> None:
    log = told().runs(*[past(ms=1000 * n) for n in range(1, 12)], past(failed="no", ms=500))
    made = ask(LogEstimator(log.store()))
    assert made is not None
    assert made.duration_ms_low < made.duration_ms < made.duration_ms_high
    assert made.chance == round(12 / 14, 4)
    assert made.tokens is None
    assert len(made.evidence) == 12
    log.facts(made)
    assert log.log.read_stream("estimate-s/fixer-9")


def test_nothing_is_estimated_from_too_little(told, past) -> None:
    assert ask(LogEstimator(told().store())) is None
    assert ask(LogEstimator(told().runs(past(), past()).store())) is None
    assert ask(LogEstimator(told().runs(past()).store()), agent="another") is None


def test_tokens_are_the_median_of_past_runs(told, past) -> None:
    log = told().runs(*[past()] * 3)
    for n, tokens in enumerate((100, 300, 200)):
        log.facts(
            e.UsageRecorded(
                source="conductor", session=f"s{n}", run=f"s{n}/fixer-{n}", request_id=f"q{n}", input_tokens=tokens
            )
        )
    made = ask(LogEstimator(log.store()))
    assert made is not None
    assert made.tokens == 200


def test_calibration_compares_each_estimate_with_what_happened(told, past) -> None:
    log = told().runs(past(ms=4000), past(ms=9000), past(ms=None, failed="no"))
    log.facts(
        estimated("s0/fixer-0", 3000, 5000, 0.9),
        estimated("s1/fixer-1", 3000, 5000, 0.8),
        estimated("s2/fixer-2", 0, 1, 0.6),
        estimated("s7/fixer-7", 0, 1),
    )
    (found,) = calibration(log.store())
    assert (found.agent, found.compared, found.held, found.coverage_percent) == ("fixer", 3, 1, 33)
    assert found.judged == 3
    assert found.brier == round((0.1**2 + 0.2**2 + 0.6**2) / 3, 4)
    assert [(row.period, row.compared) for row in calibration(log.store(), period="month")] == [("2026-03-01", 3)]
    with pytest.raises(NotFound, match="no agent 'nobody'"):
        calibration(log.store(), "nobody")
    assert calibration(told().store()) == []


def test_missed_estimates_stand_beside_the_next_and_lower_its_confidence(told, past) -> None:
    log = told().runs(*[past(ms=4000 + n) for n in range(5)])
    before = query_learnings(log.store(), "fixer")["estimatedDuration"]
    log.facts(estimated("s0/fixer-0", 1, 2), estimated("s1/fixer-1", 1, 2))
    after = query_learnings(log.store(), "fixer")["estimatedDuration"]
    assert (before["confidence"], before["pastEstimates"]) == (80, {"held": 0, "missed": 0})
    assert (after["confidence"], after["pastEstimates"]) == (66, {"held": 0, "missed": 2})


def test_estimates_through_the_real_log_hold_four_of_five_of_a_known_truth(told, past) -> None:
    chance, log = random.Random(7), told()  # noqa: S311  a simulation
    store = log.store()
    estimator, held, made = LogEstimator(store), 0, 0
    for n in range(45):
        ms = round(chance.lognormvariate(9, 0.6))
        expectation = estimator.estimate(subject=f"s{n}/fixer-{n}", session=f"s{n}", agent="fixer", task=None, at=AT)
        if expectation is not None:
            log.facts(expectation)
            made += 1
            held += expectation.duration_ms_low <= ms <= expectation.duration_ms_high
        log.runs(past(ms=ms, tools=()))
    store.catch_up()
    (found,) = calibration(store)
    assert (found.compared, found.held) == (made, held)
    assert made == 42
    assert 70 <= found.coverage_percent <= 90

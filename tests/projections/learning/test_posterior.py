"""The numbers: known values, honest intervals, and confidences that contradictions cannot raise."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.projections.learning.durations import HELD, coverage, expected
from orchestrion.projections.learning.posterior import (
    beta_quantile,
    beta_share,
    confidence,
    interval,
    mean,
    percent,
    t_quantile,
)

COUNTS = st.floats(0, 500)


@pytest.mark.parametrize(
    ("x", "a", "b", "share"),
    [(0.5, 1, 1, 0.5), (0.25, 2, 3, 0.26171875), (0.9, 10, 1, 0.9**10), (0.1, 0.5, 0.5, 0.2048327647)],
)
def test_the_beta_distribution_has_its_known_values(x: float, a: float, b: float, share: float) -> None:
    assert beta_share(x, a, b) == pytest.approx(share, abs=1e-9)
    assert beta_quantile(share, a, b) == pytest.approx(x, abs=1e-8)


@pytest.mark.parametrize(
    ("probability", "freedom", "t"),
    [(0.9, 2, 1.885618), (0.975, 10, 2.228139), (0.95, 1, 6.313752), (0.975, 1e6, 1.959966)],
)
def test_students_t_has_its_tabled_values(probability: float, freedom: float, t: float) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(t, rel=1e-5)


@given(COUNTS, COUNTS)
def test_quantiles_and_shares_are_each_others_inverse(good: float, bad: float) -> None:
    low, high = interval(good, bad)
    assert 0 <= low < mean(good, bad) < high <= 1
    assert beta_share(low, good + 1, bad + 1) == pytest.approx(0.1, abs=1e-6)
    assert beta_share(high, good + 1, bad + 1) == pytest.approx(0.9, abs=1e-6)


@given(COUNTS, COUNTS, st.floats(0.01, 50))
def test_a_contradiction_never_raises_a_confidence_and_support_never_lowers_it(
    good: float, bad: float, more: float
) -> None:
    assert confidence(good, bad + more) <= confidence(good, bad) + 1e-9
    assert confidence(good + more, bad) >= confidence(good, bad) - 1e-9


def test_percent_claims_no_more_than_is_known() -> None:
    assert [percent(x) for x in (0.0, 0.899, 0.29, 1.0)] == [0, 89, 29, 100]


@pytest.mark.parametrize("seen", [3, 5, 8, 9, 20, 60])
def test_four_of_five_runs_fall_within_the_interval_whose_truth_is_known(seen: int) -> None:
    chance, held, trials = random.Random(seen), 0, 1500  # noqa: S311  a simulation
    for _ in range(trials):
        draws = [round(chance.lognormvariate(9, 0.7)) for _ in range(seen + 1)]
        found = expected(draws[:-1])
        assert found is not None
        held += found.low <= draws[-1] <= found.high
    assert 0.7 <= held / trials <= 0.9


def test_too_few_durations_give_no_interval() -> None:
    assert expected([]) is expected([5]) is expected([5, 6]) is None


@given(st.lists(st.integers(0, 2**53), min_size=3, max_size=40))
def test_an_interval_is_ordered_and_finite_whatever_was_seen(durations: list[int]) -> None:
    found = expected(durations)
    assert found is not None
    assert 0 <= found.low <= found.middle <= found.high


@given(st.integers(0, 99), st.integers(0, 99))
def test_each_missed_estimate_lowers_what_the_next_is_expected_to_hold(held: int, missed: int) -> None:
    assert coverage(held, missed + 1) < coverage(held, missed) <= coverage(held + 1, missed)
    assert coverage(0, 0) == HELD

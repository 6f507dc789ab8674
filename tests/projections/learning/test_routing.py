"""Choosing among able agents: seeded, told with its draw, better than chance, and never giving anybody up."""

import random
from collections import Counter
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.projections.learning.routing import FLOOR, Counts, LogRouter, draw

CHANCES = {"able": 0.85, "middling": 0.6, "poor": 0.35}
CHOICES, SEEDS = 150, 12


def regret(choose, seed: int) -> float:
    """How many more runs would have gone well with the best of the simulated agents."""
    dice = random.Random(seed)  # noqa: S311  a simulation
    seen = {name: [0, 0] for name in CHANCES}
    lost = 0.0
    for number in range(CHOICES):
        agent = choose([Counts(name, *counts) for name, counts in seen.items()], seed * 10_007 + number)
        seen[agent][dice.random() >= CHANCES[agent]] += 1
        lost += max(CHANCES.values()) - CHANCES[agent]
    return lost


def _by_chance(able: list[Counts], seed: int) -> str:
    return random.Random(seed).choice(able).agent  # noqa: S311  a simulation


def test_learning_regrets_less_than_chance_and_than_a_fixed_choice() -> None:
    learnt = fmean(regret(lambda able, seed: draw(able, seed)[0], seed) for seed in range(SEEDS))
    at_random = fmean(regret(_by_chance, seed) for seed in range(SEEDS))
    fixed = fmean(regret(lambda able, _, n=name: n, 1) for name in CHANCES)  # nobody knows beforehand which is best
    assert learnt < at_random / 2
    assert learnt < fixed / 2


@given(st.integers(0, 2**32), st.floats(0, 50), st.floats(0, 50))
def test_the_same_seed_and_counts_choose_the_same(seed: int, good: float, bad: float) -> None:
    able = [Counts("a", good, bad), Counts("b", bad, good)]
    chosen, why = draw(able, seed)
    assert draw(able, seed) == (chosen, why)
    assert chosen in {"a", "b"}
    assert f"seed {seed}" in why


def test_nobody_falls_below_the_floor_of_exploration() -> None:
    able = [Counts("sure", 500, 1), Counts("hopeless", 1, 500)]
    chosen = Counter(draw(able, seed)[0] for seed in range(4000))
    assert chosen["hopeless"] / 4000 == pytest.approx(FLOOR / 2, abs=0.012)


def test_the_log_tells_who_is_better_and_the_draw_stands_in_the_rationale(told, past) -> None:
    runs = [past(agent=agent, failed=failed) for _ in range(12) for agent, failed in (("good", None), ("bad", "no"))]
    store = told().runs(*runs).store()
    router = LogRouter(store)
    choices = [router.choose(["good", "bad", "new"], task="Fix the login endpoint", seed=seed) for seed in range(60)]
    chosen = Counter(choice.agent for choice in choices)
    assert chosen["good"] > chosen["bad"]
    assert chosen["new"] > 0
    assert any("Beta(13, 1)" in choice.rationale and "Beta(1, 13)" in choice.rationale for choice in choices)
    assert router.choose(["good", "bad"], task="x", seed=5) == router.choose(["good", "bad"], task="x", seed=5)

"""Measures how honest what is learnt is: estimates against what happened, choices against the best there could be."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import fmean

from orchestrion.domain.events import EstimateMade
from orchestrion.projections.learning.estimating import estimate
from orchestrion.projections.learning.executions import MAX_EXECUTIONS, Execution
from orchestrion.projections.learning.routing import Counts, draw

SEED = 20_260_130
SIMULATIONS = ((1, 0.3, 0.9), (2, 0.7, 0.7), (3, 1.2, 0.4))
"""Seed, spread of the logarithm of the duration, and chance of success."""
AGENTS_SIMULATED, RUNS_SIMULATED = 40, 40
CHANCES = {"able": 0.85, "middling": 0.6, "poor": 0.35}
"""The simulated agents among whom is chosen."""
CHOICES, ROUNDS = 200, 50
_AT = datetime(2026, 1, 1, tzinfo=UTC)

Told = tuple[Execution, EstimateMade | None]
Chooser = Callable[[Sequence[Counts], int], str]


@dataclass(frozen=True, slots=True)
class Honesty:
    """How estimates compare with what happened; shares are None where nothing was compared."""

    of: str
    estimates: int
    held: float | None
    judged: int
    chance_said: float | None
    chance_happened: float | None
    brier: float | None


def simulated() -> Iterator[Honesty]:
    """Runs of known chance and log-normal duration, each estimated from those before it."""
    for seed, spread, chance in SIMULATIONS:
        dice = random.Random(SEED + seed)  # noqa: S311  a simulation
        pairs: list[Told] = []
        for _ in range(AGENTS_SIMULATED):
            past: list[Execution] = []
            for n in range(RUNS_SIMULATED):
                done = _run(n, round(dice.lognormvariate(9, spread)), float(dice.random() < chance))
                pairs.append((done, _before(past, done)))
                past.append(done)
        yield honesty(f"simulated: spread {spread}, chance {chance}", pairs)


def replayed(history: Iterable[Execution]) -> Iterator[Told]:
    """Each run of an agent with the estimate that its earlier runs would have given."""
    past: list[Execution] = []
    for run in sorted(history, key=lambda run: (run.started_at or datetime.max, run.run)):
        yield run, _before(past, run)
        past.append(run)


def honesty(of: str, pairs: Sequence[Told]) -> Honesty:
    """The comparison over `pairs`."""
    told = [held for held in (_held(run, made) for run, made in pairs) if held is not None]
    chances = [
        (made.chance, run.good)
        for run, made in pairs
        if made is not None and made.chance is not None and run.good is not None
    ]
    said, happened = ([pair[side] for pair in chances] for side in (0, 1))
    return Honesty(
        of,
        len(told),
        round(fmean(told), 3) if told else None,
        len(chances),
        round(fmean(said), 3) if chances else None,
        round(fmean(happened), 3) if chances else None,
        round(fmean((chance - good) ** 2 for chance, good in chances), 4) if chances else None,
    )


def regrets() -> dict[str, float]:
    """By way of choosing: successes lost against the best agent in `CHOICES` choices, the mean of `ROUNDS` rounds."""
    ways: dict[str, Chooser] = {"learnt": lambda able, seed: draw(able, seed)[0], "at random": _by_chance}
    found = {name: fmean(regret(choose, seed) for seed in range(ROUNDS)) for name, choose in ways.items()}
    # Nobody knows beforehand which agent is best, so a fixed choice is each of them equally often.
    fixed = fmean(regret(lambda _able, _seed, name=name: name, 1) for name in CHANCES)  # type: ignore[misc]
    return {name: round(value, 1) for name, value in {**found, "fixed": fixed}.items()}


def regret(choose: Chooser, seed: int) -> float:
    """How many more of the simulated runs would have gone well with the best agent, in expectation."""
    dice = random.Random(seed)  # noqa: S311  a simulation
    seen = {name: [0, 0] for name in CHANCES}
    lost = 0.0
    for number in range(CHOICES):
        agent = choose([Counts(name, *counts) for name, counts in seen.items()], seed * 10_007 + number)
        seen[agent][dice.random() >= CHANCES[agent]] += 1
        lost += max(CHANCES.values()) - CHANCES[agent]
    return lost


def _by_chance(able: Sequence[Counts], seed: int) -> str:
    return random.Random(seed).choice(able).agent  # noqa: S311  a simulation


def _held(run: Execution, made: EstimateMade | None) -> bool | None:
    if made is None or made.duration_ms_low is None or made.duration_ms_high is None or run.duration_ms is None:
        return None
    return made.duration_ms_low <= run.duration_ms <= made.duration_ms_high


def _before(past: Sequence[Execution], run: Execution) -> EstimateMade | None:
    newest = past[-MAX_EXECUTIONS:]
    return estimate(newest, subject=run.run, session="s", agent=run.agent, task=run.task, at=_AT)


def _run(n: int, ms: int, good: float) -> Execution:
    status = "completed" if good else "failed"
    return Execution(f"r{n}", "s", "simulated", "task", status, _AT + timedelta(minutes=n), ms, good, n + 1)

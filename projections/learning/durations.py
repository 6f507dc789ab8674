"""How long it will take: an interval that is meant to hold four runs of five."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev

from orchestrion.projections.learning.executions import ENOUGH
from orchestrion.projections.learning.posterior import t_quantile

HELD = 0.8
"""The share of runs that an interval is meant to hold."""
ORDERED = 9
"""From so many runs on the interval's ends are order statistics, for (n + 1) times a tenth reaches the first."""
HELD_BEFORE, MISSED_BEFORE = 8, 2
"""Past estimates that are taken as seen before any was: they held as they are meant to."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Milliseconds; `middle` is the median of what was seen."""

    low: int
    middle: int
    high: int


def expected(durations_ms: Sequence[int]) -> Interval | None:
    """Where the next duration falls with probability `HELD`; None for fewer than `ENOUGH` durations.

    With `ORDERED` or more: the quantiles 0.1 and 0.9 at (n + 1)p, which hold the next value for any continuous
    distribution (Hyndman and Fan's type 6). With fewer: Student's prediction interval of the logarithms.
    """
    if len(durations_ms) < ENOUGH:
        return None
    ordered = sorted(durations_ms)
    middle = median(ordered)
    low, high = _by_order(ordered) if len(ordered) >= ORDERED else _by_logarithm(ordered)
    return Interval(math.floor(min(low, middle)), round(middle), math.ceil(max(high, middle)))


def coverage(held: int, missed: int) -> float:
    """The share of intervals that hold what happens, as far as past ones tell; each miss lowers it."""
    return (HELD_BEFORE + held) / (HELD_BEFORE + MISSED_BEFORE + held + missed)


def _by_order(ordered: Sequence[int]) -> tuple[float, float]:
    tail = (1 - HELD) / 2
    return _quantile(ordered, tail), _quantile(ordered, 1 - tail)


def _quantile(ordered: Sequence[int], share: float) -> float:
    place = min(max((len(ordered) + 1) * share, 1), len(ordered))
    below = math.floor(place)
    above = min(below + 1, len(ordered))
    return ordered[below - 1] + (place - below) * (ordered[above - 1] - ordered[below - 1])


def _by_logarithm(ordered: Sequence[int]) -> tuple[float, float]:
    logs = [math.log1p(value) for value in ordered]
    reach = t_quantile((1 + HELD) / 2, len(logs) - 1) * stdev(logs) * math.sqrt(1 + 1 / len(logs))
    return math.expm1(max(0.0, fmean(logs) - reach)), math.expm1(min(fmean(logs) + reach, _LONGEST_LOG))


_LONGEST_LOG = math.log(10 * 365 * 86_400_000)
"""Ten years: a handful of wildly different runs must not overflow a count."""

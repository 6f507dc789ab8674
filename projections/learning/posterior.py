"""How sure counts make us: Beta posteriors and Student's t in plain Python.

The incomplete beta function is its continued fraction (DLMF 8.17.22) by Lentz's method, as in Numerical Recipes 6.4.
"""

import math
from functools import lru_cache

PRIOR = 1.0
"""Successes and failures that are taken as seen before anything was: the uniform prior."""
SURE = 0.9
"""A confidence is what we are this sure not to fall below."""
_TINY = 1e-300
_ENOUGH = 1e-12
_STEPS = 300


def mean(good: float, bad: float) -> float:
    """The posterior mean of a share, from weights seen for and against it."""
    return (good + PRIOR) / (good + bad + 2 * PRIOR)


def interval(good: float, bad: float, sure: float = 0.8) -> tuple[float, float]:
    """The central posterior interval that holds the share with probability `sure`."""
    outside = (1 - sure) / 2
    return beta_quantile(outside, good + PRIOR, bad + PRIOR), beta_quantile(1 - outside, good + PRIOR, bad + PRIOR)


def confidence(good: float, bad: float) -> float:
    """The share that we are `SURE` not to fall below: more for it raises, more against it lowers, never otherwise."""
    return beta_quantile(1 - SURE, good + PRIOR, bad + PRIOR)


def percent(share: float) -> int:
    """A share as whole percent, rounded down: never more than is known."""
    return math.floor(share * 100 + _ENOUGH)


@lru_cache(maxsize=4096)
def beta_quantile(probability: float, a: float, b: float) -> float:
    """The x at which the Beta(a, b) distribution reaches `probability`: Newton's steps within a closing bracket."""
    if b == 1:
        return float(probability ** (1 / a))
    low, high, x = 0.0, 1.0, a / (a + b)
    scale = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    for _ in range(_STEPS):
        over = beta_share(x, a, b) - probability
        low, high = (low, x) if over > 0 else (x, high)
        density = math.exp((a - 1) * math.log(x) + (b - 1) * math.log1p(-x) - scale)
        step = x - over / density if density > _TINY else -1.0
        following = step if low < step < high else (low + high) / 2
        if abs(following - x) < _ENOUGH:
            return following
        x = following
    return x


def beta_share(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function: the share of Beta(a, b) below `x`."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_share(1 - x, b, a)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) * _fraction(x, a, b) / a


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for part in (even, odd):
            d = 1 / _away(1 + part * d)
            c = _away(1 + part / c)
            value *= c * d
        if abs(c * d - 1) < _ENOUGH:
            break
    return value


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def t_quantile(probability: float, freedom: float) -> float:
    """The t that Student's distribution stays below with `probability` (above 0.5), at `freedom` degrees."""
    x = beta_quantile(2 * (1 - probability), freedom / 2, 0.5)
    return math.sqrt(freedom * (1 - x) / x) if x > 0 else math.inf

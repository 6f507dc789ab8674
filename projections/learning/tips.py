"""What makes runs quicker or surer, told only where the difference holds up."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, variance
from typing import Any, Literal

from orchestrion.projections.learning.executions import Execution, evidence_of, weights
from orchestrion.projections.learning.posterior import PRIOR, confidence, mean, percent, t_quantile

GROUP = 5
"""Runs that each of two groups needs."""
WRONG = 0.05
"""How often a difference may be told where there is none, shared among all that are looked at (Bonferroni)."""
WORTH = 0.5
"""Below this posterior success rate a way of working is a dead end, however quick."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way of working that a run shows or does not: a server or a tool is used, or, unnamed, calls side by side."""

    type: Literal["mcp_usage", "tool_usage", "parallelization"]
    name: str = ""

    @property
    def words(self) -> str:
        """As a tip says it."""
        match self.type:
            case "mcp_usage":
                return f"MCP server {self.name}"
            case "tool_usage":
                return f"tool {self.name}"
            case _:
                return "tool calls side by side"

    def shown_by(self, run: Execution) -> bool:
        """Whether `run` worked so."""
        match self.type:
            case "mcp_usage":
                return self.name in run.servers
            case "tool_usage":
                return self.name in run.used
            case _:
                return bool(run.beside)


def tips(runs: Sequence[Execution]) -> list[dict[str, Any]]:
    """`optimizationTips`, the surest first.

    Quicker: Welch's interval of the difference of mean logarithms of duration, among runs that did not go badly, lies
    below zero. Surer: the normal interval of the difference of the two posterior success rates lies above zero.
    Confidence: that one run of this way beats the median of the others, respectively that it goes well.
    """
    compared = [(way, *_split(runs, way)) for way in _ways(runs)]
    compared = [row for row in compared if len(row[1]) >= GROUP and len(row[2]) >= GROUP]
    told = []
    for way, using, others in compared:
        wrong = WRONG / (2 * len(compared))
        for tip in (_quicker(way, using, others, wrong), _surer(way, using, others, wrong)):
            if tip is not None:
                told.append(tip)
    return sorted(told, key=lambda tip: (-tip["confidence"], tip["tip"]))


def _ways(runs: Sequence[Execution]) -> list[Way]:
    servers = sorted({server for run in runs for server in run.servers})
    tools = sorted({tool for run in runs for tool in run.used})
    return [
        *(Way("mcp_usage", name) for name in servers),
        *(Way("tool_usage", name) for name in tools),
        Way("parallelization"),
    ]


def _split(runs: Sequence[Execution], way: Way) -> tuple[list[Execution], list[Execution]]:
    using, others = list[Execution](), list[Execution]()
    for run in runs:
        (using if way.shown_by(run) else others).append(run)
    return using, others


def _quicker(way: Way, using: list[Execution], others: list[Execution], wrong: float) -> dict[str, Any] | None:
    if mean(*weights(using)) < WORTH:
        return None
    timed, rest = _timed(using), _timed(others)
    if len(timed) < GROUP or len(rest) < GROUP or not _welch_below(timed, rest, wrong):
        return None
    usual = median(rest)
    faster = sum(value < usual for value in timed)
    saved = 1 - median(timed) / usual if usual else 0.0
    if saved <= 0:
        return None
    return _tip(
        way,
        f"Runs with {way.words} took {saved:.0%} less time: a median of {median(timed):.0f} ms in {len(timed)} runs, "
        f"against {usual:.0f} ms in {len(rest)} without.",
        (faster, len(timed) - faster),
        [*using, *others],
    )


def _timed(runs: list[Execution]) -> list[int]:
    return [run.duration_ms for run in runs if run.duration_ms is not None and (run.good is None or run.good >= WORTH)]


def _welch_below(one: list[int], other: list[int], wrong: float) -> bool:
    """Whether the interval of the difference of mean logarithms lies below zero."""
    logs, rest = ([math.log1p(value) for value in group] for group in (one, other))
    a, b = variance(logs) / len(logs), variance(rest) / len(rest)
    difference = fmean(logs) - fmean(rest)
    if a + b == 0:
        return difference < 0
    freedom = (a + b) ** 2 / (a**2 / (len(logs) - 1) + b**2 / (len(rest) - 1))
    return difference + t_quantile(1 - wrong / 2, freedom) * math.sqrt(a + b) < 0


def _surer(way: Way, using: list[Execution], others: list[Execution], wrong: float) -> dict[str, Any] | None:
    good, bad = weights(using)
    base_good, base_bad = weights(others)
    if good + bad < GROUP or base_good + base_bad < GROUP or mean(good, bad) < WORTH:
        return None
    spread = math.sqrt(_variance(good, bad) + _variance(base_good, base_bad))
    if mean(good, bad) - mean(base_good, base_bad) - t_quantile(1 - wrong / 2, 1e6) * spread <= 0:
        return None
    words = (
        f"{good:g} of {good + bad:g} runs with {way.words} went well, "
        f"against {base_good:g} of {base_good + base_bad:g} without."
    )
    return _tip(way, words, (good, bad), [*using, *others])


def _variance(good: float, bad: float) -> float:
    a, b = good + PRIOR, bad + PRIOR
    return a * b / ((a + b) ** 2 * (a + b + 1))


def _tip(way: Way, words: str, counts: tuple[float, float], runs: list[Execution]) -> dict[str, Any]:
    good, bad = counts
    return {
        "type": way.type,
        "tip": words,
        "confidence": percent(confidence(good, bad)),
        "support": good,
        "contradictions": bad,
        "evidence": evidence_of(runs),
    }

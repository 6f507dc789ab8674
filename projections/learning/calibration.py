"""Compares what was estimated before runs with what happened."""

from dataclasses import dataclass
from typing import Any

from orchestrion.projections.learning.durations import coverage
from orchestrion.projections.learning.executions import must_be_known
from orchestrion.projections.learning.posterior import percent
from orchestrion.projections.store import Store

_COMPARED = """SELECT
    agent,
    {period} AS period,
    count(*) AS estimates,
    count(within) AS compared,
    count(*) FILTER (within) AS held,
    quantile_cont(abs(actual_ms - expected_ms), 0.5) FILTER (within IS NOT NULL) AS error_ms,
    quantile_cont(abs(actual_ms - expected_ms) / greatest(actual_ms, 1), 0.5) FILTER (within IS NOT NULL) AS error,
    count(*) FILTER (chance IS NOT NULL AND good IS NOT NULL) AS judged,
    avg((chance - good) ** 2) AS brier,
    quantile_cont(abs(actual_tokens - expected_tokens) / greatest(actual_tokens, 1), 0.5) AS tokens_error,
    list_sort(list(position)) AS evidence
FROM learn_calibration
WHERE agent = $agent OR $agent IS NULL
GROUP BY ALL
ORDER BY agent, period NULLS FIRST"""
PERIODS = ("day", "week", "month")
"""By which calibration can be told over time: of the run's beginning, in UTC."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How an agent's estimates held. Shares are null where nothing was compared.

    `error_ms` is the median distance of the estimate from what happened, `error_percent` the same against what
    happened; `brier` the mean squared difference of chance and outcome (0 is best, 0.25 is a coin).
    """

    agent: str
    period: str | None
    """The first day of the period, where it is told over time."""
    estimates: int
    compared: int
    held: int
    coverage_percent: int | None
    error_ms: int | None
    error_percent: int | None
    judged: int
    brier: float | None
    tokens_error_percent: int | None
    """The median distance of the tokens that were estimated from those that were used, against these."""
    next_percent: int
    """What an interval made now is expected to hold."""
    evidence: tuple[int, ...]


def calibration(
    store: Store, agent: str | None = None, *, period: str | None = None, at: int | None = None
) -> list[Calibration]:
    """By agent, and by `period` (one of `PERIODS`): past estimates in the log beside what happened, as of `at`.

    Raises NotFound for an agent that the log does not know.
    """
    over = f"strftime(date_trunc('{period}', started_at), '%Y-%m-%d')" if period in PERIODS else "NULL::VARCHAR"
    rows = store.query(_COMPARED.format(period=over), {"agent": agent}, at=at).dicts()
    if agent is not None and not rows:
        must_be_known(store, agent, at)
    return [_of(row) for row in rows]


def _of(row: dict[str, Any]) -> Calibration:
    compared, held = row["compared"], row["held"]
    return Calibration(
        agent=row["agent"],
        period=row["period"],
        estimates=row["estimates"],
        compared=compared,
        held=held,
        coverage_percent=percent(held / compared) if compared else None,
        error_ms=None if row["error_ms"] is None else round(row["error_ms"]),
        error_percent=None if row["error"] is None else round(row["error"] * 100),
        judged=row["judged"],
        brier=None if row["brier"] is None else round(row["brier"], 4),
        tokens_error_percent=None if row["tokens_error"] is None else round(row["tokens_error"] * 100),
        next_percent=percent(coverage(held, compared - held)),
        evidence=tuple(row["evidence"]),
    )

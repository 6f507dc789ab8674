"""Says before a run how long it will take, what it will cost in tokens and how likely it goes well."""

from collections.abc import Sequence
from datetime import datetime
from statistics import median

from orchestrion.domain.errors import NotFound
from orchestrion.domain.events import EstimateMade
from orchestrion.projections.learning.durations import expected
from orchestrion.projections.learning.executions import (
    ENOUGH,
    MAX_EXECUTIONS,
    Execution,
    alike,
    evidence_of,
    executions,
    weights,
)
from orchestrion.projections.learning.learnings import timed
from orchestrion.projections.learning.posterior import mean
from orchestrion.projections.learning.similarity import Task
from orchestrion.projections.store import Store

_TOKENS = """SELECT run, sum(input_tokens + output_tokens)::BIGINT FROM usage
WHERE list_contains($runs, run) GROUP BY run"""


def estimate(
    runs: Sequence[Execution],
    *,
    subject: str,
    session: str,
    agent: str,
    task: str | None,
    at: datetime,
    tokens: Sequence[int] = (),
) -> EstimateMade | None:
    """The estimate for the run `subject` from past `runs` of its agent, None where those are too few.

    Pure. Rests on similar runs where `ENOUGH` of them have a duration, else on all. `tokens` are those of past runs.
    """
    similar = alike(runs, Task(text=task))
    chosen = similar if len(timed(similar)) >= ENOUGH else tuple(runs)
    span = expected(timed(chosen))
    good, bad = weights(chosen)
    known = good + bad >= ENOUGH
    if span is None and not known:
        return None
    return EstimateMade(
        source="conductor",
        happened_at=at,
        session=session,
        run=subject,
        agent=agent,
        subject=subject,
        duration_ms_low=span.low if span else None,
        duration_ms=span.middle if span else None,
        duration_ms_high=span.high if span else None,
        tokens=round(median(tokens)) if len(tokens) >= ENOUGH else None,
        chance=round(mean(good, bad), 4) if known else None,
        evidence=tuple(evidence_of(chosen)),
    )


class LogEstimator:
    """`domain.ports.Estimator` over the views: what the log knew when it was asked."""

    def __init__(self, store: Store, *, limit: int = MAX_EXECUTIONS) -> None:
        self._store, self._limit = store, limit

    def estimate(
        self, *, subject: str, session: str, agent: str, task: str | None, at: datetime
    ) -> EstimateMade | None:
        """What is expected of the run `subject`, from all that the log holds now. None: too little is known."""
        self._store.catch_up()
        try:
            runs = executions(self._store, agent, limit=self._limit)
        except NotFound:  # an agent's first run: nothing is known, and nothing is said
            return None
        rows = self._store.query(_TOKENS, {"runs": [run.run for run in runs]}).rows
        return estimate(
            runs, subject=subject, session=session, agent=agent, task=task, at=at, tokens=[row[1] for row in rows]
        )

"""What past runs taught, as an agent is told it before its run."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from orchestrion.domain.events import EstimateMade
from orchestrion.projections.learning.estimating import LogEstimator
from orchestrion.projections.learning.executions import MAX_EXECUTIONS
from orchestrion.projections.learning.patterns import patterns
from orchestrion.projections.store import Store

THRESHOLD = 70
"""Percent of confidence from which a pattern is told (`learning.patternConfidenceThreshold`)."""
TOLD = 10
"""Patterns that an agent is told, the surest."""
EVIDENCE_TOLD = 5
_SAID = ("type", "name", "life", "confidence", "support", "contradictions", "solution")


class LogLearnt:
    """`domain.ports.Learnt` over the views. Patterns are those that the log tells of when it is first asked."""

    def __init__(
        self, store: Store, *, limit: int = MAX_EXECUTIONS, threshold: int = THRESHOLD, half_life_days: float = 90.0
    ) -> None:
        self._store, self._estimator = store, LogEstimator(store, limit=limit)
        self._threshold, self._half_life = threshold, half_life_days
        self._patterns: list[dict[str, Any]] | None = None

    def estimate(
        self, *, subject: str, session: str, agent: str, task: str | None, at: datetime
    ) -> EstimateMade | None:
        """What is expected of the run `subject`, from all that the log holds now. None: too little is known."""
        return self._estimator.estimate(subject=subject, session=session, agent=agent, task=task, at=at)

    def advice(self, *, agent: str, task: str | None) -> dict[str, Any]:
        """`{"patterns": [{type, name, life, confidence, …, evidence}]}` of the agent; empty where none is sure."""
        del task  # a pattern is of an agent, whatever it is asked
        if self._patterns is None:
            self._patterns = patterns(self._store, half_life_days=self._half_life)
        told = told_patterns(self._patterns, agent, self._threshold)
        return {"patterns": told} if told else {}


def told_patterns(found: Sequence[dict[str, Any]], agent: str, threshold: int) -> list[dict[str, Any]]:
    """Those of the `found` patterns that are told to `agent`: its own and the team's, if sure enough."""
    sure = [row for row in found if row["confidence"] >= threshold and row["life"] in ("established", "proven")]
    mine = [row for row in sure if row["agent"] == agent or agent in row["name"].split(" → ")]
    return [
        {**{name: row[name] for name in _SAID if row[name] is not None}, "evidence": row["evidence"][-EVIDENCE_TOLD:]}
        for row in mine[:TOLD]
    ]

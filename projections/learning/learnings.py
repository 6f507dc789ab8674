"""Answers what past runs of an agent say about a task, in the specification's words."""

from collections.abc import Sequence
from typing import Any

from orchestrion.domain.garbage import collected_seldom
from orchestrion.projections.learning.collaboration import collaboration
from orchestrion.projections.learning.durations import HELD, coverage, expected
from orchestrion.projections.learning.executions import (
    ENOUGH,
    MAX_EXECUTIONS,
    Closeness,
    Execution,
    alike,
    evidence_of,
    executions,
    ready_for,
    weights,
)
from orchestrion.projections.learning.pitfalls import pitfalls
from orchestrion.projections.learning.posterior import confidence, interval, mean, percent
from orchestrion.projections.learning.sequences import recommended
from orchestrion.projections.learning.similarity import Task
from orchestrion.projections.learning.tips import tips
from orchestrion.projections.store import Store

ANY_TASK = Task()
MEANT = 500
"""Runs at most that are compared in meaning: each text that is new to a process takes some hundredths of a second."""


@collected_seldom()
def query_learnings(
    store: Store,
    agent: str,
    task: Task = ANY_TASK,
    *,
    limit: int = MAX_EXECUTIONS,
    at: int | None = None,
    closeness: Closeness | None = None,
) -> dict[str, Any]:
    """What the newest `limit` runs of `agent` say about `task`, as of position `at`.

    The specification's keys, confidences in percent, and beside each its evidence (positions), support and
    contradictions; what cannot be said is null with a reason. `basis` tells which runs it rests on, and by what their
    texts were compared: words or, with `closeness` (see `meaning.py`; `MEANT` runs at most), meaning. Raises NotFound.
    """
    limit = limit if closeness is None else min(limit, MEANT)
    ready = ready_for(store, agent, limit, at)
    runs = executions(store, agent, limit=limit, at=at, ready=ready)
    similar = alike(runs, task, closeness)
    good, bad = weights(similar)
    return {
        "recommendedApproach": recommended(similar),
        "commonPitfalls": pitfalls(similar),
        "optimizationTips": tips(similar),
        "collaborationPatterns": collaboration(store, agent, at=at, ready=ready),
        "estimatedDuration": duration(runs, similar),
        "confidenceScore": percent(confidence(good, bad)) if good + bad else 0,
        "basis": _basis(agent, runs, similar) | {"textComparedBy": _compared_by(task, closeness)},
    }


def duration(runs: Sequence[Execution], similar: Sequence[Execution]) -> dict[str, Any]:
    """`estimatedDuration` in milliseconds, from similar runs, or from all of them (said so) where those are too few."""
    chosen, of = (similar, "similar runs") if len(timed(similar)) >= ENOUGH else (runs, "all runs of the agent")
    found = expected(timed(chosen))
    held, missed = (sum(run.held is outcome for run in runs) for outcome in (True, False))
    told: dict[str, Any] = {
        "estimated": None,
        "min": None,
        "max": None,
        "confidence": None,
        "pastEstimates": {"held": held, "missed": missed},
        "support": len(timed(chosen)),
        "contradictions": missed,
        "evidence": evidence_of(run for run in chosen if run.duration_ms is not None),
    }
    if found is None:
        return told | {"reason": f"{len(timed(runs))} runs of known duration; {ENOUGH} are needed"}
    figures = {"estimated": found.middle, "min": found.low, "max": found.high}
    return told | figures | {"confidence": percent(coverage(held, missed)), "meantToHold": percent(HELD), "from": of}


def timed(runs: Sequence[Execution]) -> list[int]:
    """The known durations of `runs`, in milliseconds."""
    return [run.duration_ms for run in runs if run.duration_ms is not None]


def _compared_by(task: Task, closeness: Closeness | None) -> str | None:
    if not task.text:
        return None
    return "words" if closeness is None else "meaning"


def _basis(agent: str, runs: Sequence[Execution], similar: Sequence[Execution]) -> dict[str, Any]:
    good, bad = weights(similar)
    low, high = interval(good, bad)
    told = {
        "agent": agent,
        "runs": len(runs),
        "similar": len(similar),
        "wentWell": round(good, 2),
        "wentBadly": round(bad, 2),
        "successRate": {
            "estimated": percent(mean(good, bad)) if good + bad else None,
            "min": percent(low) if good + bad else None,
            "max": percent(high) if good + bad else None,
        },
        "evidence": evidence_of(similar),
    }
    if good + bad < ENOUGH:
        told["reason"] = f"{good + bad:g} similar runs of known outcome; {ENOUGH} are needed for advice"
    return told

"""Whether a session failed, as far as its log tells, and what that rests on."""

from dataclasses import dataclass
from typing import Any, Literal

from orchestrion.projections.store import Store

What = Literal["failed", "did not fail", "unknown"]

_TRUNK = "SELECT run FROM agent_runs WHERE session = $session AND parent_run IS NULL"
_SESSION = f"""SELECT s.status, s.reason, (
    SELECT max(position) FROM facts WHERE session = $session AND (
        kind = 'session.ended' OR (kind IN ('agent.completed', 'agent.failed') AND run IN ({_TRUNK}))
    )
) AS ended FROM sessions AS s WHERE s.session = $session"""  # noqa: S608  our own names
_JUDGED = """SELECT run, v.positive, v.negative, v.positions FROM (
    SELECT run, task_id FROM agent_runs WHERE session = $session AND parent_run IS NULL
    QUALIFY row_number() OVER (PARTITION BY coalesce(task_id, run) ORDER BY attempt DESC, started_at DESC, run) = 1
) AS its JOIN learn_verdicts AS v ON v.subject = its.run
WHERE EXISTS (
    SELECT 1 FROM facts WHERE kind = 'outcome.judged' AND subject = its.run AND source <> 'conductor'
) ORDER BY run"""
"""What people and validators elsewhere said of the runs that stand for a session: those nobody else started, of each
task of a plan the last attempt. What our conductor sent back to its author is work on the way, no last word."""
_LAST_WORD = f"""SELECT max(position) FROM messages
WHERE session = $session AND type IN ('response', 'result') AND run IN ({_TRUNK})"""  # noqa: S608  our own names
_BAD = frozenset({"failed", "timed_out", "budget", "loop", "lost"})
"""As learning has it (`learn_runs.sql`)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a session, why that is thought, and the positions that it rests on."""

    what: What
    because: str
    evidence: tuple[int, ...] = ()


def outcome_of(store: Store, session: str, *, at: int | None = None) -> Outcome:
    """What came of `session`: judges' last words decide, without them its own end, without one its status."""
    asked = {"session": session}
    judged = [row for row in store.query(_JUDGED, asked, at=at).dicts() if row["positive"] + row["negative"]]
    if judged:
        return _judged(judged)
    rows = store.query(_SESSION, asked, at=at).dicts()
    status, reason, ended = (
        (rows[0][name] for name in ("status", "reason", "ended")) if rows else ("unknown", None, None)
    )
    evidence = () if ended is None else (ended,)
    if status in _BAD:
        return Outcome("failed", f"it ended {status}" + (f": {reason}" if reason else ""), evidence)
    if status != "completed":
        return Outcome("unknown", f"nobody judged it, and its status is {status}", evidence)
    if ended is not None:
        return Outcome("did not fail", "its end says that it completed, and nobody judged it otherwise", evidence)
    last = store.query(_LAST_WORD, asked, at=at).rows[0][0]
    said = "its agent answered last and left no call open, and nobody judged it otherwise"
    return Outcome("did not fail", said, () if last is None else (last,))


def _judged(rows: list[dict[str, Any]]) -> Outcome:
    against = [row for row in rows if row["negative"] > row["positive"]]
    torn = [row for row in rows if row["negative"] == row["positive"]]
    what: What = "failed" if against else "unknown" if torn else "did not fail"
    chosen = against or torn or rows
    how = {
        "failed": "judged badly",
        "unknown": "judged well by some and badly by others",
        "did not fail": "judged well",
    }
    runs = ", ".join(row["run"] for row in chosen)
    return Outcome(what, f"{how[what]}: {runs}", tuple(sorted({each for row in chosen for each in row["positions"]})))

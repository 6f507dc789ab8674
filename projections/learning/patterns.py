"""Patterns of the whole log: mined by rules or reported by agents, each with a life and a confidence from counts.

What speaks for a pattern fades with a half-life; what speaks against it does not. So time and contradictions can only
take confidence away, and only new support gives it back.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from orchestrion.projections.learning.executions import ENOUGH, Execution, evidence_of, execution_of
from orchestrion.projections.learning.kept import COLUMNS
from orchestrion.projections.learning.pitfalls import REPEATED, issues
from orchestrion.projections.learning.posterior import confidence, percent
from orchestrion.projections.learning.sequences import mined, parallel_pairs
from orchestrion.projections.store import Store

Life = Literal["candidate", "established", "proven", "refuted"]
HALF_LIFE_DAYS = 90.0
"""After so long a support counts half."""
ESTABLISHED, PROVEN = 0.5, 0.7
"""Confidences from which a pattern is established, and (with `PROVEN_SUPPORT`) proven."""
PROVEN_SUPPORT = 10
REFUTED = 2
"""So many contradictions, and no less than the faded support, refute."""
MINED_RUNS = 2000
"""Runs that are mined, the newest."""
_DAY_SECONDS = 86_400

_NEWEST = f"""SELECT {COLUMNS} FROM learn_runs WHERE agent IS NOT NULL
ORDER BY ended_at DESC NULLS LAST, run LIMIT {MINED_RUNS}"""  # noqa: S608  our own names
_REPORTED = "SELECT * FROM learn_patterns ORDER BY pattern"
_VALIDATIONS = """SELECT asked.run, asked.position, answered.position AS answer
FROM messages AS asked LEFT JOIN messages AS answered ON answered.in_reply_to = asked.message
WHERE asked.type = 'validation_request' AND asked.run IS NOT NULL"""


@dataclass(slots=True)
class Pattern:
    """`supported_at` are the times of what speaks for it, `contradictions` how much speaks against it."""

    type: str
    name: str
    agent: str | None = None
    origin: Literal["mined", "reported"] = "mined"
    supported_at: list[datetime | None] = field(default_factory=list)
    contradictions: float = 0
    evidence: list[int] = field(default_factory=list)
    solution: str | None = None
    claimed: float | None = None
    """What the agent that reported it claimed; counts alone make the confidence."""

    def faded(self, now: datetime | None, half_life_days: float) -> float:
        """The support, each piece halved for every half-life that lies between it and `now`; undated pieces as new."""
        return sum(_weight(at, now, half_life_days) for at in self.supported_at)

    def confidence(self, now: datetime | None, half_life_days: float = HALF_LIFE_DAYS) -> float:
        """The share of cases in which it holds that we are nine tenths sure of."""
        return confidence(self.faded(now, half_life_days), self.contradictions)

    def life(self, now: datetime | None, half_life_days: float = HALF_LIFE_DAYS) -> Life:
        """How far it has come."""
        support, sure = self.faded(now, half_life_days), self.confidence(now, half_life_days)
        if self.contradictions >= REFUTED and self.contradictions >= support:
            return "refuted"
        if sure >= PROVEN and len(self.supported_at) >= PROVEN_SUPPORT:
            return "proven"
        return "established" if sure >= ESTABLISHED and len(self.supported_at) >= ENOUGH else "candidate"

    def as_row(self, now: datetime | None, half_life_days: float = HALF_LIFE_DAYS) -> dict[str, Any]:
        """For people and JSON; confidence in percent."""
        return {
            "type": self.type,
            "name": self.name,
            "agent": self.agent,
            "origin": self.origin,
            "life": self.life(now, half_life_days),
            "confidence": percent(self.confidence(now, half_life_days)),
            "support": len(self.supported_at),
            "contradictions": self.contradictions,
            "claimed": None if self.claimed is None else percent(self.claimed),
            "solution": self.solution,
            "evidence": self.evidence,
        }


def _weight(at: datetime | None, now: datetime | None, half_life_days: float) -> float:
    if at is None or now is None or at >= now:
        return 1.0
    return float(0.5 ** ((now - at).total_seconds() / _DAY_SECONDS / half_life_days))


def patterns(
    store: Store, agent: str | None = None, *, half_life_days: float = HALF_LIFE_DAYS, at: int | None = None
) -> list[dict[str, Any]]:
    """Every pattern with at least `REPEATED` cases for or against it, and all reported ones, the surest first.

    "Now" is the latest time that any of the runs or reports tells of, so the same log always gives the same answer.
    """
    runs = [execution_of(row) for row in store.query(_NEWEST, at=at).rows]
    found = [*_reported(store, at), *_mined(runs, _validations(store, at))]
    times = [run.started_at for run in runs] + [time for pattern in found for time in pattern.supported_at]
    now = max((time for time in times if time is not None), default=None)
    rows = [
        pattern.as_row(now, half_life_days)
        for pattern in found
        if (agent is None or pattern.agent == agent)
        and (pattern.origin == "reported" or len(pattern.supported_at) + pattern.contradictions >= REPEATED)
    ]
    return sorted(rows, key=lambda row: (-row["confidence"], row["type"], row["name"], row["agent"] or ""))


def _reported(store: Store, at: int | None) -> Iterable[Pattern]:
    for row in store.query(_REPORTED, at=at).dicts():
        yield Pattern(
            type=row["type"] or "unknown",
            name=row["name"] or row["pattern"],
            agent=row["agent"],
            origin="reported",
            supported_at=list(row["supported_at"] or ()),
            contradictions=row["contradictions"],
            evidence=list(row["positions"]),
            solution=row["solution"],
            claimed=row["claimed"],
        )


def _validations(store: Store, at: int | None) -> dict[str, bool]:
    """Run to whether a validation that it asked for was answered."""
    told: dict[str, bool] = {}
    for run, _, answer in store.query(_VALIDATIONS, at=at).rows:
        told[run] = told.get(run, False) or answer is not None
    return told


def _mined(runs: Sequence[Execution], validated: dict[str, bool]) -> list[Pattern]:
    by_agent: dict[str, list[Execution]] = defaultdict(list)
    for run in runs:
        by_agent[run.agent].append(run)
    found: list[Pattern] = []
    for agent, own in sorted(by_agent.items()):
        found += [_weighed("tool_sequence", " → ".join(steps), agent, held) for steps, held in mined(own).items()]
        found += _repeated_failures(agent, own)
        found += _missing_validation(agent, own, validated)
        found += _missed_parallelism(agent, own)
    return [*_agent_sequences(runs), *found]


def _weighed(type: str, name: str, agent: str | None, held: Sequence[Execution]) -> Pattern:
    """A way of working: runs that went well speak for it, those that went badly against it."""
    pattern = Pattern(type, name, agent, evidence=evidence_of(held))
    for run in held:
        if run.good is not None and run.good > 0.5:
            pattern.supported_at.append(run.started_at)
        if run.good is not None:
            pattern.contradictions += 1 - run.good
    return pattern


def _repeated_failures(agent: str, runs: Sequence[Execution]) -> Iterable[Pattern]:
    """An issue that at least `REPEATED` runs met; each later run that did not meet it speaks against it."""
    for text, issue in sorted(issues(runs).items()):
        if len(issue.runs) < REPEATED:
            continue
        times = [run.started_at for run in issue.runs.values()]
        last = max((time for time in times if time is not None), default=None)
        spared = sum(1 for run in runs if last is not None and run.started_at is not None and run.started_at > last)
        yield Pattern(
            "repeated_failure", text, agent, supported_at=times, contradictions=spared, evidence=sorted(issue.positions)
        )


def _missing_validation(agent: str, runs: Sequence[Execution], validated: dict[str, bool]) -> Iterable[Pattern]:
    """Runs that changed files and asked for no validation, or got no answer; those that did speak against it."""
    changing = [run for run in runs if run.files]
    missing = [run for run in changing if not validated.get(run.run, False)]
    # Where nobody of the team ever validates, a missing validation is no finding but the rule of the house.
    if missing and validated:
        yield Pattern(
            "missing_validation",
            "changes files without an answered validation",
            agent,
            supported_at=[run.started_at for run in missing],
            contradictions=len(changing) - len(missing),
            evidence=evidence_of(missing),
        )


def _missed_parallelism(agent: str, runs: Sequence[Execution]) -> Iterable[Pattern]:
    """Tools called one after the other that ran side by side, and well, in other runs; those speak against it."""
    for pair, parallel, apart in parallel_pairs(runs):
        yield Pattern(
            "missed_parallelism",
            f"{pair[0]} and {pair[1]} one after the other",
            agent,
            supported_at=[run.started_at for run in apart],
            contradictions=len(parallel),
            evidence=evidence_of(apart),
            solution=f"{len(parallel)} runs that went well called them side by side",
        )


def _agent_sequences(runs: Sequence[Execution]) -> Iterable[Pattern]:
    """Agents of a session in the order in which they began, repeats in a row once; good if every known run was."""
    sessions: dict[str, list[Execution]] = defaultdict(list)
    for run in runs:
        if run.session is not None:
            sessions[run.session].append(run)
    found: dict[str, Pattern] = {}
    for _, team in sorted(sessions.items()):
        team.sort(key=lambda run: (run.started_at or datetime.max, run.run))
        names = [run.agent for i, run in enumerate(team) if i == 0 or team[i - 1].agent != run.agent]
        known = [run.good for run in team if run.good is not None]
        if len(names) < 2 or not known:
            continue
        pattern = found.setdefault(" → ".join(names), Pattern("agent_sequence", " → ".join(names)))
        pattern.evidence = sorted({*pattern.evidence, *evidence_of(team)})
        if min(known) > 0.5:
            pattern.supported_at.append(team[0].started_at)
        else:
            pattern.contradictions += 1
    return found.values()

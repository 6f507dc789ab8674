"""What went wrong before: failed calls, failed runs and bad judgements, grouped by what they say."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from orchestrion.projections.learning.executions import Execution

REPEATED = 2
"""Runs that must have met an issue before it counts as common."""
LISTED = 10
ISSUE_CHARACTERS = 120
HIGH_SHARE, LOW_SHARE = 0.5, 0.1
"""Severity by how many of the issue's runs of known outcome went badly: high from this share, low below that."""

_EXIT_CODE = re.compile(r"exit code:? \d+", re.IGNORECASE)
_NORMAL = (
    (re.compile(r"(?<!\w)(['\"`]).{1,120}?\1(?!\w)"), "‹…›"),
    (re.compile(r"(?:(?<![A-Za-z])[A-Za-z]:\\|~?/|\.{1,2}/)?[\w.@-]+(?:[/\\][\w.@-]+)+/?|/[\w.@-]+"), "‹path›"),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", re.IGNORECASE), "‹id›"),
    (re.compile(r"\d+"), "‹n›"),
    (re.compile(r"\s+"), " "),
)


@lru_cache(maxsize=4096)
def normalised(said: str) -> str:
    """The first line that says something, without what differs from case to case: quotes, paths, ids, numbers.

    A first line that only tells the exit code says nothing: the next one is taken along.
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    text = ": ".join(lines[:2]) if lines and _EXIT_CODE.fullmatch(lines[0]) else "".join(lines[:1])
    for expression, kept in _NORMAL:
        text = expression.sub(kept, text)
    return text[:ISSUE_CHARACTERS].strip() or "failed without a word"


@dataclass(slots=True)
class Issue:
    """One thing that went wrong, and the runs that met it."""

    runs: dict[str, Execution] = field(default_factory=dict)
    positions: set[int] = field(default_factory=set)

    @property
    def severity(self) -> Literal["low", "medium", "high", "unknown"]:
        """How often the run went badly that met it."""
        known = [run.good for run in self.runs.values() if run.good is not None]
        if not known:
            return "unknown"
        bad = 1 - sum(known) / len(known)
        return "high" if bad >= HIGH_SHARE else "low" if bad < LOW_SHARE else "medium"


def issues(runs: Sequence[Execution]) -> dict[str, Issue]:
    """Every issue by its normalised words: `tool: what it said`, or why a run failed or was judged bad."""
    found: dict[str, Issue] = defaultdict(Issue)
    for run in runs:
        for failure in run.failures:
            text = normalised(failure.said)
            _met(found[f"{failure.tool}: {text}" if failure.tool else text], run, (failure.position,))
        for complaint in run.complaints:
            _met(found[normalised(complaint)], run, run.evidence)
    return dict(found)


def pitfalls(runs: Sequence[Execution]) -> list[dict[str, Any]]:
    """`commonPitfalls`: issues met in at least `REPEATED` runs, the most frequent first. Frequency counts runs.

    Contradictions are the comparable runs that did not meet it.
    """
    common = [(text, issue) for text, issue in issues(runs).items() if len(issue.runs) >= REPEATED]
    common.sort(key=lambda row: (-len(row[1].runs), row[0]))
    return [
        {
            "issue": text,
            "frequency": len(issue.runs),
            "severity": issue.severity,
            "support": len(issue.runs),
            "contradictions": len(runs) - len(issue.runs),
            "evidence": sorted(issue.positions),
        }
        for text, issue in common[:LISTED]
    ]


def _met(issue: Issue, run: Execution, positions: Sequence[int]) -> None:
    issue.runs[run.run] = run
    issue.positions.update(positions)

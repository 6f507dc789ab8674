"""What came of runs that ended before their conductor died, as their facts say it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrion.agents.reports import Finding
from orchestrion.agents.runner import Outcome
from orchestrion.domain import events as e


def ended_as(end: e.AgentCompleted | e.AgentFailed) -> tuple[Outcome, tuple[str, ...]]:
    """The outcome of a run that ended, and the paths it changed."""
    outputs = dict(end.outputs) if isinstance(end.outputs, dict) else {}
    findings = [Finding(**payload) for payload in outputs.pop("findings", ())]
    if isinstance(end, e.AgentCompleted):
        outcome = Outcome("completed", end.summary or "", outputs=outputs, findings=findings)
        outcome.files_read = end.files_read
        return outcome, end.files_modified
    modified = tuple(outputs.pop("files_modified", ()))
    return Outcome(end.status, reason=end.reason, remedy=end.remedy, outputs=outputs), modified


@dataclass(frozen=True)
class Check:
    """A validation that was made: by whom, of which files, and what it still found in them."""

    agent: str
    files: tuple[str, ...]
    remaining: tuple[Finding, ...]

    def standing(self, known: Sequence[Finding] | None) -> list[Finding]:
        """What the validator knows to be there, after what it knew before."""
        return [finding for finding in known or () if finding.file not in self.files] + list(self.remaining)


def checks_of(author_run: str, facts: Iterable[e.Event]) -> list[Check]:
    """The validations of what `author_run` changed, oldest first."""
    facts = list(facts)
    runs = {fact.run for fact in facts if isinstance(fact, e.AgentStarted) and fact.parent_run == author_run}
    checks = []
    for fact in facts:
        if isinstance(fact, e.AgentCompleted) and fact.run in runs and isinstance(fact.outputs, dict):
            evidence = fact.outputs.get("evidence") or {}
            remaining = tuple(Finding(**payload) for payload in evidence.get("remaining", ()))
            checks.append(Check(fact.agent or "", tuple(evidence.get("files", ())), remaining))
    return checks

"""What a thinking agent gives back: a report of its work, or a verdict on another's."""

from typing import Literal

from pydantic import BaseModel, Field

from orchestrion.agents.reports import Finding
from orchestrion.agents.runner import Judgement, Outcome

Severity = Literal["info", "low", "medium", "high", "critical"]


class Found(BaseModel):
    """Something that is wrong in a place."""

    issue: str = Field(description="What is wrong.")
    severity: Severity = "medium"
    file: str | None = Field(None, description="Relative to the workspace.")
    line: int | None = None
    rule: str | None = Field(None, description="A short, stable name for this kind of problem, e.g. sql-injection.")
    recommendation: str | None = None

    def finding(self) -> Finding:
        """As the log has it."""
        return Finding(self.severity, self.issue, self.file, self.line, self.rule, self.recommendation)


class Report(BaseModel):
    """How the work went."""

    summary: str = Field(min_length=1, description="What you did and what came of it, in a few sentences.")
    findings: list[Found] = Field(default_factory=list, description="What you found to be wrong and is still there.")
    fixed: list[Found] = Field(default_factory=list, description="Findings that your changes put right.")
    files_modified: list[str] = Field(default_factory=list, description="Files you changed.")
    recommendations: list[str] = Field(default_factory=list, description="What should be done next.")
    decisions: list[str] = Field(default_factory=list, description="What you decided, and why.")

    def outcome(self) -> Outcome:
        """As a run's outcome; which files changed is seen in the files themselves, not taken from here."""
        said = {"recommendations": self.recommendations, "decisions": self.decisions, "claimed": self.files_modified}
        outputs = {name: value for name, value in said.items() if value}
        outcome = Outcome(summary=self.summary, outputs=outputs, findings=[each.finding() for each in self.findings])
        outcome.fixed = [each.finding() for each in self.fixed]
        return outcome


class Verdict(BaseModel):
    """Whether the changes are approved."""

    approved: bool
    reasons: list[str] = Field(default_factory=list, description="Why not, each something that can be put right.")
    evidence: list[str] = Field(
        default_factory=list, description="What you looked at or ran, and what it showed: file, line, result."
    )
    remaining: list[Found] = Field(default_factory=list, description="What is still wrong in the changed files.")

    def outcome(self) -> Outcome:
        """As a run's outcome."""
        word = "approved" if self.approved else "rejected"
        outcome = Outcome(summary=f"{word} the changes", findings=[each.finding() for each in self.remaining])
        outcome.judgement = Judgement(self.approved, tuple(self.reasons), tuple(self.evidence))
        return outcome

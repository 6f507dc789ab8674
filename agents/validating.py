"""Whether changes are approved: by a check of tools run again on the changed files, or by a validator's own verdict.

A check is held against what it found before: approved when nothing new is found and everything that was claimed as
fixed is gone. What was there before and was not claimed may stay: it is named in the evidence. Findings are counted by
file and rule, for lines move.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from orchestrion.agents.reports import Finding
from orchestrion.agents.runner import Desk, Judgement, Outcome, Runner, Work


@dataclass
class Verdict:
    """The check's answer; `problem` when it could not be made."""

    approved: bool = False
    reasons: tuple[str, ...] = ()
    evidence: dict[str, Any] = field(default_factory=dict)
    after: list[Finding] = field(default_factory=list)
    problem: Outcome | None = None

    def as_payload(self) -> dict[str, Any]:
        """As the payload of a validation_result."""
        return {"approved": self.approved, "reasons": list(self.reasons), "evidence": self.evidence}


def judge(
    before: Sequence[Finding], after: Sequence[Finding], claimed: Sequence[Finding], files: Sequence[str]
) -> Verdict:
    """The verdict on changes to `files`; claims of rules that the check does not know are not its affair.

    `before` may hold more than those files, for a check may look, and find something new, beyond them.
    """
    was, now = (Counter(finding.key for finding in found) for found in (before, after))
    said = Counter(finding.key for finding in claimed if finding.key in was)
    new = [f"{rule} in {file}" for (file, rule), count in now.items() if count > was[file, rule]]
    still = [f"{rule} in {file}" for (file, rule), count in said.items() if now[file, rule] > was[file, rule] - count]
    reasons = (*(f"new finding: {each}" for each in new), *(f"claimed as fixed but there: {each}" for each in still))
    evidence = {
        "rule": "nothing new is found, and everything claimed as fixed is gone",
        "files": list(files),
        "before": sum(finding.file in files for finding in before),
        "after": sum(finding.file in files for finding in after),
        "confirmed_fixed": sum(said.values()) - len(still),
        "remaining": [finding.as_payload() for finding in after if finding.file in files],
    }
    return Verdict(not reasons, reasons, evidence, list(after))


def _own(
    said: Judgement,
    before: Sequence[Finding],
    after: Sequence[Finding],
    claimed: Sequence[Finding],
    files: Sequence[str],
) -> Verdict:
    """A validator's own verdict. Where it names no findings, what is claimed as fixed is gone if it approves."""
    settled = {finding.key for finding in claimed} if said.approved else set()
    left = list(after) or [finding for finding in before if finding.file in files and finding.key not in settled]
    evidence = {
        "rule": "the validator's own word",
        "said": list(said.evidence),
        "files": list(files),
        "before": sum(finding.file in files for finding in before),
        "after": len(left),
        "remaining": [finding.as_payload() for finding in left],
    }
    reasons = said.reasons or (() if said.approved else ("it gave no reason",))
    return Verdict(said.approved, reasons, evidence, left)


async def check(
    runner: Runner,
    work: Work,
    desk: Desk,
    *,
    base: Path,
    before: Sequence[Finding] | None,
    claimed: Sequence[Finding],
) -> Verdict:
    """Run the validator's check on `work.files` and judge it; first on the files as taken (`base`) if it never was.

    A validator that is no list of commands is asked once, and judges for itself if it says so (`Outcome.judgement`);
    else it approves by ending well and finding nothing.
    """
    if before is None and work.agent.runner != "steps":
        before = []
    if before is None:
        old = tuple(name for name in work.files if (base / name).is_file())
        earlier = await runner.run(replace(work, workspace=base, files=old), desk) if old else Outcome()
        if earlier.status != "completed":
            return Verdict(problem=earlier)
        before = earlier.findings
    there = tuple(name for name in work.files if (work.workspace / name).is_file())
    looks = there or work.agent.runner != "steps"  # a mind may judge what was deleted
    outcome = await runner.run(replace(work, files=there), desk) if looks else Outcome()
    if outcome.status != "completed":
        return Verdict(problem=outcome)
    if outcome.judgement is not None:
        return _own(outcome.judgement, before, outcome.findings, claimed, work.files)
    return judge(before, outcome.findings, claimed, work.files)

"""What a step's report says, as plain values that go into the log with the call's answer, and what follows from them.

A run that is resumed does not make an answered call again: it takes these values from the log instead.
"""

from pathlib import Path
from typing import Any

from orchestrion.agents.bus import Draft
from orchestrion.agents.child import Ended
from orchestrion.agents.definition import Step
from orchestrion.agents.reports import BadReport, Finding, read_junit, read_sarif
from orchestrion.agents.runner import Outcome, Work

Reading = dict[str, Any]
"""`{"findings": [payload, …], "files_read": [path, …], "measures": {…}, "tests": {…} | absent}`."""


def read_report(step: Step, work: Work, ended: Ended, file: Path | None) -> Reading:
    """What the report of `step` says, in `file` or else on its standard output. Raises BadReport."""
    if step.reads == "text":
        return {}
    raw = _report(ended, file, work.limits.report_bytes)
    if step.reads == "junit":
        tests = read_junit(raw)
        failures = [_failed_test(failure, work.workspace) for failure in tests.failures]
        return {"tests": tests.as_json(), "findings": [failure.as_payload() for failure in failures]}
    sarif = read_sarif(raw, step, work.workspace)
    read = dict.fromkeys([*sarif.files_read, *(f.file for f in sarif.findings if f.file)])
    reading: Reading = {"findings": [finding.as_payload() for finding in sarif.findings], "files_read": list(read)}
    return reading | ({"measures": dict(sarif.measures)} if sarif.measures else {})


def take_in(reading: Reading, step: Step, outcome: Outcome, around: dict[str, list[Finding]]) -> list[Finding]:
    """Put a reading into the run's `outcome`, or beside it if the step stands around a fix; its findings."""
    findings = [Finding(**payload) for payload in reading.get("findings", ())]
    if step.role == "check":
        outcome.findings += findings
    else:
        around[step.role] = findings
    for name in ("tests", "measures"):
        if name in reading:
            outcome.outputs[name] = reading[name]
    outcome.files_read = tuple(dict.fromkeys([*outcome.files_read, *reading.get("files_read", ())]))
    return findings


def told(findings: list[Finding], step: Step, outcome: Outcome, limit: int) -> list[Draft]:
    """What to tell the others of `findings`: at most `limit` of them one by one, the rest in one message."""
    if step.reads == "text" or step.announce == "none" or (not findings and step.announce == "each"):
        return []
    limit = limit if step.announce == "each" else 0
    drafts = [Draft("finding_report", finding.as_payload()) for finding in findings[:limit]]
    if len(findings) > limit or step.announce == "summary":
        rest = findings[limit:]
        context = {
            "step": step.name,
            "findings": len(rest),
            "files": sorted({f.file for f in rest if f.file})[:20],
            "measures": outcome.outputs.get("measures"),
        }
        drafts.append(Draft("context_share", {"context": context}))
    return drafts


def _report(ended: Ended, file: Path | None, limit_bytes: int) -> bytes:
    if file is None:
        if ended.stdout.cut:
            raise BadReport(f"its report of {ended.stdout.size} bytes is too large; let it write a file")
        return bytes(ended.stdout.head + ended.stdout.tail)
    try:
        size = file.stat().st_size
        if size > limit_bytes:
            raise BadReport(f"its report of {size} bytes is larger than {limit_bytes}")
        return file.read_bytes()
    except OSError as error:
        raise BadReport(f"it left no report at {file.name} ({error.strerror})") from error


def _failed_test(failure: dict[str, object], workspace: Path) -> Finding:
    file, test = failure.get("file"), str(failure["test"])
    if not file:
        module = Path(*test.partition("::")[0].split(".")).with_suffix(".py") if test.partition("::")[0] else None
        file = module.as_posix() if module and (workspace / module).is_file() else None
    issue = f"test {test} {failure['outcome']}: {failure.get('message') or failure.get('detail') or ''}".strip()
    return Finding("high", issue, str(file) if file else None, None, "failing-test")

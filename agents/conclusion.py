"""What an agent that answers in words concludes: findings, claims and a verdict, from the JSON its answer ends with."""

import json
import re
from typing import Any

from orchestrion.agents.bus import Draft
from orchestrion.agents.reports import SEVERITIES, Finding
from orchestrion.agents.runner import Desk, Judgement, Outcome, Work

KEYS = frozenset({"summary", "findings", "fixed", "approved", "reasons"})
MAX_FINDINGS = 1_000
SUMMARY_LETTERS = 500
HOW = """If you found something, fixed something, or were asked for a verdict, end your answer with one JSON object in a
```json block, with those of these keys that apply:
- "summary": one sentence
- "findings": a list of {"severity": "info|low|medium|high|critical", "issue": "…", "file": "…", "line": 1, "rule": "…"}
- "fixed": a list of the same, for what you fixed
- "approved": true or false, and "reasons": a list of texts
"""
"""What agents are told of this."""
_FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n[ \t]*```", re.DOTALL)


def conclude(text: str, outcome: Outcome, work: Work, desk: Desk) -> None:
    """Put what `text` concludes into `outcome`, and tell the others what was found.

    A text without such an object is the summary, no more. What does not fit its key is left out and counted.
    """
    outcome.summary, outcome.outputs["text"] = text.strip()[:SUMMARY_LETTERS], text
    said = concluded(text)
    if said is None:
        return
    outcome.summary = str(said.get("summary") or _before(text) or outcome.summary).strip()[:SUMMARY_LETTERS]
    outcome.findings, odd = _findings(said.get("findings"))
    outcome.fixed, odd_too = _findings(said.get("fixed"))
    if "fixed" in said:
        outcome.outputs["fixed"] = len(outcome.fixed)
    if odd + odd_too:
        outcome.outputs["not_understood"] = odd + odd_too
    if isinstance(said.get("approved"), bool):
        reasons = said.get("reasons")
        given = tuple(map(str, reasons)) if isinstance(reasons, list) else (str(reasons),) if reasons else ()
        outcome.judgement = Judgement(said["approved"], given)
    limit = work.limits.findings_told
    desk.tell_all([Draft("finding_report", finding.as_payload()) for finding in outcome.findings[:limit]])


def concluded(text: str) -> dict[str, Any] | None:
    """The JSON object with one of our keys that `text` is, or that stands in the last block of it."""
    for part in [text, *reversed(_FENCED.findall(text))]:
        try:
            value = json.loads(part)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and KEYS & value.keys():
            return value
    return None


def _before(text: str) -> str:
    """What stands before the last block."""
    blocks = list(_FENCED.finditer(text))
    return text[: blocks[-1].start()].strip() if blocks else ""


def _findings(value: Any) -> tuple[list[Finding], int]:
    """The findings among `value`, the most severe first, and how many entries are none."""
    entries = value if isinstance(value, list) else [] if value is None else [value]
    found = [finding for entry in entries[:MAX_FINDINGS] if (finding := _finding(entry))]
    found.sort(key=lambda finding: -SEVERITIES.index(finding.severity))
    return found, len(entries) - len(found)


def _finding(entry: Any) -> Finding | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("issue"), str):
        return None
    severity, line = str(entry.get("severity", "")).lower(), entry.get("line")
    texts = {name: entry[name] for name in ("file", "rule", "recommendation") if isinstance(entry.get(name), str)}
    return Finding(
        severity if severity in SEVERITIES else "medium",
        entry["issue"],
        line=line if isinstance(line, int) and not isinstance(line, bool) else None,
        **texts,
    )

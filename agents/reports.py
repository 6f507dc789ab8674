"""What tools leave behind, read: SARIF 2.1.0 becomes findings, JUnit XML becomes test results."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.parsers import expat

from orchestrion.agents.definition import Step

SEVERITIES = ("info", "low", "medium", "high", "critical")
LEVELS = {"none": "info", "note": "low", "warning": "medium", "error": "high"}
"""SARIF's `level` as a severity, where the agent's file gives the rule none."""
MAX_DETAIL = 2_000
"""Letters kept of one test's failure."""


class BadReport(Exception):
    """A report that cannot be read; becomes the failure of the agent."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something is wrong in a place; `file` is relative to the workspace."""

    severity: str
    issue: str
    file: str | None = None
    line: int | None = None
    rule: str | None = None
    recommendation: str | None = None

    @property
    def key(self) -> tuple[str | None, str | None]:
        """What stays the same when lines move: the file and the rule."""
        return self.file, self.rule

    def as_payload(self) -> dict[str, Any]:
        """As the payload of a finding_report."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Sarif:
    """The findings of a SARIF file, the files it says were read, and measures the tool left in its properties."""

    findings: tuple[Finding, ...]
    files_read: tuple[str, ...]
    measures: Mapping[str, Any]


@dataclass
class TestResults:
    """Counts of a JUnit file, and its failures as findings."""

    __test__ = False  # no test class, whatever pytest thinks of the name
    tests: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)

    @property
    def passed(self) -> int:
        """Tests that ran and held."""
        return self.tests - self.failed - self.errors - self.skipped

    def as_json(self) -> dict[str, Any]:
        """`{"tests", "passed", "failed", "errors", "skipped", "failures": [{"test", "file", "message", …}]}`."""
        return {**asdict(self), "passed": self.passed}


def read_sarif(raw: bytes, step: Step, workspace: Path) -> Sarif:
    """The findings in `raw`, the most severe first. Raises BadReport."""
    try:
        runs = json.loads(raw)["runs"]
        found, read = [], []
        measures: dict[str, Any] = {}
        for run in runs:
            found += [_finding(result, step, workspace) for result in run.get("results") or ()]
            read += [_relative(each["location"]["uri"], workspace) for each in run.get("artifacts") or ()]
            measures |= run.get("properties") or {}
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise BadReport(f"the command left no valid SARIF ({type(error).__name__}: {error})") from error
    found.sort(key=lambda f: (-SEVERITIES.index(f.severity), f.file or "", f.line or 0, f.rule or ""))
    return Sarif(tuple(found), tuple(dict.fromkeys(read)), measures)


def read_junit(raw: bytes) -> TestResults:
    """The test results in `raw`; entities are not expanded. Raises BadReport."""
    results, reader = TestResults(), _JUnit()
    try:
        reader.parser.Parse(raw, True)
    except expat.ExpatError as error:
        raise BadReport(f"the command left no valid JUnit XML ({error})") from error
    if not reader.suites:
        raise BadReport("the command left XML without a test suite")
    for case in reader.cases:
        results.tests += 1
        outcome = case.get("outcome")
        if outcome is None:
            continue
        if outcome == "skipped":
            results.skipped += 1
            continue
        results.failed += outcome == "failure"
        results.errors += outcome == "error"
        results.failures.append({key: value for key, value in case.items() if value})
    return results


def gone(before: Iterable[Finding], after: Iterable[Finding]) -> list[Finding]:
    """Findings of `before` that `after` has no more, counted by file and rule, for lines move."""
    left = Counter(finding.key for finding in after)
    lost = []
    for finding in before:
        if left[finding.key] > 0:
            left[finding.key] -= 1
        else:
            lost.append(finding)
    return lost


def _finding(result: Mapping[str, Any], step: Step, workspace: Path) -> Finding:
    rule = result.get("ruleId")
    place = (result.get("locations") or [{}])[0].get("physicalLocation", {})
    uri = place.get("artifactLocation", {}).get("uri")
    return Finding(
        severity=_by_rule(step.severities, rule) or step.severity or _level(result),
        issue=str(result["message"]["text"]),
        file=_relative(uri, workspace) if uri else None,
        line=place.get("region", {}).get("startLine"),
        rule=rule,
        recommendation=_by_rule(step.recommendations, rule),
    )


def _level(result: Mapping[str, Any]) -> str:
    return LEVELS.get(result.get("level", "warning"), "medium")


def _by_rule(table: Mapping[str, str], rule: str | None) -> str | None:
    fitting = [beginning for beginning in table if rule and rule.startswith(beginning)]
    return table[max(fitting, key=len)] if fitting else None


def _relative(uri: str, workspace: Path) -> str:
    path = Path(unquote(urlsplit(uri).path if uri.startswith("file:") else uri))
    for root in (workspace, workspace.resolve()):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return path.as_posix()


class _JUnit:
    """A JUnit file's cases, by expat without a document type: no entity can grow."""

    def __init__(self) -> None:
        self.cases: list[dict[str, Any]] = []
        self.suites = 0
        self._inside = False
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._refuse

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "testsuite":
            self.suites += 1
        elif tag == "testcase":
            name = f"{attributes.get('classname', '')}::{attributes.get('name', '')}".removeprefix("::")
            self.cases.append({"test": name, "file": attributes.get("file"), "seconds": attributes.get("time")})
        elif tag in {"failure", "error", "skipped"} and self.cases:
            self.cases[-1] |= {"outcome": tag, "message": attributes.get("message", "")[:MAX_DETAIL], "detail": ""}
            self._inside = True

    def _end(self, tag: str) -> None:
        if tag in {"failure", "error", "skipped"}:
            self._inside = False

    def _text(self, text: str) -> None:
        if self._inside and len(self.cases[-1]["detail"]) < MAX_DETAIL:
            self.cases[-1]["detail"] += text[:MAX_DETAIL]

    def _refuse(self, *_: object) -> None:
        raise BadReport("the command left XML that declares entities")

"""Checks over the log as a gate: each file is a question that must have no rows; the verdicts, and JUnit's XML."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree as ET

from orchestrion.cli import exits
from orchestrion.cli.options import Format
from orchestrion.cli.plain import json_text
from orchestrion.cli.recalling_queries import usage_of
from orchestrion.cli.show import Sheet, out, say, table
from orchestrion.cli.wiring import Home, builder, opened_log
from orchestrion.domain.errors import BadDefinition, NotFound, OrchestrionError, QueryRefused, Refused
from orchestrion.domain.inert import inert
from orchestrion.projections.saved import SavedQuery, read_query, saved_queries, shipped

CHECKS = "checks"
SHOWN_ROWS = 5
"""Rows of evidence that a failed check tells in JUnit's file and in its message."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one check. `rows` are what should not be there, as dictionaries."""

    check: SavedQuery
    status: Literal["passed", "failed", "error"]
    seconds: float
    rows: Sequence[dict[str, Any]] = field(default=())
    error: str | None = None

    @property
    def message(self) -> str:
        """In a line, what is wrong."""
        if self.error is not None:
            return self.error
        first = ", ".join(f"{name} {value}" for name, value in self.rows[0].items()) if self.rows else ""
        return f"{len(self.rows)} rows, the first: {first}" if self.rows else ""

    def as_json(self) -> dict[str, Any]:
        """The verdict with its evidence."""
        about = {"check": self.check.name, "file": str(self.check.path), "help": self.check.help, "status": self.status}
        return {**about, "rows": len(self.rows), "evidence": self.rows[:SHOWN_ROWS], "error": self.error}


def checked(
    home: Home, names: Sequence[str], settings: Sequence[str], *, junit: Path | None, at: int | None, form: Format
) -> int:
    """Run the checks, show the verdicts, write JUnit's file; the exit code. Raises NotFound, Refused."""
    if not names:
        return _listed(form)
    checks = [_check(name) for name in names]
    given = _settings(settings, checks)
    with opened_log(home) as log:
        verdicts = [check if isinstance(check, Verdict) else _judged(log, home, check, given, at) for check in checks]
    if form is Format.json:
        out(json_text([verdict.as_json() for verdict in verdicts]))
    else:
        rows = [(v.check.name, v.status, len(v.rows), v.message) for v in verdicts]
        table(Sheet(("check", "status", "rows", "message"), rows), form)
    wrong = [verdict for verdict in verdicts if verdict.status != "passed"]
    say(f"{len(verdicts) - len(wrong)} of {len(verdicts)} checks passed.")
    if junit is not None:  # last: where it cannot be written, the verdicts are known all the same
        _write(junit, verdicts)
    if any(verdict.status == "error" for verdict in wrong):
        return QueryRefused.exit_code
    return exits.CHECK_FAILED if wrong else exits.OK


def _check(name: str) -> SavedQuery | Verdict:
    """The check in a file, or the shipped one of that name; the verdict on a file that is none. Raises NotFound."""
    path = Path(name).expanduser()
    if path.is_file():
        try:
            return read_query(path)
        except BadDefinition as error:
            why = str(error)
        except OSError as error:
            why = f"{path} cannot be read: {error.strerror}"
        # What is wrong with one file must not hide what the others find.
        return Verdict(SavedQuery(path.stem, "", "", (), path), "error", 0.0, error=why)
    known = saved_queries([shipped(CHECKS)])[0]
    if name in known:
        return known[name]
    raise NotFound(f"there is no file {path}, and no shipped check of that name; there are {', '.join(sorted(known))}")


def _settings(given: Sequence[str], checks: Sequence[SavedQuery | Verdict]) -> dict[str, str]:
    """`NAME=VALUE` of each `--set`. Raises Refused for a name that no check has, unless one has an error."""
    readable = [check for check in checks if isinstance(check, SavedQuery)]
    names = {parameter.name for check in readable for parameter in check.parameters}
    pairs = {}
    for setting in given:
        name, equals, value = setting.partition("=")
        if not equals:
            raise Refused(f"--set {setting!r}: write NAME=VALUE")
        if name not in names and len(readable) == len(checks):
            raise Refused(f"--set {name}: none of these checks has a parameter of that name")
        pairs[name] = value
    return pairs


def _judged(log: Any, home: Home, check: SavedQuery, given: dict[str, str], at: int | None) -> Verdict:
    from orchestrion.projections import ask

    begun = time.monotonic()
    own = {p.name for p in check.parameters}
    try:
        params = check.bound({name: value for name, value in given.items() if name in own})
        found = ask(log, home.projections, check.sql, at=at, params=params, build=builder(home))
    except Refused as error:  # what is wrong with one check must not hide what the others find
        return Verdict(check, "error", time.monotonic() - begun, error=str(error))
    seconds = time.monotonic() - begun
    return Verdict(check, "failed" if found.rows else "passed", seconds, found.dicts())


def _listed(form: Format) -> int:
    checks = saved_queries([shipped(CHECKS)])[0]
    rows = [(check.name, usage_of(check), check.help, str(check.path)) for check in checks.values()]
    columns = ("check", "parameters", "help", "file")
    wide = form is not Format.table
    table(Sheet(columns if wide else columns[:3], rows if wide else [row[:3] for row in rows]), form)
    say("These come with this version: `orchestrion assert NAME`, or copy a file and change it.")
    return exits.OK


def _write(path: Path, verdicts: Sequence[Verdict]) -> None:
    """JUnit's XML, as CI servers read it: one suite, a case a check."""
    counts = {status: sum(v.status == status for v in verdicts) for status in ("failed", "error")}
    total = f"{sum(v.seconds for v in verdicts):.3f}"
    about = {"tests": str(len(verdicts)), "failures": str(counts["failed"]), "errors": str(counts["error"])}
    root = ET.Element("testsuites", {**about, "time": total})
    suite = ET.SubElement(root, "testsuite", {"name": "orchestrion assert", **about, "skipped": "0", "time": total})
    for verdict in verdicts:
        name = {"classname": "orchestrion.assert", "name": verdict.check.name, "file": str(verdict.check.path)}
        case = ET.SubElement(suite, "testcase", {**_inert(name), "time": f"{verdict.seconds:.3f}"})
        if verdict.status != "passed":
            what = "failure" if verdict.status == "failed" else "error"
            said = {"message": verdict.message, "type": verdict.status}
            evidence = "\n".join(json_text(row) for row in verdict.rows[:SHOWN_ROWS])
            ET.SubElement(case, what, _inert(said)).text = inert(f"{verdict.check.help}\n{evidence}")
    try:
        path.write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
    except OSError as error:
        raise OrchestrionError(f"{path} cannot be written: {error.strerror}") from error


def _inert(attributes: dict[str, str]) -> dict[str, str]:
    """Without the control characters that XML may not hold."""
    return {name: inert(value) for name, value in attributes.items()}

"""Runs an agent that is a list of commands: real tools in the workspace, one after the other, no shell, no model."""

import asyncio
import os
import shutil
import sys
import time
from pathlib import Path

from orchestrion.agents.bus import Draft
from orchestrion.agents.child import Ended, run_child
from orchestrion.agents.definition import Step
from orchestrion.agents.environment import child_environment
from orchestrion.agents.reports import BadReport, Finding, gone, read_junit, read_sarif
from orchestrion.agents.runner import Desk, Outcome, Work
from orchestrion.domain.events import CallStatus

NO_LIMIT_SECONDS = 10**9
PREVIEW = 4_000
"""Letters of a command's output kept in the tool's result; counts and reports say the rest."""
HERE = Path(__file__).parent
MODULE_CHECK = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"


class StepsRunner:
    """Runs `steps`; the first that cannot do its work ends the run as failed."""

    async def run(self, work: Work, desk: Desk) -> Outcome:
        """See `Runner`."""
        outcome = Outcome(outputs={"interpreter": str(work.python), "interpreter_from": work.python_from})
        around: dict[str, list[Finding]] = {}
        for step in work.agent.steps:
            desk.take()
            await _Performing(work, desk, step, outcome, around).do()
            if outcome.status != "completed":
                return outcome
        if {"before", "after"} <= around.keys():
            outcome.fixed = gone(around["before"], around["after"])
            outcome.outputs |= {"fixed": len(outcome.fixed), "remaining": len(around["after"])}
        outcome.summary = _summary(outcome, len(work.agent.steps))
        return outcome


class _Performing:
    """One step: called, run, returned, read, told."""

    def __init__(self, work: Work, desk: Desk, step: Step, outcome: Outcome, around: dict[str, list[Finding]]) -> None:
        self.work, self.desk, self.step, self.outcome, self.around = work, desk, step, outcome, around

    async def do(self) -> None:
        """Run the step and put what came of it into the outcome."""
        args = self._arguments()
        call = self.desk.called(self.step.name, {"command": args, "cwd": str(self.work.workspace)})
        begun = time.monotonic()
        try:
            if missing := await self._missing(args):
                self._end(call, "error", missing, remedy=self._remedy(args))
                return
            ended = await self._run(args)
        except FileNotFoundError:
            self._end(call, "error", f"{args[0]} is not installed", remedy=self._remedy(args))
        except OSError as error:
            self._end(call, "error", f"{args[0]} cannot be run: {error.strerror or error}", remedy=self._remedy(args))
        except asyncio.CancelledError:
            self.desk.returned(call, "interrupted", duration_ms=round((time.monotonic() - begun) * 1000))
            raise
        else:
            self._returned(call, ended)

    def _arguments(self) -> list[str]:
        values = {
            "python": str(self.work.python),
            "own_python": sys.executable,
            "workspace": str(self.work.workspace),
            "out": str(self.work.out),
            "agents": str(HERE),
            "request": self.work.task,
        }
        args: list[str] = []
        for part in self.step.run:
            args += (self.work.files or (".",)) if part == "{files}" else [filled(part, values)]
        self._file = Path(filled(self.step.file, values)) if self.step.file else None
        return args

    async def _missing(self, args: list[str]) -> str | None:
        """What the step needs and cannot find."""
        if os.sep not in args[0] and shutil.which(args[0]) is None:
            return f"{args[0]} is not installed"
        if self.step.module:
            found = await self._run([args[0], "-c", MODULE_CHECK, self.step.module])
            if found.exit_code == 1:
                return f"{args[0]} has no module {self.step.module}"
        return None

    def _remedy(self, args: list[str]) -> str:
        if self.step.install is None:
            return f"install {args[0]}, or change the step {self.step.name!r} in {self.work.agent.path}"
        values = {"python": str(self.work.python), "own_python": sys.executable}
        return f"run: {filled(self.step.install, values)}"

    async def _run(self, args: list[str]) -> Ended:
        return await run_child(
            args,
            cwd=self.work.workspace,
            env=child_environment(self.work, os.environ, secrets=False),
            seconds=self.step.timeout or NO_LIMIT_SECONDS,
            output_bytes=self.work.limits.output_bytes,
        )

    def _returned(self, call: str, ended: Ended) -> None:
        result = {
            "stdout": shortened(ended.stdout.text()),
            "stderr": shortened(ended.stderr.text()),
            "stdout_bytes": ended.stdout.size,
            "stderr_bytes": ended.stderr.size,
        }
        if ended.timed_out:
            error = f"{self.step.name} did not end within {self.step.timeout:g} s and was stopped"
            self._end(call, "timed_out", error, ended=ended, result=result)
        elif ended.exit_code not in self.step.ok:
            said = (ended.stderr.text().strip() or ended.stdout.text().strip())[-500:]
            error = f"{self.step.name} {_exit(ended.exit_code)}: {said or 'it said nothing'}"
            self._end(call, "error", error, ended=ended, result=result)
        else:
            try:
                drafts = self._read(ended, result)
            except BadReport as bad:
                self._end(call, "error", f"{self.step.name}: {bad}", ended=ended, result=result)
                return
            self._answer(call, "ok", None, ended, result)
            self.desk.tell_all(drafts, call=call)

    def _end(
        self,
        call: str,
        status: CallStatus,
        error: str,
        *,
        ended: Ended | None = None,
        result: object = None,
        remedy: str | None = None,
    ) -> None:
        """The step could not do its work: so says the call, and so ends the run."""
        self._answer(call, status, error, ended, result)
        self.outcome.status = "timed_out" if status == "timed_out" else "failed"
        self.outcome.reason, self.outcome.remedy = error, remedy

    def _answer(self, call: str, status: CallStatus, error: str | None, ended: Ended | None, result: object) -> None:
        self.desk.returned(
            call,
            status,
            result=result,
            error=error,
            exit_code=ended.exit_code if ended else None,
            duration_ms=ended.duration_ms if ended else None,
        )

    def _read(self, ended: Ended, result: dict[str, object]) -> list[Draft]:
        """Put the report into the outcome and the call's `result`; what to tell the others. Raises BadReport."""
        if self.step.reads == "text":
            return []
        raw = self._report(ended)
        if self.step.reads == "junit":
            tests = read_junit(raw)
            self.outcome.outputs["tests"] = result["tests"] = tests.as_json()
            failures = [_failed_test(failure, self.work.workspace) for failure in tests.failures]
            self.outcome.findings += failures
            return self._told(failures)
        sarif = read_sarif(raw, self.step, self.work.workspace)
        result["findings"] = len(sarif.findings)
        self.outcome.files_read = tuple(
            dict.fromkeys([*self.outcome.files_read, *sarif.files_read, *(f.file for f in sarif.findings if f.file)])
        )
        if sarif.measures:
            self.outcome.outputs["measures"] = result["measures"] = dict(sarif.measures)
        if self.step.role != "check":
            self.around[self.step.role] = list(sarif.findings)
        else:
            self.outcome.findings += sarif.findings
        return self._told(list(sarif.findings))

    def _report(self, ended: Ended) -> bytes:
        if self._file is None:
            if ended.stdout.cut:
                raise BadReport(f"its report of {ended.stdout.size} bytes is too large; let it write a file")
            return bytes(ended.stdout.head + ended.stdout.tail)
        try:
            size = self._file.stat().st_size
            if size > self.work.limits.report_bytes:
                raise BadReport(f"its report of {size} bytes is larger than {self.work.limits.report_bytes}")
            return self._file.read_bytes()
        except OSError as error:
            raise BadReport(f"it left no report at {self._file.name} ({error.strerror})") from error

    def _told(self, findings: list[Finding]) -> list[Draft]:
        if self.step.announce == "none" or (not findings and self.step.announce == "each"):
            return []
        limit = self.work.limits.findings_told if self.step.announce == "each" else 0
        drafts = [Draft("finding_report", finding.as_payload()) for finding in findings[:limit]]
        if len(findings) > limit or self.step.announce == "summary":
            rest = findings[limit:]
            context = {
                "step": self.step.name,
                "findings": len(rest),
                "files": sorted({f.file for f in rest if f.file})[:20],
                "measures": self.outcome.outputs.get("measures"),
            }
            drafts.append(Draft("context_share", {"context": context}))
        return drafts


def filled(text: str, values: dict[str, str]) -> str:
    """`text` with the known `{names}` filled in; any other brace stays as it is."""
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def shortened(text: str) -> str:
    """The beginning and the end of a long text."""
    if len(text) <= PREVIEW:
        return text
    return f"{text[: PREVIEW // 2]}\n[…]\n{text[-PREVIEW // 2 :]}"


def _failed_test(failure: dict[str, object], workspace: Path) -> Finding:
    file, test = failure.get("file"), str(failure["test"])
    if not file:
        module = Path(*test.partition("::")[0].split(".")).with_suffix(".py") if test.partition("::")[0] else None
        file = module.as_posix() if module and (workspace / module).is_file() else None
    issue = f"test {test} {failure['outcome']}: {failure.get('message') or failure.get('detail') or ''}".strip()
    return Finding("high", issue, str(file) if file else None, None, "failing-test")


def _exit(code: int | None) -> str:
    return f"was ended by signal {-code}" if code is not None and code < 0 else f"failed with exit code {code}"


def _summary(outcome: Outcome, steps: int) -> str:
    """One line of counts."""
    parts = [f"{steps} step{'s' * (steps != 1)} done"]
    if "tests" in outcome.outputs:
        tests = outcome.outputs["tests"]
        parts.append(f"{tests['passed']} of {tests['tests']} tests passed")
    if "fixed" in outcome.outputs:
        parts.append(f"{outcome.outputs['fixed']} findings fixed, {outcome.outputs['remaining']} remain")
    elif outcome.findings:
        parts.append(f"{len(outcome.findings)} findings")
    if percent := outcome.outputs.get("measures", {}).get("percent"):
        parts.append(f"{percent} % documented")
    return ", ".join(parts)

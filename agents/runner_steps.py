"""Runs an agent that is a list of commands: real tools in the workspace, one after the other, no shell, no model."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestrion.agents.calling import Answer, Call, filled, last_words, make, output_of, shortened
from orchestrion.agents.child import Ended, run_child
from orchestrion.agents.definition import Step
from orchestrion.agents.environment import child_environment
from orchestrion.agents.reading import read_report, take_in, told
from orchestrion.agents.reports import BadReport, Finding, gone
from orchestrion.agents.runner import Desk, Outcome, Work

NO_LIMIT_SECONDS = 10**9
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
            await _perform(step, work, desk, outcome, around)
            if outcome.status != "completed":
                return outcome
        if {"before", "after"} <= around.keys():
            outcome.fixed = gone(around["before"], around["after"])
            outcome.outputs |= {"fixed": len(outcome.fixed), "remaining": len(around["after"])}
        outcome.summary = _summary(outcome, len(work.agent.steps))
        return outcome


async def _perform(step: Step, work: Work, desk: Desk, outcome: Outcome, around: dict[str, list[Finding]]) -> None:
    """One step: called, run, returned, read, told."""
    if step.mcp:
        await _ask(step, step.mcp, work, desk, outcome)
        return
    performing = _Performing(work, step)
    params = {"command": performing.args, "cwd": str(work.workspace)}
    call, answer = await make(Call(step.name, params, step.idempotent, step.retry_on), work, desk, performing.act)
    answer.end(outcome)
    if answer.status == "ok":
        findings = take_in(answer.result.get("reading") or {}, step, outcome, around)
        desk.tell_all(told(findings, step, outcome, work.limits.findings_told), call=call)


async def _ask(step: Step, tool: str, work: Work, desk: Desk, outcome: Outcome) -> None:
    """One step that is a call of an MCP server's tool; what it said is an output."""
    if work.servers is None:
        raise RuntimeError("this runner was given no MCP servers")
    values = {"workspace": str(work.workspace), "out": str(work.out), "request": work.task}
    server, _, name = tool.partition("/")
    answer = await work.servers.call_named(server, name, _filled(step.params, values), desk)
    answer.end(outcome)
    if answer.status == "ok":
        outcome.outputs.setdefault("answers", {})[step.name] = shortened(str(answer.result.get("text", "")))


def _filled(value: Any, values: dict[str, str]) -> Any:
    """`value` with the names in all its texts filled in."""
    match value:
        case str():
            return filled(value, values)
        case dict():
            return {key: _filled(each, values) for key, each in value.items()}
        case list() | tuple():
            return [_filled(each, values) for each in value]
        case _:
            return value


class _Performing:
    """The command of one step, run for real."""

    def __init__(self, work: Work, step: Step) -> None:
        self.work, self.step = work, step
        values = {
            "python": str(work.python),
            "own_python": sys.executable,
            "workspace": str(work.workspace),
            "out": str(work.out),
            "agents": str(HERE),
            "request": work.task,
        }
        self.args: list[str] = []
        for part in step.run:
            self.args += (work.files or (".",)) if part == "{files}" else [filled(part, values)]
        self.file = Path(filled(step.file, values)) if step.file else None

    async def act(self, spawned: Callable[[int], None]) -> Answer:
        """Run it once."""
        program = self.args[0]
        try:
            if missing := await self._missing():
                return self._not_there(missing)
            return self._answer(await self._run(self.args, spawned))
        except FileNotFoundError:
            return self._not_there(f"{program} is not installed")
        except OSError as error:
            return self._not_there(f"{program} cannot be run: {error.strerror or error}")

    async def _missing(self) -> str | None:
        """What the step needs and cannot find."""
        program = self.args[0]
        if os.sep not in program and shutil.which(program) is None:
            return f"{program} is not installed"
        if self.step.module:
            found = await self._run([program, "-c", MODULE_CHECK, self.step.module], None)
            if found.exit_code == 1:
                return f"{program} has no module {self.step.module}"
        return None

    def _not_there(self, error: str) -> Answer:
        if self.step.install is None:
            remedy = f"install {self.args[0]}, or change the step {self.step.name!r} in {self.work.agent.path}"
        else:
            values = {"python": str(self.work.python), "own_python": sys.executable}
            remedy = f"run: {filled(self.step.install, values)}"
        return Answer("error", error, {"remedy": remedy})

    async def _run(self, args: list[str], spawned: Callable[[int], None] | None) -> Ended:
        return await run_child(
            args,
            cwd=self.work.workspace,
            env=child_environment(self.work, os.environ, secrets=False),
            seconds=self.step.timeout or NO_LIMIT_SECONDS,
            output_bytes=self.work.limits.output_bytes,
            spawned=spawned,
        )

    def _answer(self, ended: Ended) -> Answer:
        result = output_of(ended)
        answer = Answer("ok", None, result, ended.exit_code, ended.duration_ms)
        if ended.timed_out:
            answer.status = "timed_out"
            answer.error = f"{self.step.name} did not end within {self.step.timeout:g} s and was stopped"
        elif ended.exit_code not in self.step.ok:
            answer.status, answer.error = "error", f"{self.step.name} {last_words(ended)}"
        else:
            try:
                reading = read_report(self.step, self.work, ended, self.file)
            except BadReport as bad:
                answer.status, answer.error = "error", f"{self.step.name}: {bad}"
                return answer
            if reading:
                result |= {"findings": len(reading["findings"]), "reading": reading}
                result |= {name: reading[name] for name in ("measures", "tests") if name in reading}
        return answer


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

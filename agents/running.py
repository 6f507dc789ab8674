"""One run of one agent: within its time, alone on the files if it writes, validated if it must be, ended by a fact."""

import asyncio
import time
from collections.abc import Mapping

from orchestrion.agents.bus import Draft
from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.desk import RunDesk
from orchestrion.agents.runner import Outcome, Runner
from orchestrion.agents.runner_process import ProcessRunner
from orchestrion.agents.runner_steps import StepsRunner
from orchestrion.agents.stage import Stage, Turn
from orchestrion.agents.validating import Verdict, check
from orchestrion.domain.errors import OrchestrionError
from orchestrion.domain.events import MessageSent, RunStatus

RUNNERS: Mapping[str, Runner] = {"steps": StepsRunner(), "process": ProcessRunner()}
"""One line for each kind of runner."""


class Running:
    """Lets agents work on a stage. `whole_deadline` is the loop's time at which the session must end, if any."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._writing = asyncio.Lock()  # agents that write share one working copy: one at a time
        self.whole_deadline: float | None = None

    async def run(self, turn: Turn, started: str) -> None:
        """Do the turn whose start stands at `started`. Whatever the agent does, its run ends with a typed fact."""
        agent, stage = turn.agent, self._stage
        seconds = min(agent.timeout or stage.limits.agent_seconds, stage.limits.agent_seconds)
        desk = RunDesk(stage.journal, stage.bus, session=stage.session, run=turn.run, agent=agent.name, began=started)
        desk.deadline = time.monotonic() + seconds
        done = _Done()
        try:
            async with asyncio.timeout(seconds):
                await self._work(turn, desk, done)
                if done.outcome.status == "completed" and agent.validation and done.modified:
                    await self._validate(turn, desk, done)
        except TimeoutError:
            done.outcome = Outcome("timed_out", reason=f"it did not end within {seconds:g} s and was stopped")
        except asyncio.CancelledError:
            stage.end(turn, self._stopped(), done.modified)
            raise
        except OrchestrionError:
            raise
        except Exception as error:  # an agent's failure becomes a fact
            done.outcome = Outcome("failed", reason=f"{type(error).__name__}: {error}")
        stage.end(turn, done.outcome, done.modified)

    def _stopped(self) -> Outcome:
        late = self.whole_deadline is not None and asyncio.get_running_loop().time() >= self.whole_deadline
        status: RunStatus = "timed_out" if late else "cancelled"
        return Outcome(status, reason="the session ran out of time" if late else "the session was stopped")

    async def _work(self, turn: Turn, desk: RunDesk, done: "_Done") -> None:
        """The agent's own work, and the files it changed."""
        work, runner = self._stage.work_for(turn), RUNNERS[turn.agent.runner or "steps"]
        if not turn.agent.writes:
            done.outcome = await runner.run(work, desk)
            return
        async with self._writing:
            before = await asyncio.to_thread(self._stage.place.fingerprints)
            done.outcome = await runner.run(work, desk)
            after = await asyncio.to_thread(self._stage.place.fingerprints)
        changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        done.modified = tuple(changed)
        if changed:
            done.outcome.outputs["diff"] = await asyncio.to_thread(self._stage.place.diff, changed)
        if deleted := [path for path in changed if path not in after]:
            done.outcome.outputs["files_deleted"] = deleted

    async def _validate(self, turn: Turn, desk: RunDesk, done: "_Done") -> None:
        """Ask for a check of the changed files; without approval the author's run fails."""
        stage = self._stage
        validator = validator_of(turn.agent, stage)
        run = stage.next_run(validator.name)
        stage.bus.join(run, validator.name)
        changes = [done.outcome.summary, *(f"{f.rule} {f.file}:{f.line} {f.issue}" for f in done.outcome.fixed)]
        request = stage.bus.send(
            turn.run, run, Draft("validation_request", {"changes": changes, "files": done.modified})
        )
        task = f"Validate the changes of {turn.agent.name}"
        checking = Turn(validator, run, task, turn.phase, parent=turn.run, files=done.modified)
        try:
            verdict = await self._check(checking, request, done)
        finally:
            stage.bus.leave(run, "its run has ended")
        desk.take()
        done.outcome.outputs["validation"] = {"by": run, **verdict.as_payload()}
        if verdict.problem is not None:
            done.outcome.status, done.outcome.remedy = "failed", verdict.problem.remedy
            done.outcome.reason = f"its changes could not be validated: {verdict.problem.reason}"
        elif not verdict.approved:
            done.outcome.status = "failed"
            done.outcome.reason = f"{validator.name} rejected its changes: {'; '.join(verdict.reasons)}"

    async def _check(self, turn: Turn, request: MessageSent, done: "_Done") -> Verdict:
        """The validator's run, from its start to its end."""
        stage, name = self._stage, turn.agent.name
        started = stage.start(turn, f"message-{request.message}@1")
        desk = RunDesk(
            stage.journal, stage.bus, session=stage.session, run=turn.run, agent=name, began=started, quiet=True
        )
        known = stage.standing.get(name)
        runner, work = RUNNERS[turn.agent.runner or "steps"], stage.work_for(turn)
        try:
            verdict = await check(runner, work, desk, base=stage.place.base, before=known, claimed=done.outcome.fixed)
        except asyncio.CancelledError:
            stage.end(turn, Outcome("cancelled", reason="the run it was to validate was stopped"))
            raise
        if verdict.problem is not None:
            stage.end(turn, verdict.problem)
            return verdict
        stage.bus.reply(turn.run, request, Draft("validation_result", verdict.as_payload()), cause=desk.last)
        word = "approved" if verdict.approved else "rejected"
        stage.end(turn, Outcome(summary=f"{word} the changes", outputs=verdict.as_payload()))
        if known is not None:
            kept = [finding for finding in known if finding.file not in turn.files]
            stage.standing[name] = kept + [finding for finding in verdict.after if finding.file in turn.files]
        return verdict


class _Done:
    """What has been done so far, also when it is cut off."""

    def __init__(self) -> None:
        self.outcome = Outcome()
        self.modified: tuple[str, ...] = ()


def validator_of(author: AgentDefinition, stage: Stage) -> AgentDefinition:
    """Who checks the author's work: somebody able who can run, of the plan's own agents if possible."""
    able = [v for v in stage.roster.able(author.validation or "") if v.runner and v.name != author.name]
    planned = {task.agent for task in stage.plan.tasks}
    return next((validator for validator in able if validator.name in planned), able[0])

"""One session at work: phases in order, agents of a phase side by side, handoffs between them, every move a fact."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrion.agents.bus import CONDUCTOR, Bus, Draft
from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.desk import RunDesk
from orchestrion.agents.handing import Handing
from orchestrion.agents.journal import Journal
from orchestrion.agents.limits import Limits
from orchestrion.agents.planner import Plan
from orchestrion.agents.reports import Finding
from orchestrion.agents.result import ExecutionResult, RunReport
from orchestrion.agents.roster import Roster
from orchestrion.agents.runner import Outcome, Runner, Work
from orchestrion.agents.runner_process import ProcessRunner
from orchestrion.agents.runner_steps import StepsRunner
from orchestrion.agents.validating import check
from orchestrion.agents.workspace import Workspace
from orchestrion.domain import events as e
from orchestrion.domain import run as runs
from orchestrion.domain import session as sessions
from orchestrion.domain.errors import OrchestrionError

RUNNERS: Mapping[str, Runner] = {"steps": StepsRunner(), "process": ProcessRunner()}
"""One line for each kind of runner."""


class Performance:
    """The state of one session's work; `perform` does it, `report` says what came of it."""

    whole_deadline: float | None = None

    def __init__(
        self,
        session: str,
        plan: Plan,
        roster: Roster,
        place: Workspace,
        journal: Journal,
        limits: Limits,
        python: tuple[Path, str],
        cause: str,
    ) -> None:
        self.session, self.plan, self.roster, self.place = session, plan, roster, place
        self.journal, self.limits, self.python, self.cause = journal, limits, python, cause
        self.bus = Bus(journal, session)
        self.handing = Handing(journal, self.bus, session, place)
        self._slots = asyncio.Semaphore(limits.max_parallel_agents)
        self._writing = asyncio.Lock()  # agents that write share one working copy: one at a time
        self._attempts: dict[str, int] = {}
        self._runs = {task.agent: self._next_run(task.agent) for task in plan.tasks}
        self._ended: dict[str, RunReport] = {}
        self._reports: list[RunReport] = []
        self._findings: dict[str, list[Finding]] = {}
        self._tests: dict[str, Any] | None = None

    async def perform(self) -> None:
        """Carry out the plan. Agents' failures become facts; what they depend on is refused, the rest goes on."""
        self._register()
        try:
            for number, phase in enumerate(self.plan.phases, 1):
                try:
                    async with asyncio.TaskGroup() as group:
                        for agent in phase:
                            group.create_task(self._task(self.plan.task_of(agent), number))
                except* OrchestrionError as failures:
                    raise failures.exceptions[0] from None
        finally:
            for run in [*self._runs.values(), f"{self.session}/{CONDUCTOR}"]:
                self.bus.leave(run, "the session has ended")

    def verdict(self) -> tuple[e.RunStatus, str | None]:
        """How the session ended, and why if not well."""
        bad = [report for report in self._ended.values() if report.status != "completed"]
        first = next((report for report in bad if report.status != "refused"), None)
        if not bad:
            return "completed", None
        cause = first or bad[0]
        return "failed", f"{cause.agent}: {cause.reason}"

    def report(self, result: ExecutionResult) -> None:
        """Put what came of the work into `result`."""
        result.agents = self._reports
        result.tests = self._tests
        result.handoffs = self.handing.rows()
        result.findings = [
            {"agent": agent, **finding.as_payload()} for agent, found in self._findings.items() for finding in found
        ]
        keep = {"message", "sender", "recipient", "type", "priority", "in_reply_to"}
        result.messages = [message.model_dump(include=keep, exclude_none=True) for message in self.bus.sent]

    def _next_run(self, agent: str) -> str:
        self._attempts[agent] = self._attempts.get(agent, 0) + 1
        return f"{self.session}/{agent}-{self._attempts[agent]}"

    def _register(self) -> None:
        """The roster and the plan become facts, and everybody can be spoken to."""
        registered = [
            e.AgentRegistered(
                source="conductor",
                happened_at=self.journal.now(),
                session=self.session,
                agent=agent.name,
                cause=self.cause,
                description=agent.description[:500] or None,
                capabilities=agent.capabilities,
                runner=agent.runner,
                definition=str(agent.path) if agent.path else None,
            )
            for agent in (self.roster[name] for phase in self.plan.phases for name in phase)
        ]
        self.journal.write(registered)
        command = sessions.MakePlan(
            self.session, self.plan.request, self.plan.planner, self.plan.tasks, self.plan.phases, self.journal.now()
        )
        self.planned = self.journal.session(command)
        self.bus.join(f"{self.session}/{CONDUCTOR}", CONDUCTOR)
        for name, run in self._runs.items():
            self.bus.join(run, name)

    async def _task(self, task: e.PlannedTask, phase: int) -> None:
        """One task of the plan: take over, run, hand on."""
        agent, run = self.roster[task.agent], self._runs[task.agent]
        async with self._slots:
            reason = self._not_possible(task)
            packages = [] if reason else self.handing.take(agent, run)
            rejected = self.handing.problems(run)
            started = self._start(agent, run, task.task, phase, task.id, self.handing.cause(run) or self.planned)
            if reason or rejected:
                reason = reason or f"what was handed over does not hold up: {'; '.join(rejected)}"
                self._failed(agent, run, Outcome("refused", reason=reason), started)
            else:
                context = {"handoffs": packages}
                await self._run(agent, run, task.task, self._files(packages), context, started)
        report = self._ended[run]
        self.handing.complete(run, agent.name, report.status, self._used(run, packages))
        self.bus.leave(run, "its run has ended")
        if report.status == "completed":
            self._hand_on(task, agent, run)

    def _not_possible(self, task: e.PlannedTask) -> str | None:
        by_id = {other.id: other for other in self.plan.tasks}
        for other in (by_id[name] for name in task.depends_on):
            report = self._ended[self._runs[other.agent]]
            if report.status != "completed":
                return f"it depends on {other.agent}, which ended {report.status}: {report.reason}"
        return None

    def _hand_on(self, task: e.PlannedTask, agent: AgentDefinition, run: str) -> None:
        """Offer the work to everybody who waits for this task."""
        done = [t.id for t in self.plan.tasks if self._is_done(t)]
        for taker in self.plan.tasks:
            if task.id in taker.depends_on:
                self.handing.offer(agent, run, self.roster[taker.agent], self._runs[taker.agent], taker.task, done)

    def _is_done(self, task: e.PlannedTask) -> bool:
        report = self._ended.get(self._runs[task.agent])
        return report is not None and report.status == "completed"

    def _start(
        self,
        agent: AgentDefinition,
        run: str,
        task: str,
        phase: int,
        task_id: str | None,
        cause: str,
        parent: str | None = None,
    ) -> str:
        attempt = int(run.rpartition("-")[2])
        command = runs.Start(
            run, self.session, agent.name, task, self.journal.now(), task_id, phase, attempt, parent, agent.model, cause
        )
        return self.journal.run(command)

    async def _run(
        self,
        agent: AgentDefinition,
        run: str,
        task: str,
        files: tuple[str, ...],
        context: dict[str, Any],
        started: str,
    ) -> None:
        """Let the agent work within its time, have its changes validated, and write down how it ended."""
        begun = time.monotonic()
        seconds = min(agent.timeout or self.limits.agent_seconds, self.limits.agent_seconds)
        desk = RunDesk(self.journal, self.bus, self.session, run, agent.name, started)
        desk.deadline = begun + seconds
        modified: tuple[str, ...] = ()
        outcome = Outcome()
        try:
            async with asyncio.timeout(seconds):
                outcome, modified = await self._work(agent, run, task, files, context, desk)
                if outcome.status == "completed" and agent.validation and modified:
                    await self._validate(agent, run, outcome, modified, desk)
        except TimeoutError:
            outcome = Outcome("timed_out", reason=f"it did not end within {seconds:g} s and was stopped")
        except asyncio.CancelledError:
            late = self.whole_deadline is not None and asyncio.get_running_loop().time() >= self.whole_deadline
            status: e.RunStatus = "timed_out" if late else "cancelled"
            self._failed(agent, run, Outcome(status, reason=f"the session was {status.replace('_', ' ')}"), started)
            raise
        except OrchestrionError:
            raise
        except Exception as error:  # an agent's failure becomes a fact
            outcome = Outcome("failed", reason=f"{type(error).__name__}: {error}")
        if outcome.status == "completed":
            self._completed(agent, run, outcome, modified)
        else:
            self._failed(agent, run, outcome, started, modified)

    async def _work(
        self,
        agent: AgentDefinition,
        run: str,
        task: str,
        files: tuple[str, ...],
        context: dict[str, Any],
        desk: RunDesk,
    ) -> tuple[Outcome, tuple[str, ...]]:
        """The agent's own work, and the files it changed."""
        work = self._assignment(agent, run, task, files, context)
        runner = RUNNERS[agent.runner or "steps"]
        if not agent.writes:
            return await runner.run(work, desk), ()
        async with self._writing:
            before = await asyncio.to_thread(self.place.fingerprints)
            outcome = await runner.run(work, desk)
            after = await asyncio.to_thread(self.place.fingerprints)
        changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        if deleted := [path for path in changed if path not in after]:
            outcome.outputs["files_deleted"] = deleted
        return outcome, tuple(changed)

    def _assignment(
        self, agent: AgentDefinition, run: str, task: str, files: tuple[str, ...], context: dict[str, Any]
    ) -> Work:
        out = self.place.folder / "out" / run.rpartition("/")[2]
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        python, why = self.python
        return Work(self.session, run, agent, task, self.place.work, files, out, python, why, self.limits, context)

    async def _validate(
        self, author: AgentDefinition, run: str, outcome: Outcome, modified: tuple[str, ...], desk: RunDesk
    ) -> None:
        """Ask the validator for a check of the changed files; without its approval the author's run fails."""
        able = [v for v in self.roster.able(author.validation or "") if v.runner and v.name != author.name]
        validator = next((v for v in able if v.name in self._runs), able[0])
        check_run = self._next_run(validator.name)
        self.bus.join(check_run, validator.name)
        changes = [outcome.summary, *(f"{f.rule} {f.file}:{f.line} {f.issue}" for f in outcome.fixed)]
        payload = {"changes": changes, "files": modified}
        request = self.bus.send(run, check_run, Draft("validation_request", payload))
        started = self._start(
            validator,
            check_run,
            f"Validate the changes of {author.name}",
            self._phase_of(author.name),
            None,
            f"message-{request.message}@1",
            run,
        )
        try:
            await self._check(author, run, validator, check_run, request, outcome, modified, started)
        finally:
            self.bus.leave(check_run, "its run has ended")
        desk.take()

    async def _check(
        self,
        author: AgentDefinition,
        run: str,
        validator: AgentDefinition,
        check_run: str,
        request: e.MessageSent,
        outcome: Outcome,
        modified: tuple[str, ...],
        started: str,
    ) -> None:
        desk = RunDesk(self.journal, self.bus, self.session, check_run, validator.name, started, quiet=True)
        work = self._assignment(validator, check_run, "Validate changes", modified, {})
        try:
            verdict = await check(
                RUNNERS[validator.runner or "steps"],
                work,
                desk,
                base=self.place.base,
                before=self._known(validator.name, modified),
                claimed=outcome.fixed,
            )
        except asyncio.CancelledError:
            self._failed(validator, check_run, Outcome("cancelled", reason="its author was stopped"), started)
            raise
        if verdict.problem is not None:
            self._failed(validator, check_run, verdict.problem, started)
            outcome.status, outcome.reason = "failed", f"could not be validated: {verdict.problem.reason}"
            outcome.remedy = verdict.problem.remedy
            return
        self.bus.reply(check_run, request, Draft("validation_result", verdict.as_payload()))
        word = "approved" if verdict.approved else "rejected"
        done = Outcome(summary=f"{word} the changes of {author.name}", outputs=verdict.as_payload())
        self._completed(validator, check_run, done, ())
        outcome.outputs["validation"] = {"by": check_run, **verdict.as_payload()}
        if not verdict.approved:
            outcome.status = "failed"
            outcome.reason = f"{validator.name} rejected the changes: {'; '.join(verdict.reasons)}"
        else:
            self._findings[validator.name] = [
                f for f in self._findings.get(validator.name, []) if f.file not in modified
            ] + verdict.after

    def _known(self, validator: str, files: tuple[str, ...]) -> list[Finding] | None:
        """What the validator has found in `files` in this session already; None if it has not looked yet."""
        if validator not in self._findings:
            return None
        return [finding for finding in self._findings[validator] if finding.file in files]

    def _phase_of(self, agent: str) -> int:
        return next(number for number, phase in enumerate(self.plan.phases, 1) if agent in phase)

    def _completed(self, agent: AgentDefinition, run: str, outcome: Outcome, modified: tuple[str, ...]) -> None:
        if outcome.findings or agent.runner == "steps":
            self._findings.setdefault(agent.name, []).extend(outcome.findings)
        self._tests = outcome.outputs.get("tests", self._tests)
        outputs = outcome.outputs | {"findings": [finding.as_payload() for finding in outcome.findings]}
        ids = {task.id: task.agent for task in self.plan.tasks}
        following = [t.agent for t in self.plan.tasks if agent.name in {ids[i] for i in t.depends_on}]
        now = self.journal.now()
        self.journal.run(
            runs.Complete(run, now, outcome.summary, outputs, modified, outcome.files_read, tuple(following))
        )
        self._ending(agent, run, outcome, modified)

    def _failed(
        self, agent: AgentDefinition, run: str, outcome: Outcome, started: str, modified: tuple[str, ...] = ()
    ) -> None:
        outputs = outcome.outputs | ({"files_modified": list(modified)} if modified else {})
        now = self.journal.now()
        self.journal.run(runs.Fail(run, now, outcome.status, outcome.reason, outcome.remedy, outputs or None))
        self._ending(agent, run, outcome, modified)
        if outcome.status != "refused" and f"{self.session}/{CONDUCTOR}" in self.bus:
            warning = f"{agent.name} ended {outcome.status}: {outcome.reason}"
            self.bus.send(run, CONDUCTOR, Draft("warning", {"warning": warning}, "high"), cause=started)

    def _ending(self, agent: AgentDefinition, run: str, outcome: Outcome, modified: tuple[str, ...]) -> None:
        task, duration = self.journal.task_and_duration(run)
        report = RunReport(
            agent.name,
            run,
            task,
            outcome.status,
            duration,
            outcome.summary,
            outcome.reason or None,
            outcome.remedy,
            modified,
        )
        self._ended[run] = report
        self._reports.append(report)

    def _files(self, packages: list[dict[str, Any]]) -> tuple[str, ...]:
        """What to work on: the files that were handed over and are Python, or all."""
        named = dict.fromkeys(name for p in packages for name in p["dependencies"]["requiredInputs"])
        return tuple(name for name in named if (self.place.work / name).is_file())

    def _used(self, run: str, packages: list[dict[str, Any]]) -> tuple[str, ...]:
        """Files of the packages that the taker really changed."""
        changed = set(self._ended[run].files_modified)
        return tuple(name for name in self._files(packages) if name in changed)

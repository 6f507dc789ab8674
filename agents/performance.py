"""One session at work: phases in order, agents of a phase side by side, handoffs between them, every move a fact."""

import asyncio
from typing import Any

from orchestrion.agents.bus import CONDUCTOR
from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.handing import Handing
from orchestrion.agents.reports import Finding, gone
from orchestrion.agents.result import ExecutionResult
from orchestrion.agents.runner import Outcome
from orchestrion.agents.running import Running, validator_of
from orchestrion.agents.stage import Stage, Turn
from orchestrion.domain import events as e
from orchestrion.domain import session as sessions
from orchestrion.domain.errors import OrchestrionError


class Performance:
    """`perform` carries out the stage's plan, `report` says what came of it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.running = Running(stage)
        self._handing = Handing(stage.journal, stage.bus, stage.session, stage.place)
        self._slots = asyncio.Semaphore(stage.limits.max_parallel_agents)
        self._runs = {task.agent: stage.next_run(task.agent) for task in stage.plan.tasks}
        self._by_id = {task.id: task for task in stage.plan.tasks}
        self._planned = ""

    async def perform(self, cause: str) -> None:
        """Carry out the plan. An agent's failure is a fact; what depends on it is refused, the rest goes on."""
        self._register(cause)
        try:
            for number, phase in enumerate(self.stage.plan.phases, 1):
                try:
                    async with asyncio.TaskGroup() as group:
                        for agent in phase:
                            group.create_task(self._task(self.stage.plan.task_of(agent), number))
                except* OrchestrionError as failures:
                    raise _first(failures) from None
        finally:
            for run in [*self._runs.values(), self.stage.conductor]:
                self.stage.bus.leave(run, "the session has ended")

    def verdict(self) -> tuple[e.RunStatus, str | None]:
        """How the session ended, and why if not well."""
        ends = [self.stage.report_of(run) for run in self._runs.values()]
        bad = [report for report in ends if report is not None and report.status != "completed"]
        if not bad:
            return "completed", None
        first = next((report for report in bad if report.status != "refused"), bad[0])
        return "failed", f"{first.agent}: {first.reason}"

    def report(self, result: ExecutionResult) -> None:
        """Put what came of the work into `result`."""
        result.agents = self.stage.reports
        result.tests = self.stage.tests
        result.handoffs = self._handing.rows()
        result.findings = [row for agent in self.stage.found for row in self._finding_rows(agent)]
        keep = {"message", "sender", "recipient", "type", "priority", "in_reply_to"}
        result.messages = [message.model_dump(include=keep, exclude_none=True) for message in self.stage.bus.sent]

    def _finding_rows(self, agent: str) -> list[dict[str, Any]]:
        found: list[Finding] = self.stage.found[agent]
        fixed = {id(finding) for finding in gone(found, self.stage.standing[agent])}
        return [{"agent": agent, **finding.as_payload(), "fixed": id(finding) in fixed} for finding in found]

    def _register(self, cause: str) -> None:
        """The team and the plan become facts, and everybody can be spoken to."""
        stage = self.stage
        planned = [stage.roster[name] for phase in stage.plan.phases for name in phase]
        validators = [validator_of(agent, stage) for agent in planned if agent.validation]
        team = {agent.name: agent for agent in (*planned, *validators)}
        stage.journal.write([_registered(agent, stage, cause) for agent in team.values()])
        plan = stage.plan
        command = sessions.MakePlan(
            stage.session, plan.request, plan.planner, plan.tasks, plan.phases, stage.journal.now()
        )
        self._planned = stage.journal.session(command)
        stage.bus.join(stage.conductor, CONDUCTOR)
        for name, run in self._runs.items():
            stage.bus.join(run, name)

    async def _task(self, task: e.PlannedTask, phase: int) -> None:
        """One task of the plan: take over, run, hand on."""
        agent, run, stage = self.stage.roster[task.agent], self._runs[task.agent], self.stage
        async with self._slots:
            reason = self._not_possible(task)
            packages = [] if reason else self._handing.take(agent, run)
            if rejected := self._handing.problems(run):
                reason = f"what was handed over does not hold up: {'; '.join(rejected)}"
            files = self._handed(packages)
            turn = Turn(agent, run, task.task, phase, task.id, files=files, context={"handoffs": packages})
            started = stage.start(turn, self._handing.cause(run) or self._planned)
            if reason:
                stage.end(turn, Outcome("refused", reason=reason))
            else:
                await self.running.run(turn, started)
        report = stage.report_of(run)
        if report is not None:
            used = tuple(name for name in files if name in report.files_modified)
            self._handing.complete(run, agent.name, report.status, used)
            if report.status == "completed":
                self._hand_on(task, agent, run)
        stage.bus.leave(run, "its run has ended")

    def _not_possible(self, task: e.PlannedTask) -> str | None:
        for other in (self._by_id[name] for name in task.depends_on):
            report = self.stage.report_of(self._runs[other.agent])
            if report is None or report.status != "completed":
                ended = f"ended {report.status}: {report.reason}" if report else "has not ended"
                return f"it depends on {other.agent}, which {ended}"
        return None

    def _hand_on(self, task: e.PlannedTask, agent: AgentDefinition, run: str) -> None:
        """Offer the work to everybody who waits for this task."""
        done = [other.id for other in self.stage.plan.tasks if self._is_done(other)]
        for other in self.stage.plan.tasks:
            if task.id in other.depends_on:
                taker, taker_run = self.stage.roster[other.agent], self._runs[other.agent]
                self._handing.offer(agent, run, taker, taker_run, task=other.task, completed=done)

    def _is_done(self, task: e.PlannedTask) -> bool:
        report = self.stage.report_of(self._runs[task.agent])
        return report is not None and report.status == "completed"

    def _handed(self, packages: list[dict[str, Any]]) -> tuple[str, ...]:
        """The files to work on: those the packages require."""
        named = dict.fromkeys(name for p in packages for name in p["dependencies"]["requiredInputs"])
        return tuple(name for name in named if (self.stage.place.work / name).is_file())


def _registered(agent: AgentDefinition, stage: Stage, cause: str) -> e.AgentRegistered:
    return e.AgentRegistered(
        source="conductor",
        happened_at=stage.journal.now(),
        session=stage.session,
        agent=agent.name,
        cause=cause,
        description=agent.description[:500] or None,
        capabilities=agent.capabilities,
        runner=agent.runner,
        definition=str(agent.path) if agent.path else None,
    )


def _first(group: BaseExceptionGroup[OrchestrionError]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

"""One session at work: phases in order, agents of a phase side by side, handoffs between them, every move a fact."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from orchestrion.agents.assisting import Assisting
from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.exchange import CONDUCTOR
from orchestrion.agents.handing import Offer, reasons_of
from orchestrion.agents.opening import PLAN_VERSION
from orchestrion.agents.reports import Finding, gone
from orchestrion.agents.result import ExecutionResult
from orchestrion.agents.runner import Outcome
from orchestrion.agents.running import Done, Running, reworked
from orchestrion.agents.stage import Stage, Turn
from orchestrion.agents.trees import Phase, Tree, overlap
from orchestrion.domain import events as e
from orchestrion.domain.errors import OrchestrionError


class Performance:
    """`perform` carries out the stage's plan, `report` says what came of it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.running = Running(stage)
        self._assisting = Assisting(stage, self.running)
        self._handing = stage.handing
        self._slots = asyncio.Semaphore(stage.limits.max_parallel_agents)
        self._runs = stage.runs
        self._by_id = {task.id: task for task in stage.plan.tasks}
        self._planned = f"session-{stage.session}@{PLAN_VERSION}"

    async def perform(self) -> None:
        """Carry out the plan. An agent's failure is a fact; what depends on it is refused, the rest goes on."""
        self._gather()
        try:
            async with asyncio.TaskGroup() as group:
                serving = group.create_task(self._assisting.serve())
                for number, phase in enumerate(self.stage.plan.phases, 1):
                    self._assisting.phase, here = number, Phase(number, phase)
                    await self._receive(here)
                    async with asyncio.TaskGroup() as together:
                        for agent in phase:
                            together.create_task(self._task(self.stage.plan.task_of(agent), here))
                serving.cancel()
            self._assisting.last_words()
        except* OrchestrionError as failures:
            raise _first(failures) from None
        finally:
            for run in [*self._runs.values(), self.stage.conductor]:
                self.stage.bus.leave(run, "the session has ended")
            self.stage.bus.expire_rest("the session has ended")

    def verdict(self) -> tuple[e.RunStatus, str | None]:
        """How the session ended, and why if not well."""
        ends = [self.stage.report_of(run) for run in self._runs.values()]
        bad = [report for report in ends if report is not None and report.status != "completed"]
        if not bad:
            return "completed", None
        first = next((report for report in bad if report.status != "refused"), bad[0])
        spent = first.status == "budget" and self.stage.budget.stopped() is not None
        return "budget" if spent else "failed", f"{first.agent}: {first.reason}"

    def report(self, result: ExecutionResult) -> None:
        """Put what came of the work into `result`."""
        result.agents = self.stage.reports
        result.tests = self.stage.tests
        result.handoffs = self._handing.rows()
        result.findings = [row for agent in self.stage.found for row in self._finding_rows(agent)]
        keep = {"message", "sender", "recipient", "type", "priority", "in_reply_to"}
        result.messages = [
            message.model_dump(include=keep, exclude_none=True) for message in self.stage.bus.everything_said()
        ]

    def _finding_rows(self, agent: str) -> list[dict[str, Any]]:
        found: list[Finding] = self.stage.found[agent]
        fixed = {id(finding) for finding in gone(found, self.stage.standing[agent])}
        return [{"agent": agent, **finding.as_payload(), "fixed": id(finding) in fixed} for finding in found]

    def _gather(self) -> None:
        """Everybody can be spoken to; what the log knows was said is known again."""
        past = self.stage.journal.all_past()
        self.stage.bus.restore(past)
        self._handing.restore(past, self.stage.roster.agents)
        self.stage.bus.join(self.stage.conductor, CONDUCTOR)
        for name, run in self._runs.items():
            self.stage.bus.join(run, name)

    async def _task(self, task: e.PlannedTask, phase: Phase) -> None:
        """One task of the plan: take over, run, merge, hand on."""
        agent, run, stage = self.stage.roster[task.agent], self._runs[task.agent], self.stage
        try:
            async with self._alone(agent, phase) as alone:
                async with self._slots:
                    tree = self._tree(agent, run, None if alone else phase)
                    turn, done = await self._turn(task, agent, run, phase, tree)
                phase.worked(agent.name)
                if done is not None:
                    await self._settle(turn, done, tree, None if alone else phase)
        finally:
            phase.merged(agent.name)
        report = stage.report_of(run)
        if report is not None:
            self._handing.complete(run, agent.name, report.status)
            if report.status == "completed":
                self._hand_on(task, agent, run)
        await self._assisting.ended(run)
        stage.bus.leave(run, "its run has ended")

    async def _turn(
        self, task: e.PlannedTask, agent: AgentDefinition, run: str, phase: Phase, tree: Tree | None
    ) -> tuple[Turn, Done | None]:
        """The run from its start to what it has done; None if it has ended already."""
        reason = self._not_possible(task)
        if reason is None:
            self._handing.take(agent, run)
        packages = self._handing.accepted(run)
        if rejected := self._handing.problems(run):
            reason = f"what was handed over does not hold up: {'; '.join(rejected)}"
        turn = Turn(agent, run, task.task, phase.number, task.id, files=self._handed(packages))
        turn = replace(turn, context={"handoffs": packages})
        return await self._begin(turn, self._handing.cause(run) or self._planned, tree, reason)

    async def _begin(
        self, turn: Turn, cause: str, tree: Tree | None, reason: str | None = None
    ) -> tuple[Turn, Done | None]:
        """Start the run and let it work, unless there is a `reason` not to or no budget left; likewise."""
        stage = self.stage
        if reason is None:
            turn = await stage.expect(turn, cause)
        started = stage.start(turn, cause)
        if stage.take_over(turn):
            return turn, None
        stopped = stage.budget.stopped()
        if reason is not None or stopped is not None:
            refused = Outcome("refused", reason=reason or "")
            stage.end(turn, refused if reason or stopped is None else stage.limit(turn, stopped))
            return turn, None
        if tree is not None:
            try:
                await asyncio.to_thread(tree.prepare)
            except OSError as error:
                reason = f"it could not be given a working copy: {error.filename}: {error.strerror}"
                stage.end(turn, Outcome("failed", reason=reason))
                return turn, None
            turn = replace(turn, folder=tree.work)
        return turn, await self.running.run(turn, started, tree)

    async def _receive(self, phase: Phase) -> None:
        """Let the takers of a phase look at what they were offered: what does not hold up is put right by its giver."""
        tasks = [self.stage.plan.task_of(name) for name in phase.agents]
        for again in range(self.stage.limits.reworks + 1):
            turned_down: dict[str, list[Offer]] = {}
            for task in (task for task in tasks if self._not_possible(task) is None):
                self._handing.take(self.stage.roster[task.agent], self._runs[task.agent])
                for offer in self._handing.rejected(self._runs[task.agent]):
                    turned_down.setdefault(offer.giver, []).append(offer)
            if again == self.stage.limits.reworks:
                return
            for giver, offers in turned_down.items():
                if giver in self._runs and offers[0].giver_run == self._runs[giver]:
                    await self._put_right(self.stage.plan.task_of(giver), offers, phase)

    async def _put_right(self, task: e.PlannedTask, offers: list[Offer], phase: Phase) -> None:
        """The giver works once more, with what was wrong as its task, and hands over anew to those who rejected it."""
        stage, agent, reasons = self.stage, self.stage.roster[task.agent], reasons_of(offers)
        earlier, cause = self._runs[agent.name], stage.send_back(self._runs[task.agent], offers)
        run = self._runs[agent.name] = stage.run_for(agent.name, cause, stage.journal.all_past())
        packages = self._handing.completed(earlier)
        turn = Turn(agent, run, task.task, phase.number, task.id, files=self._handed(packages))
        turn = reworked(replace(turn, context={"handoffs": packages}), "what you handed over", offers[0].taker, reasons)
        stage.bus.join(run, agent.name)
        async with self._slots:
            tree = self._tree(agent, run, None)
            turn, done = await self._begin(turn, cause, tree)
            if done is not None:
                await self._settle(turn, done, tree, None)
        report = stage.report_of(run)
        if report is not None and report.status == "completed":
            done_now = [other.id for other in stage.plan.tasks if self._is_done(other)]
            for offer in offers:
                taker = stage.roster[offer.taker]
                self._handing.offer(agent, run, taker, offer.taker_run, task=offer.task, completed=done_now)
                offer.redone = True
        await self._assisting.ended(run)
        stage.bus.leave(run, "its run has ended")

    async def _settle(self, turn: Turn, done: Done, tree: Tree | None, phase: Phase | None) -> None:
        """Bring what a run changed into the working copy, when it is its turn in the phase, and end the run."""
        stage = self.stage
        try:
            if tree is not None and done.outcome.status == "completed" and done.changes:
                if phase is not None:
                    await phase.turn_of(turn.agent.name)
                if conflicts := await asyncio.to_thread(tree.merge, done.changes):
                    done.outcome.status, done.outcome.reason = "failed", _conflict(conflicts)
        except asyncio.CancelledError:
            stage.end(turn, self.running.stopped(turn), done.modified)
            raise
        except OSError as error:
            done.outcome.status = "failed"
            done.outcome.reason = f"its changes could not be merged: {error.filename}: {error.strerror}"
        stage.end(turn, done.outcome, done.modified, done.at)

    def _tree(self, agent: AgentDefinition, run: str, phase: Phase | None) -> Tree | None:
        """Where a writing agent works: in its phase, or alone."""
        name = run.rpartition("/")[2]
        return Tree(self.stage.place, name, f"phase-{phase.number}" if phase else name) if agent.writes else None

    @contextlib.asynccontextmanager
    async def _alone(self, agent: AgentDefinition, phase: Phase) -> AsyncIterator[bool]:
        """Without git, agents of one phase that say they write the same files work one after the other."""
        stage = self.stage
        others = [stage.roster[name] for name in phase.agents if name != agent.name]
        if stage.place.kind == "worktree" or not any(overlap(agent.writes, other.writes) for other in others):
            yield False
            return
        async with phase.writing:
            yield True

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


def _conflict(paths: list[str]) -> str:
    named = ", ".join(paths[:10]) + (f" and {len(paths) - 10} more" if len(paths) > 10 else "")
    return f"its changes conflict with those of an agent before it in the plan, so none was taken: {named}"


def _first(group: BaseExceptionGroup[OrchestrionError]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

"""One run of one agent: within its time and its limits, validated if it must be, its outcome never an exception."""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.util import find_spec

from orchestrion.agents.acp.runner import AcpRunner, missing_extra
from orchestrion.agents.bus import Draft
from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.desk import RunDesk
from orchestrion.agents.mcp.config import NO_SERVERS, Servers
from orchestrion.agents.mcp.servers import servers_of
from orchestrion.agents.minds import LLM, Minds
from orchestrion.agents.planner import Plan
from orchestrion.agents.remembering import remembered
from orchestrion.agents.roster import Roster
from orchestrion.agents.runner import Lost, Outcome, Runner
from orchestrion.agents.runner_llm import LlmRunner
from orchestrion.agents.runner_process import ProcessRunner
from orchestrion.agents.runner_steps import StepsRunner
from orchestrion.agents.stage import Stage, Turn
from orchestrion.agents.standstill import Standstill
from orchestrion.agents.trees import Tree
from orchestrion.agents.validating import Verdict, check
from orchestrion.agents.workspace import Change, diff_of
from orchestrion.domain.errors import CannotRun, OrchestrionError, Refused
from orchestrion.domain.events import MessageSent, OutcomeJudged, RunStatus
from orchestrion.domain.spending import Stopped

RUNNERS: Mapping[str, Runner] = {
    "steps": StepsRunner(),
    "process": ProcessRunner(),
    "acp": AcpRunner(),
    "llm": LlmRunner(),
}
"""One line for each kind of runner."""


@dataclass
class Done:
    """What a run has done so far, also when it is cut off."""

    outcome: Outcome = field(default_factory=Outcome)
    changes: list[Change] = field(default_factory=list)
    at: datetime | None = None
    """When its work was done."""

    @property
    def modified(self) -> tuple[str, ...]:
        """The paths it changed."""
        return tuple(change.path for change in self.changes)


class Running:
    """Lets agents work on a stage. `whole_deadline` is the loop's time at which the session must end, if any."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.whole_deadline: float | None = None
        self.why_stopped = "the session was stopped"

    async def run(self, turn: Turn, started: str, tree: Tree | None) -> Done:
        """Do the turn whose start stands at `started`. If it is cancelled its run ends here, else with `Stage.end`."""
        agent, stage = turn.agent, self._stage
        seconds = min(agent.timeout or stage.limits.agent_seconds, stage.limits.agent_seconds)
        desk = stage.desk(turn, started)
        done = Done()
        try:
            async with asyncio.timeout(seconds) as timeout:
                desk.clock.bind(timeout)
                await self._until_approved(turn, desk, done, tree)
        except TimeoutError:
            reason = f"it did not end within {seconds:g} s and was stopped"
            late = Stopped("timed_out", "agentTimeout", seconds, seconds, turn.run, reason)
            done.outcome = stage.limit(turn, late)
        except Stopped as stopped:
            done.outcome = stage.limit(turn, stopped)
        except Lost as lost:
            done.outcome = Outcome("lost", reason=str(lost), remedy="look at what it did, then give the request again")
        except asyncio.CancelledError:
            stage.end(turn, self.stopped(turn), done.modified)
            raise
        except Refused as refused:  # what it wanted of the others or the bus
            done.outcome = Outcome("failed", reason=str(refused))
        except OrchestrionError:
            raise
        except Exception as error:  # an agent's failure becomes a fact
            done.outcome = Outcome("failed", reason=f"{type(error).__name__}: {error}")
        done.at = stage.journal.now()
        return done

    def stopped(self, turn: Turn) -> Outcome:
        """How a run ends that was cut off with its session, or with the run that it was to help."""
        if turn.parent is not None and self._stage.report_of(turn.parent) is not None:
            return Outcome("cancelled", reason="the run that it was to help has ended")
        late = self.whole_deadline is not None and asyncio.get_running_loop().time() >= self.whole_deadline
        status: RunStatus = "timed_out" if late else "cancelled"
        return Outcome(status, reason="the session ran out of time" if late else self.why_stopped)

    async def _until_approved(self, turn: Turn, desk: RunDesk, done: Done, tree: Tree | None) -> None:
        """The agent's work, checked, and given back to it with the reasons as long as that may be."""
        first, rejected = turn, None
        for again in range(self._stage.limits.reworks + 1):
            await self._work(turn, desk, done, tree)
            if done.outcome.status != "completed" or not turn.agent.validation or not done.changes:
                return
            rejected = await self._validate(turn, desk, done)
            if rejected is None:
                return
            if again < self._stage.limits.reworks:
                self._judged(turn, rejected)
                turn = reworked(first, "your changes", rejected.by, rejected.reasons, again + 1)
        if rejected is not None:
            _fail(done, rejected)

    async def _work(self, turn: Turn, desk: RunDesk, done: Done, tree: Tree | None) -> None:
        """The agent's own work, and the files it changed."""
        work, runner = self._stage.work_for(turn), RUNNERS[turn.agent.runner or "steps"]
        done.outcome = await runner.run(await remembered(self._stage, work, desk), desk)
        if tree is None:
            return
        if not tree.work.is_dir():
            if done.outcome.status == "completed":
                done.outcome = Outcome("failed", reason="its working copy was deleted while it worked")
            return
        done.changes = await asyncio.to_thread(tree.changes)
        if done.changes:
            done.outcome.outputs["diff"] = diff_of(done.changes)
        if deleted := [change.path for change in done.changes if change.after is None]:
            done.outcome.outputs["files_deleted"] = deleted

    async def _validate(self, turn: Turn, desk: RunDesk, done: Done) -> "Rejected | None":
        """Ask for a check of the changed files; why it was not approved, if it could be checked at all."""
        stage = self._stage
        validator = validator_of(turn.agent, stage)
        run = stage.child_run(validator.name, turn.run, stage.journal.all_past())
        stage.bus.join(run, validator.name)
        changes = [done.outcome.summary, *(f"{f.rule} {f.file}:{f.line} {f.issue}" for f in done.outcome.fixed)]
        request = stage.bus.send(
            turn.run,
            run,
            Draft("validation_request", {"changes": changes, "files": done.modified}),
            cause=desk.last,
        )
        task = f"Validate the changes of {turn.agent.name}"
        claimed = [finding.as_payload() for finding in done.outcome.fixed]
        told = {"changes": changes, "files": list(done.modified), "claimed": claimed}
        about = {"author": turn.agent.name, "task": turn.task, "diff": done.outcome.outputs.get("diff")}
        checking = Turn(
            validator, run, task, turn.phase, parent=turn.run, files=done.modified, folder=turn.folder,
            context={"validation": {**told, **about}},
        )  # fmt: skip
        try:
            verdict = await self._check(checking, request, done, desk.clock)
        finally:
            stage.bus.leave(run, "its run has ended")
        desk.take()
        done.outcome.outputs["validation"] = {"by": run, **verdict.as_payload()}
        if verdict.problem is not None:
            done.outcome.status, done.outcome.remedy = "failed", verdict.problem.remedy
            done.outcome.reason = f"its changes could not be validated: {verdict.problem.reason}"
            return None
        return None if verdict.approved else Rejected(validator.name, run, verdict.reasons)

    async def _check(self, turn: Turn, request: MessageSent, done: Done, clock: Standstill) -> Verdict:
        """The validator's run, from its start to its end."""
        stage, name = self._stage, turn.agent.name
        cause = f"message-{request.message}@1"
        started = stage.start(await stage.expect(turn, cause), cause)
        desk = stage.desk(turn, started, quiet=True, clock=clock)
        known = stage.standing.get(name)
        runner, work = RUNNERS[turn.agent.runner or "steps"], stage.work_for(turn)
        try:
            claimed = done.outcome.fixed
            verdict = await check(runner, work, desk, base=stage.place.base, before=known, claimed=claimed)
        except asyncio.CancelledError:
            stage.end(turn, Outcome("cancelled", reason="the run it was to validate was stopped"))
            raise
        except Stopped as stopped:
            verdict = Verdict(problem=stage.limit(turn, stopped))
        except Lost as lost:
            verdict = Verdict(problem=Outcome("lost", reason=str(lost)))
        if verdict.problem is not None:
            stage.end(turn, verdict.problem)
            return verdict
        stage.bus.reply(turn.run, request, Draft("validation_result", verdict.as_payload()), cause=desk.last)
        word = "approved" if verdict.approved else "rejected"
        stage.end(turn, Outcome(summary=f"{word} the changes", outputs=verdict.as_payload()))
        if known is not None:
            stage.standing[name] = [f for f in known if f.file not in turn.files] + [
                f for f in verdict.after if f.file in turn.files
            ]
        return verdict

    def _judged(self, turn: Turn, rejected: "Rejected") -> None:
        """The work goes back to its author."""
        stage = self._stage
        event = OutcomeJudged(
            source="conductor",
            happened_at=stage.journal.now(),
            session=stage.session,
            run=rejected.run,
            agent=rejected.by,
            cause=f"run-{rejected.run}@2",
            subject=turn.run,
            verdict="rejected",
            rework=True,
            by=rejected.by,
            reason="; ".join(rejected.reasons),
        )
        stage.journal.write([event])


@dataclass(frozen=True)
class Rejected:
    """Whose run did not approve, and why."""

    by: str
    run: str
    reasons: tuple[str, ...]


def reworked(turn: Turn, what: str, by: str, reasons: Sequence[str], number: int = 1) -> Turn:
    """The turn once more, with what is wrong as its work."""
    listed = "\n".join(f"- {reason}" for reason in reasons)
    task = f"{turn.task}\n\nRework {number}: {by} rejected {what}. Put this right:\n{listed}"
    rework = {"by": by, "number": number, "reasons": list(reasons)}
    return replace(turn, task=task, context={**turn.context, "rework": rework})


def _fail(done: Done, rejected: Rejected) -> None:
    done.outcome.status = "failed"
    done.outcome.reason = f"{rejected.by} rejected its changes: {'; '.join(rejected.reasons)}"


def validator_of(author: AgentDefinition, stage: Stage) -> AgentDefinition:
    """Who checks the author's work: somebody able who can run, of the plan's own agents if possible."""
    able = [v for v in stage.roster.able(author.validation or "") if v.runner and v.name != author.name]
    planned = {task.agent for task in stage.plan.tasks}
    return next((validator for validator in able if validator.name in planned), able[0])


def check_minds(plan: Plan, roster: Roster, minds: Minds) -> None:
    """Refuse to go on where somebody has nothing to think with. Raises CannotRun."""
    thinking = [agent for task in plan.tasks if (agent := roster[task.agent]).runner == LLM]
    if missing := [lacks for agent in thinking if (lacks := minds.missing(agent))]:
        raise CannotRun(f"this plan cannot be run: {'; '.join(missing)}")


def check_runnable(plan: Plan, roster: Roster, servers: Servers = NO_SERVERS, minds: Minds | None = None) -> None:
    """Refuse a plan with a task nobody can run. Raises CannotRun, naming every missing part."""
    minds = minds or Minds()
    missing = []
    for task in plan.tasks:
        agent = minds.thinking(roster[task.agent])
        if agent.runner is None:
            where = agent.path or "its definition"
            missing.append(
                f"{agent.name} has no runner (give --model to let it think, or add 'runner: steps' or "
                f"'runner: process' to {where})"
            )
        elif agent.runner not in RUNNERS:
            missing.append(f"{agent.name} needs the runner {agent.runner!r}, which is not there")
        elif agent.runner == LLM and (lacks := minds.missing(agent)):
            missing.append(lacks)
        if agent.runner == "acp" and (extra := missing_extra()):
            missing.append(f"{agent.name}: {extra}")
        if agent.install and len(plan.tasks) == 1 and (program := _missing_program(agent)):
            missing.append(f"{agent.name} needs the program {program!r}; run: {agent.install}")
        missing += [f"{agent.name}: {problem}" for problem in _missing_servers(agent, servers)]
        validators = [minds.thinking(each) for each in roster.able(agent.validation)] if agent.validation else []
        if agent.validation and not any(v.runner and v.name != agent.name for v in validators):
            missing.append(f"{agent.name} needs somebody with the capability {agent.validation!r} and a runner")
    if missing:
        raise CannotRun(f"this plan cannot be run: {'; '.join(missing)}")


def _missing_program(agent: AgentDefinition) -> str | None:
    """The program of an agent that is alone in its plan; of several, the others go on without it."""
    program = agent.command[0] if agent.command else ""
    return program if program and "{" not in program and shutil.which(program) is None else None


def _missing_servers(agent: AgentDefinition, servers: Servers) -> list[str]:
    """What is wrong with the MCP servers that `agent` needs."""
    problems, wanted = [], servers_of(agent, servers)
    if wanted and find_spec("mcp") is None:
        return ["its MCP servers need the extra `mcp`, which is not installed: pip install 'orchestrion[mcp]'"]
    for name in wanted:
        try:
            servers.usable(name)
        except Refused as refused:
            problems.append(str(refused))
    return problems

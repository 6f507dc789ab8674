"""What all runs of a session share: the plan, the place, the pen, the bus, and how each run began and ended."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestrion.agents.budget import RunBudget, SessionBudget
from orchestrion.agents.bus import Bus, Draft
from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.desk import Company, RunDesk
from orchestrion.agents.exchange import CONDUCTOR, Talk
from orchestrion.agents.handing import Handing, Offer, reasons_of
from orchestrion.agents.journal import Journal
from orchestrion.agents.limits import Limits
from orchestrion.agents.mcp.config import DEFAULT_USE, NO_SERVERS, McpUse, Servers
from orchestrion.agents.mcp.link import Place
from orchestrion.agents.mcp.servers import ServerPool, servers_of
from orchestrion.agents.minds import Minds
from orchestrion.agents.planner import Plan
from orchestrion.agents.recalling import checks_of, ended_as
from orchestrion.agents.reports import Finding
from orchestrion.agents.result import RunReport
from orchestrion.agents.roster import Roster
from orchestrion.agents.runner import Outcome, Work
from orchestrion.agents.standstill import Standstill
from orchestrion.agents.workspace import Workspace
from orchestrion.domain import events as e
from orchestrion.domain import run as runs
from orchestrion.domain.ports import Learnt, Prices
from orchestrion.domain.spending import Stopped

HELP = "assistance_request"


@dataclass(frozen=True)
class Turn:
    """One run of one agent: who, as which instance, on what."""

    agent: AgentDefinition
    run: str
    task: str
    phase: int
    task_id: str | None = None
    parent: str | None = None
    files: tuple[str, ...] = ()
    """What to work on, relative to the workspace; empty means all."""
    context: dict[str, Any] = field(default_factory=dict)
    """What was handed over."""
    folder: Path | None = None
    """Where it works, if that is not the session's working copy."""


class Stage:
    """Where the runs of one session take place."""

    def __init__(
        self,
        *,
        session: str,
        plan: Plan,
        roster: Roster,
        place: Workspace,
        journal: Journal,
        limits: Limits,
        python: tuple[Path, str],
        seed: int,
        prices: Prices | None = None,
        servers: Servers = NO_SERVERS,
        mcp: McpUse = DEFAULT_USE,
        minds: Minds | None = None,
        learnt: Learnt | None = None,
        talk: Talk | None = None,
    ) -> None:
        self._learnt = learnt
        self.minds = minds or Minds()
        self.seed, self.budget = seed, SessionBudget(session, limits, prices)
        self.session, self.plan, self.roster, self.place = session, plan, roster, place
        self.journal, self.limits, self.python = journal, limits, python
        self.bus = Bus(journal, session, talk)
        self.mcp = mcp
        self.servers = ServerPool(
            servers,
            Place(session, place.work, place.origin, place.folder.parents[1]),
            journal=journal,
            bus=self.bus,
            limits=limits,
            conductor=self.conductor,
            seed=seed,
            sharing=mcp.sharing,
        )
        self.reports: list[RunReport] = []
        self.found: dict[str, list[Finding]] = {}
        """By agent, all that it ever reported."""
        self.standing: dict[str, list[Finding]] = {}
        """By agent, what is still there as far as it knows."""
        self.tests: dict[str, Any] | None = None
        self._attempts: dict[str, int] = {}
        self.runs = {task.agent: self.next_run(task.agent) for task in plan.tasks}
        """By agent, the run of its task in the plan."""
        self.handing = Handing(journal, self.bus, session, place)
        self._children: dict[tuple[str, str], int] = {}

    @property
    def conductor(self) -> str:
        """The conductor's own address on the bus."""
        return f"{self.session}/{CONDUCTOR}"

    def next_run(self, agent: str) -> str:
        """The name of the next instance of `agent`: `<session>/<agent>-<attempt>`."""
        self._attempts[agent] = self._attempts.get(agent, 0) + 1
        return f"{self.session}/{agent}-{self._attempts[agent]}"

    def child_run(self, agent: str, parent: str, past: Iterable[e.Event]) -> str:
        """The name of the next instance of `agent` that `parent` calls in; the same one when it is played again."""
        number = self._children.get((parent, agent), 0)
        self._children[parent, agent] = number + 1
        past = list(past)
        helped = {f"message-{f.message}@1" for f in past if isinstance(f, e.MessageSent) and f.type == HELP}
        known = [f.run for f in self._starts(agent, past) if f.parent_run == parent and f.cause not in helped]
        return known[number] or "" if number < len(known) else self.next_run(agent)

    def run_for(self, agent: str, cause: str, past: Iterable[e.Event]) -> str:
        """The name of the instance of `agent` that the fact at `cause` calls for; the same one when played again."""
        known = next((start.run for start in self._starts(agent, past) if start.cause == cause), None)
        return known or self.next_run(agent)

    def _starts(self, agent: str, past: Iterable[e.Event]) -> list[e.AgentStarted]:
        """How runs of `agent` began before the conductor was resumed; their names are taken."""
        starts = [fact for fact in past if isinstance(fact, e.AgentStarted) and fact.agent == agent and fact.run]
        self._attempts[agent] = max([self._attempts.get(agent, 0), *(fact.attempt or 0 for fact in starts)])
        return starts

    def send_back(self, giver_run: str, offers: Sequence[Offer]) -> str:
        """What a run handed over goes back to its giver, for its taker's reasons; the place of the fact."""
        event = e.OutcomeJudged(
            source="conductor",
            happened_at=self.journal.now(),
            session=self.session,
            run=offers[0].taker_run,
            agent=offers[0].taker,
            cause=offers[0].place,
            subject=giver_run,
            verdict="rejected",
            rework=True,
            by=offers[0].taker,
            reason="; ".join(reasons_of(offers)),
        )
        return self.journal.write([event])

    def desk(self, turn: Turn, started: str, *, quiet: bool = False, clock: Standstill | None = None) -> RunDesk:
        """Where the turn's runner sits; `clock` is that of the run whose time it takes, if not its own."""
        return RunDesk(
            self.journal,
            self.bus,
            RunBudget(turn.run, self.budget),
            session=self.session,
            run=turn.run,
            agent=turn.agent.name,
            began=started,
            quiet=quiet,
            company=Company(self.roster, self.runs, self.handing, self.limits.approval_seconds),
            clock=clock,
        )

    def limit(self, turn: Turn, stopped: Stopped) -> Outcome:
        """A limit ended the turn: the fact, and how its run ends."""
        event = e.LimitReached(
            source="conductor",
            happened_at=self.journal.now(),
            session=self.session,
            run=turn.run,
            agent=turn.agent.name,
            cause=f"run-{turn.run}@1",
            subject=stopped.subject,
            limit=stopped.limit,
            allowed=stopped.allowed,
            reached=stopped.reached,
        )
        self.journal.write([event])
        return Outcome(stopped.status, reason=stopped.reason)

    async def expect(self, turn: Turn, cause: str) -> Turn:
        """Before a run: what is expected of it becomes a fact, and what past runs taught goes to its agent."""
        if self._learnt is None or self.journal.past(f"run-{turn.run}"):
            return turn
        agent, task = turn.agent.name, turn.task
        made = await asyncio.to_thread(
            self._learnt.estimate,
            subject=turn.run, session=self.session, agent=agent, task=task, at=self.journal.now(),
        )  # fmt: skip
        if made is not None:
            self.journal.write([made.model_copy(update={"cause": cause})])
        if turn.parent is not None:
            return turn
        advice = await asyncio.to_thread(self._learnt.advice, agent=agent, task=task)
        if advice:
            self.bus.send(self.conductor, turn.run, Draft("context_share", {"context": advice}))
            turn = replace(turn, context={**turn.context, "learnt": advice})
        return turn

    def start(self, turn: Turn, cause: str) -> str:
        """The run begins; the place of the fact."""
        command = runs.Start(
            run=turn.run,
            session=self.session,
            agent=turn.agent.name,
            task=turn.task,
            at=self.journal.now(),
            task_id=turn.task_id,
            phase=turn.phase,
            attempt=int(turn.run.rpartition("-")[2]),
            parent_run=turn.parent,
            model=self.minds.name_of(turn.agent),
            mcp_servers=servers_of(turn.agent, self.servers.servers),
            cause=cause,
        )
        return self.journal.run(command)

    def work_for(self, turn: Turn) -> Work:
        """What the turn's runner is given, with a folder of its own for its tools' reports."""
        out = self.place.folder / "out" / turn.run.rpartition("/")[2]
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        python, why = self.python
        return Work(
            session=self.session,
            run=turn.run,
            agent=turn.agent,
            task=turn.task,
            workspace=turn.folder or self.place.work,
            files=turn.files,
            out=out,
            python=python,
            python_from=why,
            limits=self.limits,
            context=turn.context,
            home=self.place.folder.parents[1],
            seed=self.seed,
            servers=self.servers,
            model=self.minds.of(turn.agent),
            model_url=self.minds.url,
        )

    def end(
        self, turn: Turn, outcome: Outcome, modified: tuple[str, ...] = (), at: datetime | None = None
    ) -> RunReport:
        """The run has ended, well (its work `at` a moment that may be past) or not."""
        if outcome.status == "completed":
            self._complete(turn, outcome, modified, at or self.journal.now())
        else:
            self._fail(turn, outcome, modified)
        task, duration_ms = self.journal.task_and_duration(turn.run)
        report = RunReport(
            agent=turn.agent.name,
            run=turn.run,
            task=task,
            status=outcome.status,
            duration_ms=duration_ms,
            summary=outcome.summary,
            reason=outcome.reason or None,
            remedy=outcome.remedy,
            files_modified=modified,
        )
        self.reports.append(report)
        return report

    def take_over(self, turn: Turn) -> bool:
        """If the turn's run ended before the conductor was resumed: take what came of it from the log."""
        past = self.journal.past(f"run-{turn.run}")
        end = next((fact for fact in past if isinstance(fact, e.AgentCompleted | e.AgentFailed)), None)
        if end is None:
            return False
        self.journal.pass_over(turn.run)
        outcome, modified = ended_as(end)
        self.end(turn, outcome, modified)
        everything = self.journal.all_past()
        its = {turn.run} | {f.run for f in everything if isinstance(f, e.AgentStarted) and f.parent_run == turn.run}
        self.budget.recall(fact for fact in everything if fact.run in its)
        for check in checks_of(turn.run, self.journal.all_past()):
            self.standing[check.agent] = check.standing(self.standing.get(check.agent))
        return True

    def report_of(self, run: str) -> RunReport | None:
        """How `run` ended, if it has."""
        return next((report for report in self.reports if report.run == run), None)

    def _complete(self, turn: Turn, outcome: Outcome, modified: tuple[str, ...], at: datetime) -> None:
        if turn.task_id is not None:
            self.found[turn.agent.name] = list(outcome.findings)
            self.standing[turn.agent.name] = list(outcome.findings)
        self.tests = outcome.outputs.get("tests", self.tests)
        findings = [finding.as_payload() for finding in outcome.findings]
        command = runs.Complete(
            run=turn.run,
            at=at,
            summary=outcome.summary,
            outputs=outcome.outputs | ({"findings": findings} if findings else {}),
            files_modified=modified,
            files_read=outcome.files_read,
            next_agents=tuple(task.agent for task in self.plan.tasks if turn.task_id in task.depends_on),
        )
        self.journal.run(command)

    def _fail(self, turn: Turn, outcome: Outcome, modified: tuple[str, ...]) -> None:
        outputs = outcome.outputs | ({"files_modified": list(modified)} if modified else {})
        place = self.journal.run(
            runs.Fail(
                run=turn.run,
                at=self.journal.now(),
                status=outcome.status,
                reason=outcome.reason,
                remedy=outcome.remedy,
                outputs=outputs or None,
            )
        )
        if self.conductor in self.bus and turn.run in self.bus:
            warning = f"{turn.agent.name} ended {outcome.status}: {outcome.reason}"
            self.bus.send(turn.run, self.conductor, Draft("warning", {"warning": warning}, "high"), cause=place)

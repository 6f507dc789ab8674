"""Takes a request, plans it, runs the team on a copy of the workspace, and brings the changes back when asked to."""

import asyncio
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from orchestrion.agents.environment import project_python
from orchestrion.agents.journal import Clock, Journal, SteadyClock
from orchestrion.agents.limits import Limits
from orchestrion.agents.performance import Performance
from orchestrion.agents.planner import Plan, check_plan, make_plan
from orchestrion.agents.result import ExecutionResult
from orchestrion.agents.roster import Roster
from orchestrion.agents.running import RUNNERS
from orchestrion.agents.stage import Stage
from orchestrion.agents.workspace import Workspace, prepare
from orchestrion.domain import session as sessions
from orchestrion.domain.errors import CannotRun, Conflict, NotFound
from orchestrion.domain.events import Event, RunStatus
from orchestrion.domain.ports import Log
from orchestrion.domain.streams import new_id


class Conductor:
    """Runs teams; several sessions may run at once, each with its own limits and its own copy of a workspace."""

    def __init__(
        self,
        log: Log,
        *,
        home: Path,
        limits: Limits | None = None,
        python: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._log, self._home, self._python = log, home, python
        self._limits = limits or Limits()
        self._clock = clock or SteadyClock()

    async def execute(
        self,
        request: str,
        workspace: Path,
        roster: Roster,
        *,
        plan: Plan | None = None,
        apply: bool = False,
        observer: Callable[[Event], None] | None = None,
    ) -> ExecutionResult:
        """Do `request` on the files of `workspace` and say how it went; agents' failures are facts, not exceptions.

        Raises before anything is written: BadPlan, CannotRun (a part that is missing), NotFound (workspace),
        Refused (too large). Later: LogUnavailable, and CancelledError once everything has been stopped and said.
        """
        if plan is None:
            plan = make_plan(request, roster)
        check_plan(plan, roster)
        check_runnable(plan, roster)
        if self._python is not None and not self._python.is_file():
            raise NotFound(f"{self._python}: there is no such Python interpreter to run the project's tests with")
        session = new_id("ses")
        place = await asyncio.to_thread(
            prepare, workspace, self._home, session, limit_bytes=self._limits.workspace_bytes
        )
        try:
            journal = Journal(self._log, self._clock, observer)
            return await self._conduct(
                session=session, plan=plan, roster=roster, place=place, journal=journal, apply=apply
            )
        finally:
            await asyncio.to_thread(place.close)

    async def _conduct(
        self, *, session: str, plan: Plan, roster: Roster, place: Workspace, journal: Journal, apply: bool
    ) -> ExecutionResult:
        began = journal.now()
        start = sessions.Start(session, plan.request, place.origin.name, str(place.origin), _version(), began)
        cause = journal.session(start)
        performance = Performance(
            Stage(
                session=session,
                plan=plan,
                roster=roster,
                place=place,
                journal=journal,
                limits=self._limits,
                python=project_python(place.origin, self._python),
            )
        )
        result = ExecutionResult(session, "failed", plan.phases)
        try:
            status, reason = await self._within_time(performance, cause)
        except asyncio.CancelledError:
            self._end(journal, session, "cancelled", "stopped by the user")
            raise
        except Exception as error:
            self._end(journal, session, "failed", f"{type(error).__name__}: {error}")
            raise
        performance.report(result)
        result.diff = await asyncio.to_thread(place.diff)
        result.workspace = {"path": str(place.origin), "kind": place.kind, "branch": place.branch}
        if apply and status == "completed":
            try:
                result.applied = await asyncio.to_thread(place.apply)
            except Conflict as conflict:
                status, reason = "failed", f"not applied: {conflict}"
        elif apply:
            reason = f"{reason}; nothing was applied"
        self._end(journal, session, status, reason)
        result.status, result.reason = status, reason
        result.duration_ms = round((journal.now() - began).total_seconds() * 1000)
        return result

    async def _within_time(self, performance: Performance, cause: str) -> tuple[RunStatus, str | None]:
        try:
            async with asyncio.timeout(self._limits.session_seconds) as whole:
                performance.running.whole_deadline = whole.when()
                await performance.perform(cause)
        except TimeoutError:
            return "timed_out", f"the session did not end within {self._limits.session_seconds:g} s"
        return performance.verdict()

    @staticmethod
    def _end(journal: Journal, session: str, status: RunStatus, reason: str | None) -> None:
        journal.session(sessions.End(session, status, reason, journal.now()))


def check_runnable(plan: Plan, roster: Roster) -> None:
    """Refuse a plan with a task nobody can run. Raises CannotRun, naming every missing part."""
    missing = []
    for task in plan.tasks:
        agent = roster[task.agent]
        if agent.runner is None:
            where = agent.path or "its definition"
            missing.append(f"{agent.name} has no runner (add 'runner: steps' or 'runner: process' to {where})")
        elif agent.runner not in RUNNERS:
            missing.append(f"{agent.name} needs the runner {agent.runner!r}, which is not there")
        validators = roster.able(agent.validation) if agent.validation else []
        if agent.validation and not any(v.runner and v.name != agent.name for v in validators):
            missing.append(f"{agent.name} needs somebody with the capability {agent.validation!r} and a runner")
    if missing:
        raise CannotRun(f"this plan cannot be run: {'; '.join(missing)}")


def _version() -> str:
    try:
        return metadata.version("orchestrion")
    except metadata.PackageNotFoundError:  # run from a folder that is not installed
        return "unknown"

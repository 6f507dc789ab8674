"""Takes a request, plans it, runs the team on a copy of the workspace, and brings the changes back when asked to."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrion.agents.closing import close
from orchestrion.agents.environment import project_python
from orchestrion.agents.exchange import Talk
from orchestrion.agents.holding import Holding
from orchestrion.agents.journal import Clock, Journal, SteadyClock
from orchestrion.agents.leftovers import sweep
from orchestrion.agents.limits import Limits
from orchestrion.agents.mcp.config import McpUse, load_servers
from orchestrion.agents.minds import Minds
from orchestrion.agents.opening import open_session, plan_of, team_again
from orchestrion.agents.options import Options
from orchestrion.agents.orphans import end_orphans
from orchestrion.agents.past import Past, recall
from orchestrion.agents.performance import Performance
from orchestrion.agents.planner import Plan, check_plan, make_plan
from orchestrion.agents.remembering import leave
from orchestrion.agents.result import ExecutionResult
from orchestrion.agents.roster import Roster
from orchestrion.agents.running import check_minds, check_runnable
from orchestrion.agents.stage import Stage
from orchestrion.agents.watching import Watch, why
from orchestrion.agents.workspace import Workspace, prepare, reopened
from orchestrion.domain.elapsed import elapsed_ms
from orchestrion.domain.errors import Conflict, NotFound, OrchestrionError, RuleBroken
from orchestrion.domain.events import AgentCompleted, Event, RunStatus
from orchestrion.domain.ports import Learnt, Log, Prices
from orchestrion.domain.streams import new_id


@dataclass(frozen=True)
class _Session:
    """One session at work."""

    name: str
    plan: Plan
    roster: Roster
    place: Workspace
    journal: Journal
    holding: Holding
    options: Options


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
        prices: Prices | None = None,
        mcp: McpUse | None = None,
        minds: Minds | None = None,
        learnt: Learnt | None = None,
        talk: Talk | None = None,
    ) -> None:
        self._talk = talk or Talk()
        self._learnt = learnt
        self._minds = minds or Minds()
        self._log, self._home, self._python, self._prices = log, home, python, prices
        self._limits = limits or Limits()
        self._clock = clock or SteadyClock()
        self._mcp = mcp or McpUse()

    async def execute(
        self,
        request: str,
        workspace: Path,
        roster: Roster,
        *,
        plan: Plan | None = None,
        apply: bool = False,
        observer: Callable[[Event], None] | None = None,
        seed: int | None = None,
    ) -> ExecutionResult:
        """Do `request` on the files of `workspace` and say how it went; agents' failures are facts, not exceptions.

        All chance follows from `seed`, which is drawn if not given and kept in the log.
        Raises before anything is written: BadPlan, CannotRun (a part that is missing), NotFound (workspace),
        Refused (too large). Later: LogUnavailable, and CancelledError once everything has been stopped and said.
        """
        roster = roster.as_taking_part(self._minds)
        if plan is None:
            plan = make_plan(request, roster)
        check_plan(plan, roster)
        servers = load_servers(workspace, self._mcp.switches)
        await asyncio.to_thread(check_runnable, plan, roster, servers, self._minds)
        if self._python is not None and not self._python.is_file():
            raise NotFound(f"{self._python}: there is no such Python interpreter to run the project's tests with")
        seed = secrets.randbits(32) if seed is None else seed
        options = Options(self._limits, self._python, apply, seed, self._mcp, self._minds, self._talk)
        await asyncio.to_thread(sweep, self._home, self._log)
        name = new_id("ses")
        journal, holding = Journal(self._log, self._clock, observer), Holding(self._log, name, self._clock)
        place = await self._prepared(workspace, name, options)
        session = _Session(name, plan, roster, place, journal, holding, options)
        try:
            open_session(
                journal, holding, session=name, plan=plan, roster=roster, place=place, options=options.as_json()
            )
        except BaseException:
            holding.forget()
            await asyncio.to_thread(place.close)
            raise
        return await self._conduct(session)

    async def resume(
        self, session: str, *, roster: Roster | None = None, observer: Callable[[Event], None] | None = None
    ) -> ExecutionResult:
        """Go on with a session whose conductor died: what was answered is not done again, the rest is.

        Raises NotFound, Refused (recorded elsewhere), RuleBroken (ended, or conducted by another that lives),
        CannotRun and BadDefinition (its team), and what `execute` raises.
        """
        await asyncio.to_thread(sweep, self._home, self._log)
        past = recall(self._log, session)
        if past.end is not None:
            raise RuleBroken(f"session {session} has ended ({past.end.status}); there is nothing to resume")
        minds = self._minds if self._minds.given else Options.of(past).minds
        roster = (roster or team_again(past)).as_taking_part(minds)
        await asyncio.to_thread(check_minds, plan_of(past), roster, minds)
        holding = Holding(self._log, session, self._clock)
        holding.take(past.lease)
        try:
            past = recall(self._log, session)  # the dead conductor may have said more until its place was taken
            await asyncio.to_thread(end_orphans, session, past.events)
            return await self._go_on(past, roster, holding, observer)
        finally:
            holding.forget()

    async def _go_on(
        self, past: Past, roster: Roster, holding: Holding, observer: Callable[[Event], None] | None
    ) -> ExecutionResult:
        journal, options = Journal(self._log, self._clock, observer, past), Options.of(past)
        if self._minds.given:
            options = replace(options, minds=self._minds)
        origin = Path(past.start.workspace or ".")
        place = await asyncio.to_thread(reopened, origin, self._home, past.session)
        changed = any(isinstance(fact, AgentCompleted) and fact.files_modified for fact in past.events)
        if past.cancelled is not None:
            return await _closed(journal, past, place, "cancelled", why(past.cancelled))
        if place is None and changed:
            return await _closed(journal, past, None, "lost", "its working copy, with what was changed so far, is gone")
        place = place or await self._prepared(origin, past.session, options)
        return await self._conduct(_Session(past.session, plan_of(past), roster, place, journal, holding, options))

    async def _prepared(self, workspace: Path, session: str, options: Options) -> Workspace:
        limit = options.limits.workspace_bytes
        return await asyncio.to_thread(prepare, workspace, self._home, session, limit_bytes=limit)

    async def _conduct(self, session: _Session) -> ExecutionResult:
        """Perform the plan to its end, heard by everybody; the working copy stays only if the end cannot be said."""
        performance = Performance(
            Stage(
                session=session.name,
                plan=session.plan,
                roster=session.roster,
                place=session.place,
                journal=session.journal,
                limits=session.options.limits,
                python=project_python(session.place.origin, session.options.python),
                seed=session.options.seed,
                prices=self._prices,
                servers=load_servers(session.place.origin, session.options.mcp.switches),
                mcp=session.options.mcp,
                minds=session.options.minds,
                learnt=self._learnt,
                talk=session.options.talk,
            )
        )
        try:
            return await self._to_the_end(session, performance)
        except asyncio.CancelledError:
            session.journal.end(session.name, "cancelled", "stopped by the user")
            raise
        except OrchestrionError as error:
            session.journal.end(session.name, "failed", f"{type(error).__name__}: {error}")
            raise
        finally:
            session.holding.forget()
            if session.journal.has_ended(session.name):
                await asyncio.to_thread(session.place.close)

    async def _to_the_end(self, session: _Session, performance: Performance) -> ExecutionResult:
        journal, place, began = session.journal, session.place, session.journal.began(session.name)
        result = ExecutionResult(session.name, "failed", session.plan.phases)
        work = asyncio.ensure_future(_within_time(performance, session.options.limits.session_seconds))
        stop = _Stop(work, performance, journal)
        with Watch(self._log, session.name, session.holding, cancel=stop.cancel, lost=stop.lost) as watch:
            try:
                status, reason = await work
                await leave(performance.stage)
            except asyncio.CancelledError:
                if stop.why is None:
                    raise
                status, reason = "cancelled", stop.why
            finally:
                await performance.stage.servers.close()
            performance.report(result)
            result.diff = await asyncio.to_thread(place.diff)
            result.workspace = {"path": str(place.origin), "kind": place.kind, "branch": place.branch}
            if place.is_gone and status == "completed":
                status, reason = "failed", "its working copy was deleted while it ran"
            if session.options.apply:
                status, reason = await _applied(result, place, status, reason)
            watch.stop()
            journal.end(session.name, status, reason)
        result.status, result.reason = status, reason
        result.duration_ms = elapsed_ms(began, journal.now())
        return result


class _Stop:
    """Why the work was stopped from outside, if it was."""

    def __init__(
        self, work: "asyncio.Future[tuple[RunStatus, str | None]]", performance: Performance, journal: Journal
    ):
        self._work, self._performance, self._journal = work, performance, journal
        self.why: str | None = None

    def cancel(self, why: str) -> None:
        """Somebody asked for it."""
        if not self._work.done():
            self.why = self._performance.running.why_stopped = why
            self._work.cancel()

    def lost(self, error: OrchestrionError) -> None:
        """The lease is another's, or the log cannot be read: nothing may be written any more."""
        self._journal.fenced = f"this conductor has lost its session: {error}"
        self._work.cancel()


async def _within_time(performance: Performance, seconds: float | None) -> tuple[RunStatus, str | None]:
    try:
        async with asyncio.timeout(seconds) as whole:
            performance.running.whole_deadline = whole.when()
            await performance.perform()
    except TimeoutError:
        return "timed_out", f"the session did not end within {seconds:g} s"
    return performance.verdict()


async def _applied(
    result: ExecutionResult, place: Workspace, status: RunStatus, reason: str | None
) -> tuple[RunStatus, str | None]:
    """Bring the changes back if the session went well; how it ends now."""
    if status != "completed":
        return status, f"{reason}; nothing was applied"
    try:
        result.applied = await asyncio.to_thread(place.apply)
    except Conflict as conflict:
        return "failed", f"not applied: {conflict}"
    return status, reason


async def _closed(
    journal: Journal, past: Past, place: Workspace | None, status: RunStatus, reason: str
) -> ExecutionResult:
    """End a dead conductor's session without going on with it."""
    await asyncio.to_thread(close, journal, past, status, reason)
    if place is not None:
        await asyncio.to_thread(place.close)
    return ExecutionResult(past.session, status, plan_of(past).phases, reason=reason)

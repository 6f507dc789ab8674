"""The Python API's orchestrator: a request in, a team at work, and statistics of what the log holds."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from orchestrion.agents import Conductor, ExecutionResult, Limits, Plan, Roster, load_roster, make_plan
from orchestrion.agents.commanding import as_command, plan_request
from orchestrion.cli.advising import learnt, router, seed_of
from orchestrion.cli.api_bus import CommunicationBus
from orchestrion.cli.settings import load_settings
from orchestrion.cli.teamwork import limits_of, mcp_use, minds_of, talk_of
from orchestrion.cli.wiring import home_of, prices_of, stored, written_log
from orchestrion.domain.errors import Refused
from orchestrion.domain.events import Event
from orchestrion.domain.ports import Log

COMMUNICATION = "SELECT type, count(*) AS messages FROM messages GROUP BY type ORDER BY type"
DELIVERIES = "SELECT state, count(*) AS deliveries FROM deliveries GROUP BY state ORDER BY state"
HANDOFFS = "SELECT status, count(*) AS handoffs FROM handoffs GROUP BY status ORDER BY status"
SESSIONS = "SELECT status, count(*) AS sessions FROM sessions GROUP BY status ORDER BY status"
PATTERNS = "SELECT count(*) FROM patterns"


class Orchestrator:
    """Runs a team on a workspace. An asynchronous context manager; several requests may be executed at once.

    `team` is a folder of agent definitions besides the workspace's own. Limits are those given, else those that the
    workspace's configuration, the environment and `settings` (as `orchestrion config` names them) set. `model` is what
    agents think with: a name, a pydantic-ai `Model`, or a function from an agent's definition to either; it counts
    before the agents' own. Every method may raise LogUnavailable; the constructor raises BadDefinition for a
    configuration with a mistake.
    """

    def __init__(
        self,
        workspace: Path | None = None,
        *,
        home: Path | None = None,
        team: Path | None = None,
        limits: Limits | None = None,
        settings: Mapping[str, Any] | None = None,
        model: Any = None,
    ) -> None:
        self.workspace, self.home = workspace or Path.cwd(), home_of(home)
        held = self._held = load_settings(self.workspace, options=settings)
        self._team, self._limits, self._python = team, limits or limits_of(held), held["orchestration.python"]
        self._mcp = mcp_use(held)
        self._minds = replace(minds_of(held), chosen=model) if model is not None else minds_of(held)
        self._stack = ExitStack()
        self._log: Log | None = None
        self._roster: Roster | None = None
        self._last: str | None = None
        self._executing: set[asyncio.Task[ExecutionResult]] = set()

    async def initialize(self) -> None:
        """Open the log and read the roster. Raises NotFound, BadDefinition."""
        if self._log is None:
            self._roster = await asyncio.to_thread(load_roster, self.workspace, team=self._team)
            self._log, _ = self._stack.enter_context(written_log(self.home))

    async def execute_request(
        self,
        request: str,
        *,
        timeout: float | None = None,
        plan: Plan | None = None,
        apply: bool = False,
        observer: Callable[[Event], None] | None = None,
    ) -> ExecutionResult:
        """Plan `request`, run it on a copy of the workspace, and say how it went; `timeout` in seconds ends it.

        A request such as `/name arguments` is a command of the workspace's `.claude/commands`. An agent's failure is
        in the result, not an exception. Raises BadPlan, BadDefinition, CannotRun, NotFound, Refused before anything
        is written.
        """
        log, roster = self._opened()
        chooser = router(self.home, self._held) if plan is None else None
        if plan is None and as_command(request):
            roster, plan = await asyncio.to_thread(plan_request, request, self.workspace, team=self._team)
        elif plan is None:
            plan = await asyncio.to_thread(make_plan, request, roster, chooser, seed=seed_of(request))
        limits = self._limits if timeout is None else replace(self._limits, session_seconds=timeout)
        python = Path(self._python) if self._python else None
        with ExitStack() as lessons:
            known = await asyncio.to_thread(lessons.enter_context, learnt(log, self.home, self._held))
            conductor = Conductor(
                log,
                home=self.home.path,
                limits=limits,
                python=python,
                prices=prices_of(self.home),
                mcp=self._mcp,
                minds=self._minds,
                learnt=known,
                talk=talk_of(self._held),
            )
            execution = conductor.execute(request, self.workspace, roster, plan=plan, apply=apply, observer=observer)
            task = asyncio.ensure_future(execution)
            self._executing.add(task)
            try:
                result = await task
            finally:
                self._executing.discard(task)
        self._last = result.session
        return result

    def bus(self, session: str | None = None) -> CommunicationBus:
        """The bus of one of the log's sessions, else of the one executed last, to be opened by `async with`."""
        return CommunicationBus(self.home.path, session=session or self._named(None))

    async def get_report(self, session: str | None = None) -> dict[str, Any]:
        """The report of a session, else of the one executed last, as `orchestrion report --format json` has it.

        What each agent did, performance, patterns, recommendations with their evidence. Raises NotFound.
        """
        log, wanted = self._opened()[0], self._named(session)

        def build_it() -> dict[str, Any]:
            from orchestrion.tui.report import as_json, build

            with stored(log, self.home) as store:
                return as_json(build(store, wanted))

        return await asyncio.to_thread(build_it)

    async def get_statistics(self) -> dict[str, Any]:
        """Counts over the whole log: `sessions`, `communication`, `handoffs` by their states, `learning`."""
        self._opened()
        return await asyncio.to_thread(self._statistics)

    async def shutdown(self) -> None:
        """Stop what is being executed, each with its end recorded, and let go of the log."""
        for task in self._executing:
            task.cancel()
        await asyncio.gather(*self._executing, return_exceptions=True)
        self._log = None
        self._stack.close()

    async def __aenter__(self) -> Self:
        await self.initialize()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shutdown()

    def _opened(self) -> tuple[Log, Roster]:
        if self._log is None or self._roster is None:
            raise Refused("the orchestrator is not open: await its initialize() first, or use it by `async with`")
        return self._log, self._roster

    def _named(self, session: str | None) -> str:
        if session is None and self._last is None:
            raise Refused("nothing has been executed here yet; name a session")
        return session or str(self._last)

    def _statistics(self) -> dict[str, Any]:
        log, _ = self._opened()
        with stored(log, self.home) as store:
            return {
                "sessions": dict(store.query(SESSIONS).rows),
                "communication": {
                    "messages": dict(store.query(COMMUNICATION).rows),
                    "deliveries": dict(store.query(DELIVERIES).rows),
                },
                "handoffs": dict(store.query(HANDOFFS).rows),
                "learning": {"patterns": store.query(PATTERNS).rows[0][0]},
            }

"""The Python API's runtime logger: a program that runs its own agents tells what they do, as facts of a session."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from orchestrion.agents import membership
from orchestrion.agents.planner import Plan
from orchestrion.cli.wiring import home_of, stored, written_log
from orchestrion.domain import session as sessions
from orchestrion.domain.deciding import replay
from orchestrion.domain.errors import NotFound, Refused
from orchestrion.domain.events import CallStatus, Event, PlannedTask, RunStatus, ToolCalled, ToolReturned
from orchestrion.domain.ports import Log
from orchestrion.domain.record import Fact

Done = TypeVar("Done")


class RuntimeLogger:
    """Writes one session at a time; nothing is kept but in the log. An asynchronous context manager.

    Every method may raise LogUnavailable.
    """

    def __init__(self, home: Path | None = None) -> None:
        self.home = home_of(home)
        self._stack, self._lock = ExitStack(), asyncio.Lock()
        self._opened: Log | None = None
        self._session: str | None = None
        self._runs: dict[str, str] = {}
        self._calls: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shutdown()

    @property
    def session(self) -> str:
        """The session that is written. Raises Refused before `start_execution`."""
        if self._session is None:
            raise Refused("nothing is being executed: await start_execution(request, plan) first")
        return self._session

    async def start_execution(self, request: str, plan: Plan | Sequence[str] | None = None) -> str:
        """Begin a session for `request`, to be carried out by a plan or by agents one after the other; its id."""
        if self._session is not None:
            raise Refused(f"the session {self._session} is still being executed; end it by end_execution()")
        self._runs.clear()
        self._session = await self._do(lambda: membership.begin_session(self._log(), request))
        if plan is not None:
            made = plan if isinstance(plan, Plan) else _in_turn(request, plan)
            await self._do(lambda: self._plan(made))
        return self.session

    async def log_agent_start(self, agent: str, task: str, context: Mapping[str, Any] | None = None) -> str:
        """An agent begins on a task; its run. `context` may hold `capabilities`, for the roster."""
        session, capabilities = self.session, tuple((context or {}).get("capabilities", ()))
        if capabilities:
            await self._do(lambda: membership.enlist(self._log(), session, agent, capabilities))
        self._runs[agent] = run = await self._do(lambda: membership.start_run(self._log(), session, agent, task))
        return run

    async def log_tool_call(
        self,
        agent: str,
        tool: str,
        params: Any,
        result: Any,
        *,
        status: CallStatus = "ok",
        duration_ms: int | None = None,
        mcp_server: str | None = None,
    ) -> str:
        """A tool was called and answered; the call's id. A duration that was not measured stays unknown."""
        run = self._run(agent)
        self._calls[run] = self._calls.get(run, 0) + 1
        call, now = f"{run}/{self._calls[run]}", datetime.now(UTC)
        about: dict[str, Any] = {
            "source": "conductor", "happened_at": now, "session": self.session,
            "run": run, "agent": agent, "call": call,
        }  # fmt: skip
        asked = ToolCalled(**about, cause=f"run-{run}@1", tool=tool, mcp_server=mcp_server, params=params)
        answered = ToolReturned(**about, cause=f"tool-{call}@1", status=status, result=result, duration_ms=duration_ms)
        facts = [Fact(f"tool-{call}", 1, asked), Fact(f"tool-{call}", 2, answered)]
        await self._do(lambda: self._log().observe(facts))
        return call

    async def log_agent_complete(
        self, agent: str, outputs: Mapping[str, Any] | None = None, recommendations: Any = None
    ) -> None:
        """An agent ended with a result; of `outputs`, `files_modified` and `files_read` are kept by name."""
        told, run = dict(outputs or {}), self._run(agent)
        if recommendations:
            told["recommendations"] = recommendations
        result: dict[str, Any] = {name: tuple(told.get(name, ())) for name in ("files_modified", "files_read")}
        result |= {"summary": told.get("summary"), "outputs": told or None}
        await self._do(lambda: membership.end_run(self._log(), run, **result))

    async def log_agent_failed(self, agent: str, reason: str, status: RunStatus = "failed") -> None:
        """An agent ended without its result."""
        run = self._run(agent)
        await self._do(lambda: membership.end_run(self._log(), run, reason=reason, status=status))

    async def end_execution(self, status: RunStatus = "completed", reason: str | None = None) -> None:
        """The session has ended."""
        session = self.session
        await self._do(lambda: membership.end_session(self._log(), session, status, reason))
        self._session = None

    async def generate_execution_report(self, session: str | None = None) -> dict[str, Any]:
        """The report of the session (the present one, else that named), as `orchestrion report --format json` has it.

        It holds the agents of that session alone. Raises NotFound.
        """
        wanted = session or self.session
        return await self._do(lambda: self._report(wanted))

    async def shutdown(self) -> None:
        """Let go of the log. A session that was not ended stays open: nobody said how it went."""
        async with self._lock:
            self._session, self._opened = None, None
            self._stack.close()

    def _log(self) -> Log:
        if self._opened is None:
            self._opened, _ = self._stack.enter_context(written_log(self.home))
        return self._opened

    def _run(self, agent: str) -> str:
        if agent not in self._runs:
            raise NotFound(f"{agent} was not started in session {self.session}; await log_agent_start() first")
        return self._runs[agent]

    def _plan(self, plan: Plan) -> None:
        now, session = datetime.now(UTC), self.session
        command = sessions.MakePlan(session, plan.request, plan.planner, plan.tasks, plan.phases, now)

        def planning(past: list[Event]) -> list[Event]:
            return list(sessions.decide(replay(sessions.evolve, sessions.Session(), past), command))

        membership.decided(self._log(), f"session-{session}", planning)

    def _report(self, session: str) -> dict[str, Any]:
        from orchestrion.tui.report import as_json, build

        with stored(self._log(), self.home) as store:
            return as_json(build(store, session))

    async def _do(self, act: Callable[[], Done]) -> Done:
        async with self._lock:
            return await asyncio.to_thread(act)


def _in_turn(request: str, agents: Sequence[str]) -> Plan:
    """A plan of the user's own: each agent after the one before it."""
    tasks = tuple(
        PlannedTask(id=f"task-{n}", agent=name, task=request, depends_on=(f"task-{n - 1}",) if n > 1 else ())
        for n, name in enumerate(agents, 1)
    )
    return Plan(request, tasks, tuple((name,) for name in agents), "user")

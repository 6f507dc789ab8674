"""Where one run sits: what it does with tools and says to others becomes facts of that run."""

import time
from typing import Any

from orchestrion.agents.budget import RunBudget
from orchestrion.agents.bus import Bus, Draft
from orchestrion.agents.identity import born, host
from orchestrion.agents.journal import Journal
from orchestrion.agents.runner import Lost
from orchestrion.domain.events import (
    CallStatus,
    IncidentObserved,
    MessageSent,
    ProcessStarted,
    ToolCalled,
    ToolReturned,
    UsageRecorded,
)


class RunDesk:
    """The `Desk` of a run. `deadline` (monotonic seconds) tells a call cut off for its time from one interrupted.

    A `quiet` one tells nobody what its tools find: a validator gives its findings as evidence to the one who asked.
    """

    def __init__(
        self,
        journal: Journal,
        bus: Bus,
        budget: RunBudget,
        *,
        session: str,
        run: str,
        agent: str,
        began: str,
        quiet: bool = False,
    ) -> None:
        self._journal, self._bus, self._budget = journal, bus, budget
        self._about: dict[str, Any] = {"source": "conductor", "session": session, "run": run, "agent": agent}
        self._run, self._began = run, began
        self._calls = 0
        self._quiet = quiet
        self._tools: dict[str, str] = {}
        self.deadline: float | None = None
        self.received: list[MessageSent] = []

    @property
    def last(self) -> str:
        """The place of the last thing a tool did here, or of the run's start."""
        return next(reversed(self._tools.values()), self._began)

    def called(self, tool: str, params: Any, mcp_server: str | None = None) -> str:
        """See `Desk`."""
        self._budget.spend(tool, params)
        self._calls += 1
        call = f"{self._run}/{self._calls}"
        event = ToolCalled(
            **self._about,
            happened_at=self._journal.now(),
            cause=self._began,
            call=call,
            tool=tool,
            params=params,
            mcp_server=mcp_server,
        )
        self._tools[call] = self._journal.write([event])
        return call

    def recall(self, call: str, *, idempotent: bool) -> ToolReturned | None:
        """See `Desk`."""
        asked = self._journal.past(f"tool-{call}")
        answer = next((event for event in asked if isinstance(event, ToolReturned)), None)
        if answer is not None and (idempotent or answer.status != "interrupted"):
            self._tools[call] = self._journal.write([answer])
            return answer
        if not asked or idempotent:
            return None
        reason = (
            f"its call {call} was under way when the conductor ended; whether it took effect is not known, and it is "
            "not declared idempotent"
        )
        self.returned(call, "interrupted", error=reason)
        raise Lost(reason)

    def spawned(self, call: str, pid: int) -> None:
        """See `Desk`."""
        event = ProcessStarted(
            **self._about,
            happened_at=self._journal.now(),
            cause=self._tools[call],
            call=call,
            pid=pid,
            born=born(pid) or "",
            host=host(),
        )
        self._journal.write([event])

    def retries(self, call: str, detail: dict[str, Any]) -> bool:
        """See `Desk`."""
        incident = f"{call}/retry"
        known = bool(self._journal.past(f"incident-{incident}"))
        event = IncidentObserved(
            **self._about,
            happened_at=self._journal.now(),
            cause=self._tools[call],
            incident=incident,
            type="retry",
            detail=detail,
        )
        self._journal.write([event])
        return not known

    def returned(
        self,
        call: str,
        status: CallStatus,
        *,
        result: Any = None,
        error: str | None = None,
        exit_code: int | None = None,
        duration_ms: int | None = None,
    ) -> None:
        """See `Desk`."""
        if status == "interrupted" and self.deadline is not None and time.monotonic() >= self.deadline:
            status = "timed_out"
        event = ToolReturned(
            **self._about,
            happened_at=self._journal.now(),
            cause=self._tools[call],
            call=call,
            status=status,
            result=result,
            error=error,
            exit_code=exit_code,
            duration_ms=duration_ms,
        )
        self._tools[call] = self._journal.write([event])

    def asks_model(self) -> None:
        """See `Desk`."""
        self._budget.allow()

    def used(self, request_id: str, model: str | None, **tokens: int) -> None:
        """See `Desk`."""
        about = self._about | {"happened_at": self._journal.now(), "cause": self._began, "request_id": request_id}
        event = UsageRecorded(**about, model=model, **tokens)  # type: ignore[arg-type]  # its counts
        self._journal.write([event])
        self._budget.use(event)

    def tell_all(self, drafts: list[Draft], *, call: str | None = None) -> list[MessageSent]:
        """See `Desk`."""
        if self._quiet:
            return []
        return self._bus.broadcast(self._run, drafts, cause=self._tools.get(call or "", self._began))

    def take(self) -> list[MessageSent]:
        """See `Desk`."""
        taken = self._bus.take(self._run)
        self.received += taken
        return taken

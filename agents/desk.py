"""Where one run sits: what it does with tools and models and says to others becomes facts of that run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from orchestrion.agents.approving import word_on
from orchestrion.agents.budget import RunBudget
from orchestrion.agents.bus import Bus, Draft
from orchestrion.agents.ear import Ear, interrupt_left
from orchestrion.agents.exchange import ALL, TOPIC
from orchestrion.agents.handing import Handing
from orchestrion.agents.helping import helper_for
from orchestrion.agents.identity import born, host
from orchestrion.agents.journal import MESSAGE, Journal
from orchestrion.agents.roster import Roster
from orchestrion.agents.runner import Lost
from orchestrion.agents.standstill import Standstill
from orchestrion.domain.errors import NotFound, Refused
from orchestrion.domain.events import (
    ApprovalGiven,
    ApprovalRequested,
    CallStatus,
    IncidentObserved,
    MessageSent,
    ModelAnswered,
    ModelRequested,
    PatternDiscovered,
    Priority,
    ProcessStarted,
    ToolCalled,
    ToolReturned,
    UsageRecorded,
)
from orchestrion.domain.payloads import checked

REQUEST = "request"


@dataclass(frozen=True)
class Company:
    """Whom a run may turn to: the roster, the runs of the plan by agent, and the handoffs between them."""

    roster: Roster
    runs: Mapping[str, str]
    handing: Handing
    approval_seconds: float


class RunDesk:
    """The `Desk` of a run. Its `clock` tells a call cut off for its time from one interrupted.

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
        company: Company,
        clock: Standstill | None = None,
    ) -> None:
        self._journal, self._bus, self._budget = journal, bus, budget
        self._company, self.clock = company, clock or Standstill()
        self._about: dict[str, Any] = {"source": "conductor", "session": session, "run": run, "agent": agent}
        self._run, self._began = run, began
        self._calls = 0
        self._quiet = quiet
        self._agent = agent
        self._tools: dict[str, str] = {}
        self._models: dict[str, tuple[str, str]] = {}
        self._asked: dict[str, int] = {}
        self._spoken: set[str] = set()
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
        interrupt_left(self._journal, self._about, call, "the conductor ended before the tool answered")
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
            cause=self._tools.get(call) or self._models[call][1],
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
        if status == "interrupted" and self.clock.is_over:
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

    def used(self, request_id: str, model: str | None, **tokens: int) -> bool:
        """See `Desk`."""
        about = self._about | {"happened_at": self._journal.now(), "request_id": request_id}
        about["cause"] = self._models.get(request_id, ("", self._began))[1]
        event = UsageRecorded(**about, model=model, **tokens)  # type: ignore[arg-type]  # its counts
        if self._journal.elsewhere(event):
            return False
        self._journal.write([event])
        self._budget.use(event)
        return True

    def tell_all(self, drafts: list[Draft], *, call: str | None = None) -> list[MessageSent]:
        """See `Desk`."""
        if self._quiet or not self._bus.talk.tells_all:
            return []
        return self._bus.broadcast(self._run, drafts, cause=self._tools.get(call or "", self._began))

    def send(self, to: str, draft: Draft, *, call: str | None = None) -> MessageSent:
        """See `Desk`."""
        self._bus.talk.require(to)
        cause, draft = self._tools.get(call or "", self._began), self._named(draft, call)
        if to == ALL:
            return self._bus.broadcast(self._run, [draft], cause=cause)[0]
        if to.startswith(TOPIC):
            return self._bus.publish(self._run, replace(draft, topic=to.removeprefix(TOPIC)), cause=cause)
        return self._bus.send(self._run, to, draft, cause=cause)

    async def ask(
        self, capability: str, context: Any, *, urgency: Priority = "normal", call: str | None = None
    ) -> MessageSent:
        """See `Desk`."""
        draft = Draft("assistance_request", {"capability": capability, "context": context}, urgency)
        said = [fact for fact in self._journal.past(f"message-{call}/{MESSAGE}") if isinstance(fact, MessageSent)]
        if call is not None and said:
            return said[0]
        helper = await helper_for(self._bus, self._run, capability, urgency)
        return self.send(helper, draft, call=call)

    def hand_over(self, taker: str, task: str, given: Mapping[str, Any], *, call: str | None = None) -> str:
        """See `Desk`."""
        if not task:
            raise Refused("a handoff needs a task: say what is to be done")
        roster, runs, handing = self._company.roster, self._company.runs, self._company.handing
        run = runs.get(taker)
        if run is None or run == self._run or run not in self._bus:
            there = ", ".join(name for name, run in runs.items() if run in self._bus and run != self._run) or "nobody"
            raise NotFound(f"{taker!r} has no task ahead or under way in this plan; to be handed over to: {there}")
        return handing.offer(
            roster[self._agent], self._run, roster[taker], run, task=task, completed=[], given=given,
            name=f"{call}/handoff" if call else None,
        )  # fmt: skip

    def take_handoffs(self) -> list[dict[str, Any]]:
        """See `Desk`."""
        return self._company.handing.take(self._company.roster[self._agent], self._run)

    def pattern(
        self,
        name: str,
        type: str,
        confidence: float,
        *,
        context: str | None = None,
        solution: str | None = None,
        call: str | None = None,
    ) -> str:
        """See `Desk`."""
        payload = {"pattern": name, "confidence": confidence, "context": context, "solution": solution}
        draft = Draft("pattern_discovered", checked("pattern_discovered", payload).model_dump(exclude_none=True))
        identity = f"{call}/pattern" if call else self._journal.identity("pattern", self._run)
        event = PatternDiscovered(
            **self._about, happened_at=self._journal.now(), cause=self._tools.get(call or "", self._began),
            pattern=identity, name=name, type=type, confidence=confidence, context=context, solution=solution,
        )  # fmt: skip
        self._journal.write([event])
        if not self._quiet and self._bus.talk.tells_all:
            self.send(ALL, draft, call=call)
        return identity

    def requested(self, model: str, params: Any = None) -> str:
        """See `Desk`."""
        self._budget.allow()
        request = self._journal.identity(REQUEST, self._run)
        event = ModelRequested(
            **self._about, happened_at=self._journal.now(), cause=self.last, request_id=request, model=model,
            params=params,
        )  # fmt: skip
        self._models[request] = (model, self._journal.write([event]))
        return request

    def recall_request(self) -> Any:
        """See `Desk`."""
        request = self._journal.upcoming(REQUEST, self._run)
        asked = (event for event in self._journal.past(f"model-{request}") if isinstance(event, ModelRequested))
        return next((event.params for event in asked), None)

    def recall_answer(self, request: str) -> ModelAnswered | None:
        """See `Desk`."""
        asked = self._journal.past(f"model-{request}")
        answer = next((event for event in asked if isinstance(event, ModelAnswered)), None)
        if answer is None or answer.status == "interrupted":
            return None
        self._journal.write([answer])
        return answer

    def answered(
        self,
        request: str,
        status: CallStatus,
        *,
        result: Any = None,
        error: str | None = None,
        duration_ms: int | None = None,
    ) -> None:
        """See `Desk`."""
        model, cause = self._models[request]
        event = ModelAnswered(
            **self._about, happened_at=self._journal.now(), cause=cause, request_id=request, model=model,
            status=status, result=result, error=error, duration_ms=duration_ms,
        )  # fmt: skip
        self._journal.write([event])

    async def approval(
        self, tool: str, params: Any, *, reason: str | None = None, call: str | None = None
    ) -> ApprovalGiven:
        """See `Desk`."""
        self._budget.allow()
        call = call or f"{self._run}/{self._calls + 1}"
        asked_before = self._asked.get(call, 0)
        self._asked[call] = asked_before + 1
        request = ApprovalRequested(
            **self._about, happened_at=self._journal.now(), cause=self._tools.get(call, self.last),
            approval=f"{call}/again-{asked_before}" if asked_before else call, call=call, tool=tool, params=params,
            reason=reason,
        )  # fmt: skip
        with self.clock.stopped():
            return await word_on(self._journal, request, self._company.approval_seconds)

    def _named(self, draft: Draft, call: str | None) -> Draft:
        """`draft`, called after the call that says it; a second one of the same call is numbered within its run."""
        if call is None or call in self._spoken:
            return draft
        self._spoken.add(call)
        return replace(draft, name=f"{call}/{MESSAGE}")

    def take(self) -> list[MessageSent]:
        """See `Desk`."""
        taken = self._bus.take(self._run)
        self.received += taken
        return taken

    def ear(self) -> Ear:
        """See `Desk`."""
        return Ear(self._journal, self._budget, self._about, self.last)

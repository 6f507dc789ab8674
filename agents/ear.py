"""What an agent that acts by itself tells of its doings: calls, words, usage and troubles become facts of its run."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from orchestrion.agents.budget import RunBudget
from orchestrion.agents.identity import born, host
from orchestrion.agents.journal import Journal
from orchestrion.domain import events as e
from orchestrion.domain.bounds import MOST_COUNTED
from orchestrion.domain.streams import stream_of, witnessed

Usage = Callable[..., bool]
"""Takes a request's id, its model and its tokens by name: `Desk.used`."""
SAID, NOTICED = "said", "noticed"


@dataclass
class _Open:
    call: str
    """As it is called in the log."""
    place: str
    begun: float


class Ear:
    """Listens for one run. Ids are the agent's own where they are unique everywhere, so that another witness of the
    same call (a hook, an imported transcript) is merged with ours; `about` is what all facts of the run share.

    `cause` is the place of the call that the agent's program is.
    """

    def __init__(self, journal: Journal, budget: RunBudget, about: dict[str, Any], cause: str) -> None:
        self._journal, self._budget, self._about, self._cause = journal, budget, about, cause
        self._run = str(about["run"])
        self._open: dict[str, _Open] = {}
        self._known: dict[str, str] = {}

    @property
    def program(self) -> str:
        """The call that the agent's program is: no other has its name."""
        return self._cause.rpartition("@")[0].removeprefix("tool-")

    def called(
        self,
        call: str,
        tool: str,
        params: Any,
        *,
        mcp_server: str | None = None,
        within: str | None = None,
        otherwise: str | None = None,
    ) -> None:
        """The agent called a tool, `within` another call if a subagent of it did. Said twice, it counts once.

        Where another run of ours has told of a call of that name, it is the same one, told again by a session that was
        taken up; or, if it can be called `otherwise`, another one. Raises Stopped, once it is recorded, if this was one
        more than a limit allows.
        """
        if call in self._known:
            return
        event = e.ToolCalled(
            **self._about, happened_at=self._journal.now(), cause=self._known.get(within or "", self._cause),
            call=call, tool=tool, params=params, mcp_server=mcp_server,
        )  # fmt: skip
        if self._journal.elsewhere(event):
            if otherwise is None:
                self._known[call] = f"{stream_of(event)}@1"
                return
            event = event.model_copy(update={"call": otherwise})
        self._known[call] = self._journal.write([event])
        self._open[call] = _Open(event.call, self._known[call], time.monotonic())
        self._budget.spend(tool, params)

    def returned(
        self,
        call: str,
        status: e.CallStatus,
        *,
        result: Any = None,
        error: str | None = None,
        exit_code: int | None = None,
    ) -> None:
        """The tool answered; an answer to no call, or a second one, is no fact."""
        asked = self._open.pop(call, None)
        if asked is None:
            return
        event = e.ToolReturned(
            **self._about, happened_at=self._journal.now(), cause=asked.place, call=asked.call, status=status,
            result=result, error=error, exit_code=exit_code,
            duration_ms=round((time.monotonic() - asked.begun) * 1000),
        )  # fmt: skip
        self._journal.write([event])

    def spawned(self, call: str, pid: int) -> None:
        """The call runs as this process of ours."""
        event = e.ProcessStarted(
            **self._about, happened_at=self._journal.now(), cause=self._known[call], call=call, pid=pid,
            born=born(pid) or "", host=host(),
        )  # fmt: skip
        self._journal.write([event])

    def said(self, text: str, *, name: str | None = None, within: str | None = None) -> None:
        """The agent said something to whoever reads along; `name` is the message's own id."""
        event = e.MessageSent(
            **self._about, happened_at=self._journal.now(), cause=self._known.get(within or "", self._cause),
            message=name or self._journal.identity(SAID, self._run), sender=str(self._about["agent"]),
            recipient="human", type="response", payload={"text": text},
        )  # fmt: skip
        if not self._journal.elsewhere(event):
            self._journal.write([event])

    def noticed(self, type: str, detail: dict[str, Any]) -> None:
        """Something that is neither call nor message: a stream that cannot be read on, a compaction, an API error."""
        event = e.IncidentObserved(
            **self._about, happened_at=self._journal.now(), cause=self._cause,
            incident=self._journal.identity(NOTICED, self._run), type=type, detail=detail,
        )  # fmt: skip
        self._journal.write([event])

    def is_session(self, native: str) -> None:
        """The agent's program calls its session `native`: whatever another witness tells of that one is told by us."""
        event = e.SessionForked(
            source="conductor", happened_at=self._journal.now(), session=native, cause=self._cause,
            parent=str(self._about["session"]), shared=0,
        )  # fmt: skip
        if self._journal.fenced is None:
            self._journal.log.observe([witnessed(event)])  # a session taken up again belongs to whoever had it first

    def closed(self, why: str) -> None:
        """The agent's program has ended; calls that it left unanswered were interrupted."""
        for call in list(self._open):
            self.returned(call, "interrupted", error=why)


def interrupt_left(journal: Journal, about: dict[str, Any], outer: str, why: str) -> None:
    """Calls that an agent's program, the call `outer`, had left open when the conductor ended were interrupted."""
    past = journal.all_past()
    answered = {fact.call for fact in past if isinstance(fact, e.ToolReturned)}
    within = {f"tool-{outer}@1"}
    for fact in past:
        if not isinstance(fact, e.ToolCalled) or fact.cause not in within:
            continue
        within.add(place := f"tool-{fact.call}@1")
        if fact.call not in answered:
            event = e.ToolReturned(
                **about, happened_at=journal.now(), cause=place, call=fact.call, status="interrupted", error=why
            )
            journal.write([event])


def whole(value: Any) -> int:
    """A count from outside; 0 for what is none."""
    return min(value, MOST_COUNTED) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0

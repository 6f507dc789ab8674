"""What is known of one session, as the views give it: plain rows, each with the log positions it rests on.

Times are naive UTC datetimes, durations milliseconds; None is unknown everywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from orchestrion.tui import work

Positions = tuple[int, ...]

ANSWERABLE = frozenset({"assistance_request", "validation_request"})
"""Types of message that ask for an answer."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of an agent."""

    run: str
    agent: str | None
    parent: str | None
    task: str | None
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: float | None
    status: str
    positions: Positions = ()
    next_agents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call; `params` is a hash of its parameters, `file` the file they name."""

    call: str
    run: str | None
    agent: str | None
    tool: str
    mcp_server: str | None
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: float | None
    status: str
    params: str | None = None
    file: str | None = None
    shared_from: str | None = None
    """Another agent's call whose answer this one was given."""
    positions: Positions = ()


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `run` is the sender's, `to_run` the only recipient's, `state` its delivery's; None is unknown."""

    message: str
    sender: str
    recipient: str
    type: str
    priority: str
    text: str
    in_reply_to: str | None
    happened_at: datetime | None
    run: str | None = None
    to_run: str | None = None
    state: str | None = None
    positions: Positions = ()


@dataclass(frozen=True, slots=True)
class Handoff:
    """One handoff, from its offer on."""

    handoff: str
    giver: str
    taker: str
    task: str
    urgency: str
    status: str
    offered_at: datetime | None
    accepted_at: datetime | None
    problems: tuple[str, ...] = ()
    positions: Positions = ()


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern that somebody noticed in this session."""

    pattern: str
    name: str
    type: str
    context: str | None
    confidence: float | None
    agent: str | None
    positions: Positions = ()


@dataclass(frozen=True, slots=True)
class Spending:
    """What the runs of one agent took: time in milliseconds, tokens and micro-dollars of their own model requests.

    Runs that worked side by side count each with its own time. Where no request is known the tokens and the cost are
    None; a cost leaves out the `unpriced` requests.
    """

    agent: str | None
    runs: int
    duration_ms: int | None
    tool_calls: int
    requests: int
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    cost_microdollars: int | None
    unpriced: int
    positions: Positions = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What was planned: task id to (agent, ids it depends on); and how far each phase is."""

    tasks: Mapping[str, tuple[str, tuple[str, ...]]]
    phases: tuple[work.Phase, ...]
    positions: Positions = ()


@dataclass(frozen=True)
class Facts:
    """Everything known of one session up to its position `last`, whose first is `first`."""

    session: str
    source: str | None
    project: str | None
    request: str | None
    started_at: datetime | None
    ended_at: datetime | None
    status: str
    tokens: Mapping[str, int | None]
    runs: tuple[Run, ...] = ()
    calls: tuple[Call, ...] = ()
    messages: tuple[Message, ...] = ()
    handoffs: tuple[Handoff, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    spending: tuple[Spending, ...] = ()
    plan: Plan | None = None
    first: int = 0
    last: int = 0
    bounds: Positions = ()
    """Positions of the session's own start and end."""
    end_known: bool = False
    """Whether an event tells that the session ended: an import has a state without it."""
    usage: Positions = ()

    @cached_property
    def by_run(self) -> dict[str, Run]:
        """Runs by their id."""
        return {run.run: run for run in self.runs}

    @cached_property
    def last_seen(self) -> datetime | None:
        """The latest time in the session: an open run is known to have lasted until then."""
        times = [self.started_at, self.ended_at]
        for run in self.runs:
            times += (run.started_at, run.ended_at)
        for call in self.calls:
            times += (call.started_at, call.ended_at)
        times += [message.happened_at for message in self.messages]
        return max((at for at in times if at is not None), default=None)

    def ancestors(self, run: str) -> set[str]:
        """Ids of the runs above `run`; a loop in the data ends the climb."""
        return work.ancestors(run, {each.run: each.parent for each in self.runs})

    def linked(self, one: Run, other: Run) -> bool:
        """Whether the log shows something that went from `one` to `other`: kinship, plan, handoff or message."""
        if one.run in self.ancestors(other.run) or other.run in self.ancestors(one.run):
            return True
        pair = (one.agent, other.agent)
        handed = any((handoff.giver, handoff.taker) == pair for handoff in self.handoffs)
        said = any(m.sender == one.agent and m.recipient in (other.agent, "all") for m in self.messages)
        return handed or said or self._planned_after(one, other)

    def _planned_after(self, one: Run, other: Run) -> bool:
        if self.plan is None:
            return False
        tasks = self.plan.tasks
        wanted = {task for task, (agent, _) in tasks.items() if agent == one.agent}
        todo = [task for task, (agent, _) in tasks.items() if agent == other.agent]
        seen: set[str] = set()
        while todo:
            task = todo.pop()
            if task in seen or task not in tasks:
                continue
            seen.add(task)
            if wanted & set(tasks[task][1]):
                return True
            todo += tasks[task][1]
        return False

"""Whether a run may call a tool or ask a model once more: budgets of the run and of the session, and a stop for loops.

Money needs prices (`ports.Prices`). A budget of money that cannot be kept, because a model's price is not known, ends
the run as one that is spent does: what is not known is never taken for nothing.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from orchestrion.agents.limits import Limits
from orchestrion.domain.events import Event, RunStatus, ToolCalled, UsageRecorded
from orchestrion.domain.ports import Prices

COUNTED = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
"""Fields of a usage; the sum of them is what a budget of tokens counts."""


@dataclass
class Stopped(Exception):
    """A limit ends a run before its next call; `subject` is the run or the session whose limit it is."""

    status: RunStatus
    limit: str
    allowed: float
    reached: float
    subject: str
    reason: str


class Spending:
    """Tool calls, tokens and US dollars so far, of one run or session; of a model request the largest observation."""

    def __init__(self, prices: Prices | None) -> None:
        self._prices = prices
        self._requests: dict[str, UsageRecorded] = {}
        self.calls, self.tokens, self.cost = 0, 0, 0.0
        self.unpriced: str | None = None
        """A model that was used and whose price is not known."""

    def add(self, usage: UsageRecorded) -> None:
        """A model request used this much."""
        before = self._requests.get(usage.request_id)
        after = usage if before is None else _larger(before, usage)
        self._requests[usage.request_id] = after
        self.tokens += _tokens(after) - (_tokens(before) if before else 0)
        self.cost += self._price(after) - (self._price(before) if before else 0)

    def stopped(self, limits: "Allowed") -> Stopped | None:
        """Which of `limits` does not allow another call or request, if one does not."""
        who, prefix = ("it", "agent") if limits.is_run else ("the session", "session")
        if limits.calls is not None and self.calls >= limits.calls:
            said = f"{who} has made all of its {limits.calls} tool calls"
            return Stopped("budget", f"{prefix}ToolCalls", limits.calls, self.calls, limits.subject, said)
        if limits.tokens is not None and self.tokens >= limits.tokens:
            said = f"{who} has used {self.tokens} tokens and may use {limits.tokens}"
            return Stopped("budget", f"{prefix}Tokens", limits.tokens, self.tokens, limits.subject, said)
        if limits.cost is None:
            return None
        name = f"{prefix}Cost"
        if self.cost >= limits.cost:
            said = f"{who} has cost ${self.cost:.4f} and may cost ${limits.cost:g}"
            return Stopped("budget", name, limits.cost, self.cost, limits.subject, said)
        if self.unpriced is not None:
            said = f"{who} has a budget of ${limits.cost:g}, and the price of the model {self.unpriced} is not known"
            return Stopped("budget", name, limits.cost, self.cost, limits.subject, said)
        return None

    def _price(self, usage: UsageRecorded) -> float:
        price = self._prices.cost(usage) if self._prices else None
        if price is None:
            self.unpriced = usage.model or "that was not named"
        return price or 0.0


@dataclass(frozen=True)
class Allowed:
    """What `subject`, a run or a session, may spend."""

    subject: str
    is_run: bool
    calls: int | None
    tokens: int | None
    cost: float | None


class SessionBudget:
    """What all runs of `session` spend together."""

    def __init__(self, session: str, limits: Limits, prices: Prices | None = None) -> None:
        self.session, self.limits, self.prices = session, limits, prices
        self.spending = Spending(prices)
        self._allowed = Allowed(
            session, False, limits.session_tool_calls, limits.session_tokens, limits.session_cost
        )  # fmt: skip

    def stopped(self) -> Stopped | None:
        """Why nobody may call anything any more, if so."""
        return self.spending.stopped(self._allowed)

    def recall(self, facts: Iterable[Event]) -> None:
        """Runs that had ended before the session was resumed have spent this."""
        for fact in facts:
            if isinstance(fact, ToolCalled):
                self.spending.calls += 1
            elif isinstance(fact, UsageRecorded):
                self.spending.add(fact)


class RunBudget:
    """What one run spends, counted with its session's."""

    def __init__(self, run: str, session: SessionBudget) -> None:
        limits = session.limits
        self._session, self._limits = session, limits
        self._spending = Spending(session.prices)
        self._allowed = Allowed(run, True, limits.agent_tool_calls, limits.agent_tokens, limits.agent_cost)
        self._repeated = 0
        self._last: str | None = None

    def allow(self) -> None:
        """Raises Stopped if a budget is spent: before a call, and before a model is asked."""
        stopped = self._session.stopped() or self._spending.stopped(self._allowed)
        if stopped is not None:
            raise stopped

    def use(self, usage: UsageRecorded) -> None:
        """A model request used this much; it is known only afterwards, so the next one may be refused."""
        self._spending.add(usage)
        self._session.spending.add(usage)

    def spend(self, tool: str, params: Any) -> None:
        """One more call. Raises Stopped instead if a limit is reached."""
        self.allow()
        said = f"{tool} {json.dumps(params, sort_keys=True, default=str)}"
        self._repeated = self._repeated + 1 if said == self._last else 1
        if self._repeated > self._limits.loop_calls:
            most = self._limits.loop_calls
            reason = f"it is in a loop: it called {tool} {most} times in a row with the same parameters, and once more"
            raise Stopped("loop", "loopCalls", most, self._repeated, self._allowed.subject, reason)
        self._last = said
        self._spending.calls += 1
        self._session.spending.calls += 1


def _larger(one: UsageRecorded, other: UsageRecorded) -> UsageRecorded:
    counts = {name: max(getattr(one, name), getattr(other, name)) for name in COUNTED}
    return other.model_copy(update=counts | {"model": other.model or one.model})


def _tokens(usage: UsageRecorded) -> int:
    return sum(getattr(usage, name) for name in COUNTED)

"""Whether a run may call a tool or ask a model once more: budgets of run and session, and a stop for loops."""

import json
from collections.abc import Iterable
from typing import Any

from orchestrion.agents.limits import Limits
from orchestrion.domain.events import Event, ToolCalled, UsageRecorded
from orchestrion.domain.ports import Prices
from orchestrion.domain.spending import Allowed, Spending, Stopped


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

"""Whether a run may call a tool once more: budgets of the run and of the session, and a stop for loops."""

import json
from dataclasses import dataclass
from typing import Any

from orchestrion.agents.limits import Limits
from orchestrion.domain.events import RunStatus


@dataclass
class Stopped(Exception):
    """A limit ends a run before its next call; `subject` is the run or the session whose limit it is."""

    status: RunStatus
    limit: str
    allowed: float
    reached: float
    subject: str
    reason: str


@dataclass
class SessionBudget:
    """Calls of all runs of `session` so far."""

    session: str
    limits: Limits
    calls: int = 0

    @property
    def spent(self) -> bool:
        """Whether nobody may call anything any more."""
        return self.limits.session_tool_calls is not None and self.calls >= self.limits.session_tool_calls

    def stop(self) -> Stopped:
        """What ends a run when the session's budget is spent."""
        allowed = self.limits.session_tool_calls or 0
        reason = f"the session has made all of its {allowed} tool calls"
        return Stopped("budget", "sessionToolCalls", allowed, self.calls, self.session, reason)


class RunBudget:
    """Calls of one run, counted with those of its session."""

    def __init__(self, run: str, session: SessionBudget) -> None:
        self._run, self._session, self._limits = run, session, session.limits
        self._calls, self._repeated = 0, 0
        self._last: str | None = None

    def spend(self, tool: str, params: Any) -> None:
        """One more call. Raises Stopped instead if a limit is reached."""
        if self._session.spent:
            raise self._session.stop()
        allowed = self._limits.agent_tool_calls
        if allowed is not None and self._calls >= allowed:
            reason = f"it has made all of its {allowed} tool calls"
            raise Stopped("budget", "agentToolCalls", allowed, self._calls, self._run, reason)
        said = f"{tool} {json.dumps(params, sort_keys=True, default=str)}"
        self._repeated = self._repeated + 1 if said == self._last else 1
        if self._repeated > self._limits.loop_calls:
            most = self._limits.loop_calls
            reason = f"it is in a loop: it called {tool} {most} times in a row with the same parameters, and once more"
            raise Stopped("loop", "loopCalls", most, self._repeated, self._run, reason)
        self._last = said
        self._calls += 1
        self._session.calls += 1

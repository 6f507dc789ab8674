"""What a run or session has spent, and whether a budget allows it one more act: a call, or a model request.

Money needs prices (`ports.Prices`). A budget of money that cannot be kept, because a model's price is not known, ends
the run as one that is spent does: what is not known is never taken for nothing.
"""

from dataclasses import dataclass

from orchestrion.domain.events import RunStatus, UsageRecorded
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


def _larger(one: UsageRecorded, other: UsageRecorded) -> UsageRecorded:
    counts = {name: max(getattr(one, name), getattr(other, name)) for name in COUNTED}
    return other.model_copy(update=counts | {"model": other.model or one.model})


def _tokens(usage: UsageRecorded) -> int:
    return sum(getattr(usage, name) for name in COUNTED)

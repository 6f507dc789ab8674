"""Help on request: it goes to the most able agent that has nothing to do, and waits for one, or expires."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from orchestrion.agents.exchange import CONDUCTOR, Instance
from orchestrion.agents.post import WAIT_SECONDS, Letter, Post
from orchestrion.domain.errors import NotFound, RuleBroken
from orchestrion.domain.events import MessageSent

ASSISTANCE_SECONDS = 60.0
IMMEDIATE = "immediate"
"""The specification's word for the highest urgency."""
STARTS_A_RUN = frozenset({"high", "critical"})
"""Urgencies at which a new run may be started where nobody able is idle: by the asker's program (`start`), else by the
conductor, if the session has one, which then gets the request."""

Start = Callable[[str], str | None]
"""Begins a run that has a capability and says which, if it can."""


@dataclass
class Plea:
    """A request for help: it waits `seconds` for somebody able and idle, who then has as long to take it."""

    post: Post
    sender: str
    capability: str
    context: Any
    urgency: str = "normal"
    seconds: float = ASSISTANCE_SECONDS
    start: Start | None = None

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + self.seconds
        if self.urgency == IMMEDIATE:
            self.urgency = "critical"

    @property
    def left(self) -> float:
        """Seconds it still waits."""
        return max(0.0, self._deadline - time.monotonic())

    def ask(self) -> MessageSent | None:
        """Ask whoever is the most able and idle now; None if nobody is. Raises as `Post.send` does."""
        helper = self._helper()
        if helper is None and self.start is None and self.urgency in STARTS_A_RUN and self._is_conducted():
            return self.post.send(self.sender, CONDUCTOR, self._letter())
        if helper is None and self.start is not None and self.urgency in STARTS_A_RUN:
            start, self.start = self.start, None
            run = start(self.capability)
            self.post.exchange.catch_up()
            helper = self.post.exchange.live.get(run or "")
        return None if helper is None else self.post.send(self.sender, helper.run, self._letter())

    def give_up(self) -> NoReturn:
        """Nobody came: the request is kept as expired, and the asker is told by NotFound."""
        able = self.post.exchange.able(self.capability, but=self.sender)
        what = "everybody with the capability {!r} was busy" if able else "nobody has the capability {!r}"
        reason = f"{what.format(self.capability)}, for the {self.seconds:g} s that the request for help was to wait"
        self.post.dead_letter(self.sender, self.capability, self._letter(), NotFound(reason))

    def _helper(self) -> Instance | None:
        exchange = self.post.exchange
        exchange.catch_up()
        if exchange.ended:
            raise RuleBroken(f"the session {self.post.session} has ended; nobody can be asked for help in it")
        return next((each for each in exchange.able(self.capability, but=self.sender) if each.idle), None)

    def _is_conducted(self) -> bool:
        return bool(self.post.log.read_stream(f"lease-{self.post.session}"))

    def _letter(self) -> Letter:
        payload = {"capability": self.capability, "context": self.context}
        return Letter("assistance_request", payload, self.urgency, seconds=self.seconds or ASSISTANCE_SECONDS)


def request_assistance(
    post: Post,
    sender: str,
    capability: str,
    context: Any,
    urgency: str = "normal",
    *,
    seconds: float = ASSISTANCE_SECONDS,
    start: Start | None = None,
) -> MessageSent:
    """Ask the most able idle agent for help, waiting for one (see `Plea`); the request that was sent to it.

    Never the asker. Raises NotFound when nobody able was idle in time, RuleBroken for a sender that is not there.
    """
    plea = Plea(post, sender, capability, context, urgency, seconds, start)
    while (sent := plea.ask()) is None:
        if not plea.left:
            plea.give_up()
        post.log.wait(post.exchange.position, min(plea.left, WAIT_SECONDS))
    return sent

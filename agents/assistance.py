"""Help on request: it goes to the most able agent that has nothing to do, and waits for one, or expires."""

import time
from collections.abc import Callable
from typing import Any

from orchestrion.agents.exchange import Instance
from orchestrion.agents.post import WAIT_SECONDS, Letter, Post
from orchestrion.domain.errors import NotFound, RuleBroken
from orchestrion.domain.events import MessageSent

ASSISTANCE_SECONDS = 60.0
IMMEDIATE = "immediate"
"""The specification's word for the highest urgency."""
STARTS_A_RUN = frozenset({"high", "critical"})
"""Urgencies at which a new run may be started where nobody able is idle."""


def request_assistance(
    post: Post,
    sender: str,
    capability: str,
    context: Any,
    urgency: str = "normal",
    *,
    seconds: float = ASSISTANCE_SECONDS,
    start: Callable[[str], str | None] | None = None,
) -> MessageSent:
    """Ask the most able idle agent for help, waiting up to `seconds` for one; the request that was delivered to it.

    `start` begins a run for a capability and says which; it is asked once, if the urgency allows it. The request
    expires `seconds` after it was asked. Raises NotFound when nobody able was idle in time, with the request kept as
    expired; RuleBroken for a sender that is not there.
    """
    priority = "critical" if urgency == IMMEDIATE else urgency
    deadline = time.monotonic() + seconds
    helper = _idle(post, sender, capability)
    if helper is None and start is not None and priority in STARTS_A_RUN:
        run = start(capability)
        post.exchange.catch_up()
        helper = post.exchange.live.get(run or "")
    while helper is None and (left := deadline - time.monotonic()) > 0:
        post.log.wait(post.exchange.position, min(left, WAIT_SECONDS))
        helper = _idle(post, sender, capability)
    left = max(0.0, deadline - time.monotonic())
    payload = {"capability": capability, "context": context}
    letter = Letter("assistance_request", payload, priority, seconds=left)
    if helper is None:
        post.dead_letter(sender, capability, letter, _nobody(post, sender, capability, seconds))
    return post.send(sender, helper.run, letter)


def _idle(post: Post, sender: str, capability: str) -> Instance | None:
    post.exchange.catch_up()
    if post.exchange.ended:
        raise RuleBroken(f"the session {post.session} has ended; nobody can be asked for help in it")
    return next((each for each in post.exchange.able(capability, but=sender) if each.idle), None)


def _nobody(post: Post, sender: str, capability: str, seconds: float) -> NotFound:
    able = post.exchange.able(capability, but=sender)
    what = f"everybody with the capability {capability!r} was busy" if able else f"nobody has {capability!r}"
    return NotFound(f"{what} for the {seconds:g} s that the request for assistance was to wait")

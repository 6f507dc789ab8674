"""Finds a run that can help another: the most able that has nothing to do, waited for."""

import asyncio

from orchestrion.agents.assistance import ASSISTANCE_SECONDS, STARTS_A_RUN
from orchestrion.agents.bus import Bus
from orchestrion.agents.exchange import CONDUCTOR
from orchestrion.domain.errors import NotFound
from orchestrion.domain.events import Priority

LOOK_SECONDS = 0.25
"""Between two looks for somebody idle."""


async def helper_for(
    bus: Bus, run: str, capability: str, urgency: Priority, seconds: float = ASSISTANCE_SECONDS
) -> str:
    """Whom `run` may ask: a run, or the conductor where nobody is idle and the urgency lets it start one.

    Raises NotFound at once if nobody is able, or if nobody was idle for `seconds`.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while True:
        able = bus.able(capability, but=run)
        if idle := next((each for each in able if each.idle), None):
            return idle.run
        if urgency in STARTS_A_RUN:
            return CONDUCTOR
        if not able:
            raise NotFound(f"nobody with the capability {capability!r} is at work in this session")
        if loop.time() >= until:
            raise NotFound(f"everybody with the capability {capability!r} was busy, for {seconds:g} s")
        await asyncio.sleep(LOOK_SECONDS)

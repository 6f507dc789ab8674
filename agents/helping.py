"""Finds a run that can help another: the most able that has nothing to do, waited for."""

import asyncio

from orchestrion.agents.assistance import ASSISTANCE_SECONDS
from orchestrion.agents.bus import Bus
from orchestrion.agents.exchange import Instance
from orchestrion.domain.errors import NotFound

LOOK_SECONDS = 0.25
"""Between two looks for somebody idle."""


async def helper_for(bus: Bus, run: str, capability: str, seconds: float = ASSISTANCE_SECONDS) -> Instance:
    """Who may be asked by `run`. Raises NotFound at once if nobody is able, or if nobody was idle for `seconds`."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while True:
        able = bus.able(capability, but=run)
        if not able:
            raise NotFound(f"nobody with the capability {capability!r} is at work in this session")
        if idle := next((each for each in able if each.idle), None):
            return idle
        if loop.time() >= until:
            raise NotFound(f"everybody with the capability {capability!r} was busy, for {seconds:g} s")
        await asyncio.sleep(LOOK_SECONDS)

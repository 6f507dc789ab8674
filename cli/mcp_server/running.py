"""Starts the server for the command line, and says where it is."""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from importlib import metadata
from typing import Any

from orchestrion.cli.mcp_server.serving import over_http, over_stdio
from orchestrion.cli.show import out, say
from orchestrion.cli.wiring import Home


def serve(home: Home, *, http: bool, host: str, port: int) -> None:
    """Serve until the client goes, or Ctrl-C. Raises Refused, RuleBroken, LogUnavailable."""
    version = metadata.version("orchestrion")
    if not http:
        asyncio.run(_until_told(over_stdio(home, version)))
        return

    def ready(address: str, token: str) -> None:
        out(address)
        say(f"Authorization: Bearer {token}")
        say("Put both into .mcp.json (docs/mcp.md); Ctrl-C ends it.")

    with contextlib.suppress(KeyboardInterrupt):  # the way to end it
        asyncio.run(_until_told(over_http(home, version, host=host, port=port, ready=ready)))
    say("The MCP server has ended.")


async def _until_told(serving: Coroutine[Any, Any, None]) -> None:
    """Serve; told to terminate, leave in order, so that the ends of runs are in the log."""
    task = asyncio.ensure_future(serving)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            raise

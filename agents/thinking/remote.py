"""The tools of MCP servers in the hands of a model: approved where they may change something, called by the pool."""

from typing import Any

from orchestrion.agents.calling import Answer
from orchestrion.agents.mcp.tools import RemoteTool
from orchestrion.agents.permissions import permitted
from orchestrion.agents.thinking.toolbox import Seat, refused, told

MAX_DESCRIPTION_LETTERS = 2_000
"""Of what a server says of its tool."""


async def remote_tools_of(seat: Seat) -> list[RemoteTool]:
    """What the agent may call of its servers. One that does not answer is a fact of the pool's, and not there."""
    pool = seat.work.servers
    return await pool.tools_of(seat.work.agent) if pool is not None else []


def described(tool: RemoteTool, seat: Seat) -> str:
    """What the model is told of the tool: the server's words, as data."""
    return seat.fence.quote(tool.description[:MAX_DESCRIPTION_LETTERS], f"description by the server {tool.server}")


async def use_remote(tool: RemoteTool, seat: Seat, given: dict[str, Any]) -> str:
    """Call `tool` as the model asked; what the model is told. Raises Stopped and Lost (see `Desk`)."""
    pool, name = seat.work.servers, tool.full_name
    if pool is None:
        return f"error: there is no server {tool.server}"
    if not permitted(seat.work.agent, name, harmless=tool.read_only):
        word = await seat.desk.approval(name, given, reason=f"the server {tool.server} may change something by it")
        if word.verdict != "approved":
            call = seat.desk.called(name, given, tool.server)
            answer = Answer("denied", refused(word))
            if seat.desk.recall(call, idempotent=True) is None:
                seat.desk.returned(call, "denied", error=answer.error)
            return told(answer, seat, name)
    return told(await pool.call(tool, given, seat.desk), seat, name)

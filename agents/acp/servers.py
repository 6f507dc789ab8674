"""The MCP servers of an agent's file, as an agent of the protocol is told of them: it calls them by itself."""

import shutil
from typing import Any

from acp import schema as s

from orchestrion.agents.mcp.servers import servers_of
from orchestrion.agents.runner import Work


def servers_for(work: Work, capabilities: Any) -> tuple[list[Any], dict[str, str]]:
    """The servers to name at the session's start, and why others are not, by name.

    A server that must have one owner (`oneAtATime`, the memory server) stays ours: two of them would lose what is kept.
    """
    told: list[Any] = []
    left_out: dict[str, str] = {}
    known = work.servers.servers if work.servers is not None else {}
    for name in servers_of(work.agent, known):  # type: ignore[arg-type]  # an empty mapping has none
        config = known[name]
        if config.one_at_a_time:
            left_out[name] = "it must have one owner"
        elif config.url is None:
            command = config.command or ""
            env = [s.EnvVariable(name=each, value=value) for each, value in config.env.items()]
            told.append(
                s.McpServerStdio(name=name, command=shutil.which(command) or command, args=list(config.args), env=env)
            )
        elif capabilities is not None and capabilities.mcp_capabilities and capabilities.mcp_capabilities.http:
            headers = [s.HttpHeader(name=each, value=value) for each, value in config.headers.items()]
            told.append(s.HttpMcpServer(type="http", name=name, url=config.url, headers=headers))
        else:
            left_out[name] = "the agent does not speak to servers over HTTP"
    return told, left_out

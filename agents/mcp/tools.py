"""What a server's tools are, whether that changed since they were seen last, and how both are told."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from orchestrion.agents.mcp.config import ServerConfig

if TYPE_CHECKING:
    from mcp_types import Tool

_NAME = re.compile(r"^[A-Za-z0-9_.-]{1,128}$")
DESCRIPTION_CHARACTERS = 20_000
SCHEMA_CHARACTERS = 200_000
SEEN, CHANGED = "mcp_tools_seen", "mcp_tools_changed"
"""Types of incident: a server's tools as they were seen, and that they are not what they were."""


@dataclass(frozen=True)
class RemoteTool:
    """A tool of an MCP server. `description` and `schema` (of its parameters) are the server's words: data."""

    server: str
    name: str
    description: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    read_only: bool = False
    """It says, or its server's entry does, that it changes nothing."""
    idempotent: bool = False

    @property
    def full_name(self) -> str:
        """As Claude Code writes it, and the log: `mcp__server__tool`."""
        return f"mcp__{self.server}__{self.name}"

    @property
    def print(self) -> str:
        """The same for the same tool: a hash of all that an agent is told of it."""
        told = json.dumps([self.description, self.schema, self.read_only, self.idempotent], sort_keys=True, default=str)
        return sha256(told.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def remote_tools(config: ServerConfig, listed: "Iterable[Tool]") -> tuple[list[RemoteTool], list[str]]:
    """The tools that can be used, and what is wrong with the others."""
    tools: dict[str, RemoteTool] = {}
    problems: list[str] = []
    for tool in listed:
        problem = _problem(tool, tools)
        if problem:
            problems.append(f"{tool.name[:80]!r} {problem}")
            continue
        hints = tool.annotations
        read_only = tool.name in config.read_only or bool(hints and hints.read_only_hint)
        tools[tool.name] = RemoteTool(
            config.name,
            tool.name,
            tool.description or "",
            tool.input_schema,
            read_only,
            read_only or bool(hints and hints.idempotent_hint),
        )
    return list(tools.values()), problems


def changes(before: Mapping[str, Any], tools: Iterable[RemoteTool]) -> dict[str, list[str]]:
    """Names of tools that were `added`, `removed` or `changed` since they had the prints `before`."""
    now = {tool.name: tool.print for tool in tools}
    found = {
        "added": [name for name in now if name not in before],
        "removed": [name for name in before if name not in now],
        "changed": [name for name, print_ in now.items() if before.get(name, print_) != print_],
    }
    return {what: sorted(names) for what, names in found.items() if names}


def _problem(tool: "Tool", before: Mapping[str, RemoteTool]) -> str | None:
    if not _NAME.match(tool.name):
        return "is no name for a tool"
    if tool.name in before:
        return "is listed twice"
    if len(tool.description or "") > DESCRIPTION_CHARACTERS:
        return f"has a description of more than {DESCRIPTION_CHARACTERS} characters"
    if len(json.dumps(tool.input_schema, default=str)) > SCHEMA_CHARACTERS:
        return f"has a schema of more than {SCHEMA_CHARACTERS} characters"
    return None

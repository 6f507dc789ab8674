"""Whether an agent of the protocol may do what it asks for: by its file, else by a person."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.permissions import EVERYTHING, RUN, has, own_name, permitted

Answer = Literal["allow", "ask", "deny"]
KINDS: Mapping[str, str] = {
    "read": "read_file",
    "search": "search",
    "edit": "edit_file",
    "delete": "write_file",
    "move": "write_file",
    "execute": RUN,
}
"""Kinds of calls of the protocol, as the tools of an agent's file."""
HARMLESS = frozenset({"read", "search", "think"})
WRITING = frozenset({"edit", "delete", "move"})


def answer(
    agent: AgentDefinition, kind: str, tool: str, *, paths: Sequence[str] = (), command: str | None = None
) -> tuple[Answer, str]:
    """What the agent's file says of such a call, and by which rule.

    `tools` is what it has; the key `approval` names tools or kinds that a person must approve, or `none`. Without it
    reading is allowed, writing if the agent writes files, a command if `tools` names it (`Bash(pytest:*)`), both within
    the workspace; anything else is asked for.
    """
    own = KINDS.get(kind)
    if own is not None and not has(agent, own):
        return "deny", f"its file gives it no tool to {kind}"
    if agent.approval is not None:
        named = {own_name(each) for each in agent.approval}
        asked = bool(named & {*EVERYTHING, kind, tool, own_name(tool), own or kind})
        return ("ask", "its file names it under 'approval'") if asked else ("allow", "its file asks for no approval")
    outside = any(Path(path).is_absolute() or ".." in Path(path).parts for path in paths)
    rules = (
        (command is not None and permitted(agent, RUN, command), "its file names this command"),
        (kind in HARMLESS and not outside, "it changes nothing"),
        (kind in WRITING and bool(agent.writes) and not outside, "the agent writes files"),
    )
    return next((("allow", rule) for holds, rule in rules if holds), ("ask", "nothing in its file allows it"))

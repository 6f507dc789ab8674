"""What a thinking agent's file lets it do by itself: `tools` is what it has, `approval` what a person must approve."""

import shlex

from orchestrion.agents.definition import AgentDefinition

RUN = "run_command"
CLAUDE_NAMES = {
    "read": "read_file", "notebookread": "read_file", "glob": "list_files", "ls": "list_files", "grep": "search",
    "edit": "edit_file", "multiedit": "edit_file", "write": "write_file", "notebookedit": "write_file", "bash": RUN,
}  # fmt: skip
"""Claude Code's tools, in small letters, to ours."""
EVERYTHING = frozenset({"*", "all"})
NOTHING = "none"
WRITERS = frozenset({"edit_file", "write_file"})
OURS = frozenset(CLAUDE_NAMES.values())


def own_name(tool: str) -> str:
    """A tool's name here: `Bash(pytest:*)` is `run_command`, `mcp__memory__read` stays what it is."""
    bare = tool.partition("(")[0].strip()
    return CLAUDE_NAMES.get(bare.lower(), bare)


def has(agent: AgentDefinition, tool: str) -> bool:
    """Whether the agent has a tool: what its key `tools` names, or any if that names none of ours or is absent."""
    named = {own_name(each) for each in agent.tools}
    return not named or bool(named & EVERYTHING) or tool in named


def permitted(agent: AgentDefinition, tool: str, command: str | None = None, *, harmless: bool = False) -> bool:
    """Whether a call needs nobody's approval.

    By default running a command does, and a tool of an MCP server that is not declared read-only (`harmless`). The key
    `approval` names the tools that do instead, or `none`. A command that `tools` names (`Bash(pytest:*)`) is permitted.
    """
    if command is not None and any(_covers(each, command) for each in agent.tools if own_name(each) == RUN):
        return True
    if agent.approval is not None:
        named = {own_name(each) for each in agent.approval}
        return not named & {*EVERYTHING, tool}
    return tool != RUN and (harmless or tool in OURS or not tool.startswith("mcp__"))


def _covers(rule: str, command: str) -> bool:
    """Whether `Bash(git diff:*)` or `Bash(make test)` names the command, by whole words: there is no shell."""
    if "(" not in rule or not rule.rstrip().endswith(")"):
        return False
    text = rule.partition("(")[2].rstrip()[:-1]
    try:
        wanted, given = shlex.split(text.removesuffix(":*")), shlex.split(command)
    except ValueError:
        return False
    if not wanted:
        return text == "*"
    return given[: len(wanted)] == wanted if text.endswith(":*") else given == wanted

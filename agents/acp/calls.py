"""Tool calls of an agent of the protocol: what it tells of each, piece by piece, becomes one call and its answer."""

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acp.schema import (
    ContentToolCallContent,
    FileEditToolCallContent,
    TerminalToolCallContent,
    ToolCall,
    ToolCallUpdate,
)

from orchestrion.agents.acp.terminals import Terminals
from orchestrion.agents.ear import Ear
from orchestrion.agents.streams.stream import mapping, text

CLAUDE_ID = "toolu_"
"""Claude Code's own ids are unique everywhere; those of others within their session."""
MAX_DIFFED = 400_000
"""Letters of a file, at most, whose change is told line by line."""
_SERVER = re.compile(r"mcp__(.+?)__")


@dataclass
class Told:
    """What is known of one call so far."""

    name: str
    """As our facts call it."""
    title: str = ""
    kind: str = "other"
    tool: str = "other"
    input: Any = None
    output: Any = None
    content: list[Any] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    denied: bool = False

    @property
    def params(self) -> dict[str, Any]:
        """As a call's parameters."""
        told = {"title": self.title, "kind": self.kind, "input": self.input, "paths": self.paths}
        return {name: value for name, value in told.items() if value not in (None, "", [])}


class Calls:
    """The calls of one session, each once, however often it is updated."""

    def __init__(self, ear: Ear, run: str, workspace: Path, terminals: Terminals) -> None:
        self._ear, self._run, self._workspace, self._terminals = ear, run, workspace, terminals
        self._told: dict[str, Told] = {}

    def hear(self, update: ToolCall | ToolCallUpdate) -> Told:
        """Take what `update` says: a call is told when it is first heard of, its answer when it has ended."""
        told = self._told.get(update.tool_call_id)
        new = told is None
        if told is None:
            own = update.tool_call_id.startswith(CLAUDE_ID)
            told = Told(update.tool_call_id if own else f"{self._run}/{update.tool_call_id}")
            self._told[update.tool_call_id] = told
        self._take_in(told, update)
        if new:
            server = _SERVER.match(told.tool)
            self._ear.called(told.name, told.tool, told.params, mcp_server=server[1] if server else None)
        if update.status in {"completed", "failed"}:
            self._end(told, failed=update.status == "failed")
        return told

    def _take_in(self, told: Told, update: ToolCall | ToolCallUpdate) -> None:
        told.title = update.title or told.title
        told.kind = update.kind or told.kind
        told.tool = text(mapping(mapping(update.field_meta).get("claudeCode")).get("toolName")) or (
            told.tool if told.tool != "other" else told.kind
        )
        told.input = told.input if update.raw_input is None else update.raw_input
        told.output = told.output if update.raw_output is None else update.raw_output
        told.content = told.content if update.content is None else list(update.content)
        if update.locations:
            told.paths = [self.relative(place.path) for place in update.locations]

    def relative(self, path: str) -> str:
        """`path` as one of the workspace, if it is."""
        for root in (self._workspace, self._workspace.resolve()):
            if Path(path).is_relative_to(root):
                return Path(path).relative_to(root).as_posix()
        return path

    def _end(self, told: Told, *, failed: bool) -> None:
        said = "\n".join(
            each.content.text
            for each in told.content
            if isinstance(each, ContentToolCallContent) and each.content.type == "text"
        )
        result: dict[str, Any] = {
            "text": said,
            "output": told.output,
            "diffs": [self._diff(each) for each in told.content if isinstance(each, FileEditToolCallContent)],
            "terminals": [
                self._terminals.seen(each.terminal_id)
                for each in told.content
                if isinstance(each, TerminalToolCallContent)
            ],
        }
        result = {name: value for name, value in result.items() if value not in (None, "", [])}
        if not failed:
            self._ear.returned(told.name, "ok", result=result or None)
            return
        why = said or (told.output if isinstance(told.output, str) else "") or "it failed and said no more"
        self._ear.returned(told.name, "denied" if told.denied else "error", result=result or None, error=why)

    def _diff(self, edit: FileEditToolCallContent) -> dict[str, Any]:
        path, before, after = self.relative(edit.path), edit.old_text or "", edit.new_text
        if max(len(before), len(after)) > MAX_DIFFED:
            return {"path": path, "letters_before": len(before), "letters_after": len(after)}
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{path}", f"b/{path}", lineterm="")
        return {"path": path, "diff": "\n".join(lines), "new": edit.old_text is None}

"""Reads Claude Code's stream-json: calls and returns, what it says, usage by request, and its result."""

import json
import re
from collections import Counter
from typing import Any

from orchestrion.agents.ear import Ear, Usage, whole
from orchestrion.agents.streams.stream import Result, mapping, text, text_of
from orchestrion.domain.events import CallStatus

FORMAT = "claude-code"
FIELDS = {
    "input_tokens": ("input_tokens", "inputTokens"),
    "output_tokens": ("output_tokens", "outputTokens"),
    "cache_read_tokens": ("cache_read_input_tokens", "cacheReadInputTokens"),
    "cache_write_tokens": ("cache_creation_input_tokens", "cacheCreationInputTokens"),
}
"""Our fields, as they are called in a message's usage and in the result's `modelUsage`."""
SYNTHETIC = "<synthetic>"
_SERVER = re.compile(r"mcp__(.+?)__")
_DENIED = (
    "The user doesn't want to proceed with this tool use",
    "The user doesn't want to take this action",
    "User rejected tool use",
    "Permission to use ",
    "Claude requested permissions to ",
)
_TIMED_OUT = ("Command timed out after",)
_INTERRUPTED = ("[Request interrupted by user", "Interrupted by user", "<tool_use_error>Interrupted")
INCIDENTS = frozenset({"compact_boundary", "api_error", "api_retry"})


class ClaudeStream:
    """One session of Claude Code, as it tells itself."""

    def __init__(self, ear: Ear, usage: Usage) -> None:
        self._ear, self._usage = ear, usage
        self._session: str | None = None
        self._seen: dict[str, dict[str, int]] = {}
        self._models: dict[str, str | None] = {}
        self._said: dict[str, int] = {}
        self.result = Result()

    @staticmethod
    def knows(value: dict[str, Any]) -> bool:
        """Whether `value` is how such a stream begins."""
        if text(value.get("session_id")) is None:
            return False
        return value.get("type") == "system" or (value.get("type") in {"user", "assistant"} and "message" in value)

    def read(self, value: dict[str, Any]) -> str | None:
        """See `Reader`."""
        native = text(value.get("session_id"))
        if native and self._session is None:
            self._session = native
            self._ear.is_session(native)
        kind, message = value.get("type"), mapping(value.get("message"))
        match kind:
            case "assistant":
                return self._assistant(message, value)
            case "user":
                return self._user(message)
            case "result":
                self._ended(value)
                return None
            case "system" if value.get("subtype") in INCIDENTS:
                detail = {name: each for name, each in value.items() if name not in {"type", "uuid", "session_id"}}
                self._ear.noticed(str(value["subtype"]), detail)
                return None
        return f"{kind}/{value['subtype']}" if isinstance(value.get("subtype"), str) else str(kind)

    def close(self) -> None:
        """See `Reader`."""
        self._ear.closed("the agent's program ended before the tool answered")

    def _assistant(self, message: dict[str, Any], line: dict[str, Any]) -> str | None:
        within = text(line.get("parent_tool_use_id"))
        self._count(message)
        told = "empty-assistant"
        for block in map(mapping, _blocks(message)):
            if block.get("type") == "text" and text(block.get("text")):
                self._ear.said(block["text"], name=self._name(line), within=within)
                told = ""
            elif block.get("type") == "tool_use" and (call := text(block.get("id"))):
                tool = text(block.get("name")) or "unknown"
                server = _SERVER.match(tool)
                self._ear.called(
                    call, tool, block.get("input"), mcp_server=server[1] if server else None, within=within
                )
                told = ""
        return told or None

    def _user(self, message: dict[str, Any]) -> str | None:
        answers = [block for block in _blocks(message) if mapping(block).get("type") == "tool_result"]
        for block in answers:
            status, result, error = _outcome(block.get("is_error") is True, text_of(block.get("content")))
            self._ear.returned(str(block.get("tool_use_id")), status, result=result, error=error)
        return None if answers else "prompt"

    def _name(self, line: dict[str, Any]) -> str | None:
        """A message is called after its line, as in the transcript; a second block of it also by its place."""
        uuid = text(line.get("uuid"))
        if uuid is None:
            return None
        place = self._said.get(uuid, 0)
        self._said[uuid] = place + 1
        return f"{uuid}:{place}" if place else uuid

    def _count(self, message: dict[str, Any]) -> None:
        """A message stands on several lines, with figures that grow; of each the largest counts."""
        request, model, figures = text(message.get("id")), text(message.get("model")), mapping(message.get("usage"))
        if request is None or model == SYNTHETIC or not figures:
            return
        before = self._seen.get(request, {})
        seen = {name: max(before.get(name, 0), whole(figures.get(theirs))) for name, (theirs, _) in FIELDS.items()}
        if seen == before:
            return
        self._seen[request], self._models[request] = seen, model
        self._usage(request, model, **seen)

    def _ended(self, value: dict[str, Any]) -> None:
        said = text(value.get("result"))
        bad = bool(value.get("is_error")) or value.get("subtype") != "success"
        errors = "; ".join(str(each) for each in value.get("errors") or ()) if bad else ""
        error = f"Claude Code ended {value.get('subtype')}: {said or errors or 'it gave no reason'}" if bad else None
        keep = ("num_turns", "duration_ms", "duration_api_ms", "total_cost_usd", "permission_denials")
        told = {name: value[name] for name in keep if value.get(name)}
        self.result = Result(said, error, {"claude": told} if told else {}, finished=True)
        self._rest(value)

    def _rest(self, value: dict[str, Any]) -> None:
        """What the whole used beyond the messages: their last figures are not told, and some requests not at all."""
        totals: dict[str | None, Any] = dict(mapping(value.get("modelUsage")).items())
        if not totals or set(self._models.values()) - totals.keys():  # other names than the messages': not to be parted
            totals = {None: _together(totals) or value.get("usage")}
        for model, figures in totals.items():
            seen: Counter[str] = Counter()
            for request, counts in self._seen.items():
                if model is None or self._models[request] == model:
                    seen.update(counts)
            rest = {
                name: max(0, max(whole(mapping(figures).get(each)) for each in theirs) - seen[name])
                for name, theirs in FIELDS.items()
            }
            name = f"rest-{model}" if model else "rest"
            # A session that was taken up has such a rest from before.
            if any(rest.values()) and not self._usage(f"{self._session}/{name}", model, **rest):
                self._usage(f"{self._ear.program}/{name}", model, **rest)


def _blocks(message: dict[str, Any]) -> list[Any]:
    content = message.get("content")
    return content if isinstance(content, list) else [{"type": "text", "text": content}] if text(content) else []


def _together(totals: dict[str | None, Any]) -> dict[str, int]:
    """The usage of several models as one."""
    together: Counter[str] = Counter()
    for figures in totals.values():
        together.update({theirs: whole(mapping(figures).get(theirs)) for _, theirs in FIELDS.values()})
    return dict(together)


def _outcome(failed: bool, said: Any) -> tuple[CallStatus, Any, str | None]:
    """Status, result and error of a return. Denials and interruptions use the flag of errors, and are told by words."""
    if not failed:
        return "ok", said, None
    words = said if isinstance(said, str) else json.dumps(said, default=str)
    start = words.removeprefix("<tool_use_error>").removeprefix("Error: ")
    if start.startswith(_DENIED):
        return "denied", None, words
    if words.startswith(_INTERRUPTED):
        return "interrupted", None, words
    return ("timed_out" if start.startswith(_TIMED_OUT) else "error"), None, words

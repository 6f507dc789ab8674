"""Reads the JSON lines of `codex exec --json`: items that start and end, usage by turn, and how the turn ended."""

from collections.abc import Mapping
from typing import Any

from orchestrion.agents.ear import Ear, Usage, whole
from orchestrion.agents.streams.stream import Result, mapping, text, text_of
from orchestrion.domain.events import CallStatus

FORMAT = "codex"
STATUSES: Mapping[str, CallStatus] = {"failed": "error", "declined": "denied", "in_progress": "interrupted"}
"""How an item ended that did not go well; any other status is `ok`."""
TOOLS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "command_execution": ("shell", ("command",)),
    "file_change": ("apply_patch", ("changes",)),
    "web_search": ("web_search", ("query",)),
    "mcp_tool_call": ("", ("arguments",)),
    "collab_tool_call": ("", ("prompt", "receiver_thread_ids")),
}
"""Types of items that are calls: the tool's name (else `tool` says it), and what it is asked."""


class CodexStream:
    """One thread of Codex. Its items are numbered by each program, so calls are named `<thread>/<item>`, and after the
    program that tells of them where an earlier one of the same thread had that name."""

    def __init__(self, ear: Ear, usage: Usage) -> None:
        self._ear, self._usage = ear, usage
        self._thread, self._turns = "", 0
        self.result = Result()

    @staticmethod
    def knows(value: dict[str, Any]) -> bool:
        """Whether `value` is how such a stream begins."""
        return value.get("type") == "thread.started" and text(value.get("thread_id")) is not None

    def read(self, value: dict[str, Any]) -> str | None:
        """See `Reader`."""
        kind, item = str(value.get("type")), mapping(value.get("item"))
        match kind:
            case "thread.started":
                self._thread = str(value.get("thread_id"))
                self._ear.is_session(self._thread)
            case "turn.started":
                self._turns += 1
            case "turn.completed":
                self._used(mapping(value.get("usage")))
                self.result.error, self.result.finished = None, True
            case "turn.failed" | "error":
                said = mapping(value.get("error")).get("message") or value.get("message") or "it gave no reason"
                self.result.finished, self.result.error = True, f"Codex could not finish: {said}"
                self._ear.noticed("api_error", {"message": said})
            case "item.started" | "item.updated" | "item.completed":
                return self._item(kind, item)
            case _:
                return kind
        return None

    def close(self) -> None:
        """See `Reader`."""
        self._ear.closed("the agent's program ended before the tool answered")

    def _item(self, kind: str, item: dict[str, Any]) -> str | None:
        what = text(item.get("type")) or text(item.get("item_type")) or "item"
        if what in TOOLS and (name := text(item.get("id"))):
            self._call(name, what, item, ended=kind == "item.completed")
            return None
        if kind != "item.completed":
            return f"{kind}/{what}"
        if what in {"agent_message", "assistant_message"} and text(item.get("text")):
            self.result.text = item["text"]
            self._ear.said(item["text"])
            return None
        if what == "error":
            self._ear.noticed("error", {"message": item.get("message")})
            return None
        return what

    def _call(self, name: str, what: str, item: dict[str, Any], *, ended: bool) -> None:
        tool, asked = TOOLS[what]
        call = f"{self._thread}/{name}"
        params = {name: item[name] for name in asked if name in item}
        self._ear.called(
            call,
            tool or text(item.get("tool")) or what,
            params.get("arguments", params),
            mcp_server=text(item.get("server")),
            otherwise=f"{self._ear.program}/{name}",
        )
        if not ended:
            return
        status, code = STATUSES.get(str(item.get("status")), "ok"), item.get("exit_code")
        if status == "ok" and isinstance(code, int) and code != 0:
            status = "error"
        said = mapping(item.get("error")).get("message") or item.get("error")
        result = item.get("aggregated_output") if what == "command_execution" else mapping(item.get("result"))
        if isinstance(result, dict):
            result = text_of(result.get("content")) or result or None
        error = str(said or f"it ended {item.get('status')}") if status != "ok" else None
        self._ear.returned(call, status, result=result, error=error, exit_code=code if isinstance(code, int) else None)

    def _used(self, figures: dict[str, Any]) -> None:
        """A turn's tokens; Codex counts what it read from the cache among its input, we beside it."""
        cached = whole(figures.get("cached_input_tokens"))
        tokens = {
            "input_tokens": max(0, whole(figures.get("input_tokens")) - cached),
            "output_tokens": whole(figures.get("output_tokens")),
            "cache_read_tokens": cached,
        }
        turn = f"turn-{max(1, self._turns)}"
        if any(tokens.values()) and not self._usage(f"{self._thread}/{turn}", None, **tokens):
            self._usage(f"{self._ear.program}/{turn}", None, **tokens)

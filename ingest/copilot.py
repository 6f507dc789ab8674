"""Reads Copilot CLI events: lines of {type, data, id, timestamp, parentId}.

A message names the tokens that came out; what went in stands, if at all, in the figures of the session's shutdown.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestrion.domain import events as e
from orchestrion.ingest.ledger import DUPLICATE
from orchestrion.ingest.telling import HUMAN, MAIN, SessionReader, kind_of, objects, spoken
from orchestrion.ingest.values import count, mapping, moment, text

PLAIN_TYPES = frozenset({
    "system.message", "assistant.turn_start", "assistant.turn_end", "hook.start", "hook.end", "permission.requested",
    "permission.completed", "session.model_change", "session.permissions_changed", "session.info", "session.resume",
    "session.truncation", "system.notification", "assistant.reasoning", "tool.user_requested", "session.mode_changed",
})  # fmt: skip
INCIDENTS = {
    "abort": "interruption",
    "session.error": "api_error",
    "session.warning": "warning",
    "session.compaction_complete": "compaction",
}


class CopilotReader(SessionReader):
    """Reads the lines of one session."""

    product = "copilot"

    def __init__(self) -> None:
        super().__init__()
        self._prompt: str | None = None
        self._out: Counter[str] = Counter()
        self._seen: set[str] = set()

    def line(self, value: dict[str, Any]) -> str:
        """Tell one line."""
        kind, data, key = kind_of(value), mapping(value.get("data")), text(value.get("id"))
        self.at = moment(value.get("timestamp"))
        if kind == "session.start":
            return self._head(data)
        if self.session is None:
            return "no-session"
        if key is None:
            return "no-id"
        if key in self._seen:
            return DUPLICATE
        self._seen.add(key)
        self._belongs(data)
        return self._told(kind, data, key)

    def _head(self, data: dict[str, Any]) -> str:
        session, context = text(data.get("sessionId")), mapping(data.get("context"))
        if session is None or self.session is not None:
            return "no-session" if session is None else "second-head"
        workspace = text(context.get("cwd"))
        self.begin(
            session,
            workspace=workspace,
            project=(workspace or "").replace("\\", "/").rstrip("/").rpartition("/")[2] or None,
            branch=text(context.get("branch")),
            client=text(data.get("copilotVersion")),
        )
        return ""

    def _belongs(self, data: dict[str, Any]) -> None:
        """Turn to the run that the line at hand belongs to: a subagent's if it names the call that started it."""
        parent = text(data.get("parentToolCallId"))
        run = f"{self.session}/{parent}" if parent else f"{self.session}/{MAIN}"
        self.run, self.agent = (run, None) if parent and run in self._begun else (f"{self.session}/{MAIN}", MAIN)

    def _told(self, kind: str, data: dict[str, Any], key: str) -> str:  # noqa: PLR0911 - one a kind
        match kind:
            case "user.message":
                return self._asked(data, key)
            case "assistant.message":
                return self._answered(data, key)
            case "tool.execution_start" | "tool.execution_complete":
                return self._tool(kind.endswith("_start"), data)
            case "session.shutdown":
                return self._shut(data, key)
        if kind in INCIDENTS:
            self.incident(INCIDENTS[kind], data, key)
            return ""
        if kind.startswith("subagent."):
            return self._agent(kind, data)
        return kind if kind in PLAIN_TYPES else f"unknown:{kind}"

    def _asked(self, data: dict[str, Any], key: str) -> str:
        said = spoken(data.get("content"))
        if not said.strip():
            return "empty-message"
        if self.agent != MAIN:
            return "task-prompt"
        self._prompt = key
        self.say(key, "prompt", HUMAN, MAIN, said)
        return ""

    def _answered(self, data: dict[str, Any], key: str) -> str:
        said, model, out = spoken(data.get("content")), text(data.get("model")), count(data.get("outputTokens"))
        if said.strip():
            own = self.agent == MAIN
            self.say(key, "response", self.agent or "agent", HUMAN if own else "parent", said, in_reply_to=self._prompt)
        if out:
            self._out[model or ""] += out
            request = text(data.get("apiCallId")) or text(data.get("messageId")) or key
            self.tell(e.UsageRecorded, request_id=request, model=model, output_tokens=out)
        return "empty-message"

    def _tool(self, start: bool, data: dict[str, Any]) -> str:
        call = text(data.get("toolCallId"))
        if call is None:
            return "call-without-id"
        if start:
            tool, server = text(data.get("toolName")) or "", text(data.get("mcpServerName"))
            self.call(call, tool, data.get("arguments"), **({"mcp_server": server} if server else {}))
            return ""
        result, error = mapping(data.get("result")), mapping(data.get("error"))
        said = result.get("content", data.get("result")) if data.get("success") is not False else error.get("message")
        status: e.CallStatus = "ok" if data.get("success") is not False else "error"
        self.answer(call, "denied" if error.get("code") in ("denied", "rejected") else status, said)
        return ""

    def _agent(self, kind: str, data: dict[str, Any]) -> str:
        """A subagent's life, named by the call that started it."""
        call, name = text(data.get("toolCallId")), text(data.get("agentName")) or "agent"
        if call is None:
            return kind
        told = {"run": f"{self.session}/{call}", "agent": name}
        match kind:
            case "subagent.started":
                self.join(name, told["run"], parent_call=call, task=text(data.get("agentDescription")))
            case "subagent.completed":
                self.tell(e.AgentCompleted, **told)
            case "subagent.failed":
                self.tell(e.AgentFailed, **told, reason=text(data.get("error")) or "failed")
            case _:
                return kind if kind == "subagent.selected" else f"unknown:{kind}"
        return kind

    def _shut(self, data: dict[str, Any], key: str) -> str:
        """What the session took of each model, less what its messages told. Input includes what came from the cache."""
        for model, metrics in mapping(data.get("modelMetrics")).items():
            usage = mapping(mapping(metrics).get("usage"))
            cached, out = count(usage.get("cacheReadTokens")), count(usage.get("outputTokens"))
            figures = {
                "input_tokens": max(0, count(usage.get("inputTokens")) - cached),
                "output_tokens": max(0, out - self._out[model]),
                "cache_read_tokens": cached,
                "cache_write_tokens": count(usage.get("cacheWriteTokens")),
            }
            if any(figures.values()):
                self.tell(e.UsageRecorded, request_id=f"{key}:{model}", model=model, **figures)
        return "session.shutdown"


class Copilot:
    """The format of the events that Copilot CLI leaves in `~/.copilot/session-state`."""

    name = "copilot"
    parser = CopilotReader.parser
    usual_place: Path | None = Path("~/.copilot/session-state")

    def recognises(self, values: Sequence[Any]) -> bool:
        """Whether one of the first lines starts a session."""
        return any(each.get("type") == "session.start" and "data" in each for each in objects(values))

    def reader(self, companion: dict[str, Any] | None = None) -> CopilotReader:  # noqa: ARG002 - the port's
        """A reader for one file."""
        return CopilotReader()

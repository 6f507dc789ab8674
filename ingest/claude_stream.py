"""Reads what `claude -p --output-format stream-json` (or `json`, with --verbose) prints: a transcript in other words.

Each line is turned into the line that the transcript has of it and read as such, under a parser version of its own:
where a session's transcript is imported as well, it supersedes this. The stream has no times.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrion.domain import events as e
from orchestrion.domain.record import Fact
from orchestrion.ingest.claude_code import ClaudeReader
from orchestrion.ingest.claude_context import MAIN, STREAM
from orchestrion.ingest.claude_runs import identified
from orchestrion.ingest.ledger import RECORDED, ignored
from orchestrion.ingest.telling import kind_of, objects
from orchestrion.ingest.values import mapping, milliseconds, text

PASSING = frozenset(
    {
        "stream_event",
        "rate_limit_event",
        "tool_progress",
        "auth_status",
        "tool_use_summary",
        "prompt_suggestion",
        "keep_alive",
        "control_request",
        "control_response",
        "control_cancel_request",
    }
)
"""Types that say nothing the others do not; the rule is the type's name."""
PASSING_SYSTEM = frozenset(
    {
        "init",
        "status",
        "hook_started",
        "hook_progress",
        "hook_response",
        "task_progress",
        "task_updated",
        "files_persisted",
        "session_state_changed",
        "elicitation_complete",
        "local_command_output",
    }
)
"""Subtypes of system lines that say nothing of their own; the rule is `system/<subtype>`."""
INCIDENTS = {"compact_boundary": "compact_boundary", "api_retry": "api_error", "api_error": "api_error"}
STATUSES: Mapping[str, e.RunStatus] = {
    "error_max_turns": "budget",
    "error_max_budget_usd": "budget",
    "error_during_execution": "failed",
}
_SPOKEN = frozenset({"user", "assistant", "system", "result"})


class StreamReader(ClaudeReader):
    """Reads the lines of one stream in order."""

    def __init__(self) -> None:
        super().__init__(parser=STREAM)
        self._ordinal = 0
        self._init: dict[str, Any] = {}
        self._agents: dict[str, str] = {}
        """The agent's id by the call that asked for it."""
        self._ended: set[str] = set()

    def read(self, value: Any, facts: list[Fact]) -> str:
        """Add the facts of one value to `facts`; returns its class: recorded, duplicate, or ignored by a named rule."""
        self._ordinal += 1
        if not isinstance(value, dict):
            return ignored("not-an-object")
        kind, session = kind_of(value), text(value.get("session_id"))
        if kind not in _SPOKEN:
            return ignored(kind if kind in PASSING else f"unknown:{kind}")
        if session is None:
            return ignored("no-session")
        match kind:
            case "system":
                return self._noticed(value, session, facts)
            case "result":
                return self._result(value, session, facts)
            case _:
                return self._spoken(value, session, facts)

    def _spoken(self, value: dict[str, Any], session: str, facts: list[Fact]) -> str:
        """A line of a run; of a subagent's it is named whose call asked for it."""
        line = self._envelope(value, session)
        before = len(facts)
        if (call := text(value.get("parent_tool_use_id"))) is not None:
            line |= {"agentId": self._agent(call, session, line, facts), "isSidechain": True}
        line["toolUseResult"] = self._answered(value)
        said = super().read(line, facts)
        return RECORDED if len(facts) > before else said

    def _envelope(self, value: dict[str, Any], session: str) -> dict[str, Any]:
        """What stands around a line in the transcript."""
        return {
            "type": value["type"],
            "message": value.get("message"),
            "uuid": text(value.get("uuid")) or f"{session}:{self._ordinal}",
            "sessionId": session,
            "timestamp": value.get("timestamp"),
            "cwd": self._init.get("cwd", ""),
            "version": self._init.get("claude_code_version"),
            "isMeta": value.get("isSynthetic") is True or value.get("isMeta") is True,
            "isApiErrorMessage": "error" in value and value["type"] == "assistant" and value["error"] is not None,
            "error": value.get("error"),
        }

    def _agent(self, call: str, session: str, line: dict[str, Any], facts: list[Fact]) -> str:
        """The agent that `call` asked for: by the id that a notice gave, else by the call's own."""
        agent_id = self._agents.setdefault(call, call)
        spawn = self._context.spawns.get((session, call))
        if spawn is not None and spawn.agent_id is None:
            self._context.facts = facts
            origin = self._origin({**line, "agentId": agent_id})
            if origin is not None:
                identified(self._context, spawn, agent_id, origin, alive=True)
        return agent_id

    def _answered(self, value: dict[str, Any]) -> Any:
        """What the client adds to a tool's return, with the agent's id that this stream goes by."""
        extra = value.get("tool_use_result", value.get("toolUseResult"))
        content = mapping(value.get("message")).get("content")
        for block in objects(content) if isinstance(content, list) else ():
            if (known := self._agents.get(str(block.get("tool_use_id")))) is not None:
                return {**mapping(extra), "agentId": known}
        return extra

    def _noticed(self, value: dict[str, Any], session: str, facts: list[Fact]) -> str:
        subtype = kind_of(value, "subtype")
        if subtype == "init":
            self._init = value
        if subtype in INCIDENTS:
            names = {"compact_metadata": "compactMetadata", "attempt": "retryAttempt", "max_retries": "maxRetries"}
            named = {names.get(name, name): each for name, each in value.items()}
            line = {**named, **self._envelope(value, session), "subtype": INCIDENTS[subtype]}
            return super().read({**line, "error": value.get("error")}, facts)
        if subtype == "task_started":
            call, task = text(value.get("tool_use_id")), text(value.get("task_id"))
            if call is None or task is None or (session, call) not in self._context.spawns:
                return ignored("system/task_started")
            before = len(facts)
            self._agents.setdefault(call, task)
            self._agent(call, session, {**self._envelope(value, session), "isSidechain": True}, facts)
            return RECORDED if len(facts) > before else ignored("system/task_started")
        if subtype == "task_notification":
            return self._ending(value, session, facts)
        return ignored(f"system/{subtype}" if subtype in PASSING_SYSTEM else f"unknown:system/{subtype}")

    def _ending(self, value: dict[str, Any], session: str, facts: list[Fact]) -> str:
        """The notice that an agent in the background has ended, in the transcript's words."""
        call = text(value.get("tool_use_id")) or ""
        agent = self._agents.get(call, text(value.get("task_id")) or "")
        tags = {"task-id": agent, "status": kind_of(value, "status"), "summary": text(value.get("summary")) or ""}
        inside = "".join(f"<{name}>{said}</{name}>" for name, said in tags.items())
        line = {**self._envelope(value, session), "type": "user"}
        line["message"] = {"role": "user", "content": f"<task-notification>{inside}</task-notification>"}
        return super().read(line, facts)

    def _result(self, value: dict[str, Any], session: str, facts: list[Fact]) -> str:
        """How the session's own run ended; a stream with several prompts has several results, and the first is told."""
        if session in self._ended:
            return ignored("result")
        self._ended.add(session)
        self._context.facts = facts
        origin = self._origin(self._envelope(value, session))
        if origin is None:
            return ignored("no-session")
        subtype, said = kind_of(value, "subtype"), text(value.get("result"))
        told = {**origin.fields(), "agent": MAIN, "duration_ms": milliseconds(value.get("duration_ms"))}
        names = ("num_turns", "total_cost_usd", "duration_api_ms", "stop_reason")
        outputs = {name: value[name] for name in names if value.get(name) is not None} or None
        if subtype == "success" and value.get("is_error") is not True:
            self._context.tell(e.AgentCompleted(**told, summary=said, outputs=outputs))
        else:
            status, errors = STATUSES.get(subtype, "failed"), value.get("errors")
            reason = said or ("; ".join(map(str, errors)) if isinstance(errors, list) and errors else subtype)
            self._context.tell(e.AgentFailed(**told, status=status, reason=reason, outputs=outputs))
        return RECORDED


class ClaudeStream:
    """The format of what Claude Code prints when it is run by a program."""

    name = "claude-stream"
    parser = STREAM
    usual_place: Path | None = None

    def recognises(self, values: Sequence[Any]) -> bool:
        """Whether the first lines are messages that name their session as programs are told it."""
        return any(_is_message(value) for value in values[:5])

    def parts(self, document: Any) -> Iterator[dict[str, Any]] | None:
        """The messages of a stream that was printed as one list."""
        if not isinstance(document, list) or not any(_is_message(value) for value in document[:5]):
            return None
        return iter(objects(document))

    def reader(self, companion: dict[str, Any] | None = None) -> StreamReader:  # noqa: ARG002 - the port's
        """A reader for one file."""
        return StreamReader()


def _is_message(value: Any) -> bool:
    line = mapping(value)
    if not text(line.get("session_id")) or "hook_event_name" in line or "sessionId" in line:
        return False
    if line.get("type") == "system":
        return line.get("subtype") == "init" or str(line.get("subtype", "")).startswith("hook_")
    return line.get("type") in ("user", "assistant") and "parent_tool_use_id" in line

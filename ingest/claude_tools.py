"""Tool calls and their returns in a Claude Code transcript."""

import re
from typing import Any

from orchestrion.domain import events as e
from orchestrion.domain.streams import place
from orchestrion.ingest import claude_runs as runs
from orchestrion.ingest.claude_context import Context, Origin
from orchestrion.ingest.values import mapping, milliseconds, text, words

SPAWNERS = frozenset({"Task", "Agent"})
ALL = "all"

_SERVER = re.compile(r"mcp__(.+?)__")
_EXIT = re.compile(r"(?:Error: )?Exit code (\d{1,9})\b")
_AGENT_ID = re.compile(r"^agentId: ([\w@.\-]+)", re.MULTILINE)
_TAIL_DURATION = re.compile(r"duration_ms: (\d{1,15})")
_LAUNCHED = "Async agent launched"
_DENIED = (
    "The user doesn't want to proceed with this tool use",
    "The user doesn't want to take this action",
    "User rejected tool use",
    "Permission to use ",
    "Claude requested permissions to ",
)
_INTERRUPTED = ("[Request interrupted by user", "Interrupted by user", "<tool_use_error>Interrupted")
_TIMED_OUT = ("Command timed out after", "Error: Command timed out after")


def called(context: Context, origin: Origin, block: dict[str, Any]) -> None:
    """Tell a tool call; a call that asks for an agent is remembered, one that sends a message tells it too."""
    call, tool, params = text(block.get("id")), text(block.get("name")), block.get("input")
    if call is None:
        return
    server = _SERVER.match(tool or "")
    fact = context.tell(
        e.ToolCalled.trusted(
            **origin.fields(), call=call, tool=tool or "", mcp_server=server[1] if server else None, params=params
        )
    )
    if tool in SPAWNERS:
        runs.spawning(context, origin, call, params, fact)
    elif tool == "SendMessage" and isinstance(params, dict):
        context.tell(_letter(origin, call, params, place(fact)))


def _letter(origin: Origin, call: str, params: dict[str, Any], cause: str) -> e.Event:
    """What one teammate wrote to another, or to all."""
    recipient = text(params.get("recipient")) or text(params.get("to"))
    told = params.get("content") or params.get("message") or params.get("summary") or params
    return e.MessageSent.trusted(
        **{**origin.fields(), "cause": cause},
        message=f"{call}:message",
        sender=origin.speaker,
        recipient=ALL if recipient in (None, "*") else recipient,
        type="context_share",
        payload={"context": told},
    )


def returned(context: Context, origin: Origin, block: dict[str, Any], line: dict[str, Any]) -> None:
    """Tell a tool's return, and the end of an agent's run where it brings one.

    `toolUseResult` counts in the session's own run alone: of a subagent's lines there are copies without it.
    """
    call, content = text(block.get("tool_use_id")), block.get("content")
    if call is None:
        return
    extra = line.get("toolUseResult") if origin.main else None
    said = words(content)
    failed, code = block.get("is_error") is True, _EXIT.match(said)
    told = e.ToolReturned.trusted(
        **origin.fields(),
        call=call,
        status=status_of(failed, said, extra),
        result=None if failed and isinstance(content, str) else content,
        error=said if failed and said else None,
        exit_code=int(code[1]) if code and failed else None,
        duration_ms=_duration(mapping(extra)),
    )
    _of_agents(context, origin, told, content, mapping(extra), cause=place(context.tell(told)))


def status_of(is_error: bool, said: str, extra: Any) -> e.CallStatus:
    """How a call ended. Denials and interruptions use the same flag as errors and are told by their words."""
    if not is_error:
        return "interrupted" if mapping(extra).get("interrupted") is True else "ok"
    start = said.removeprefix("<tool_use_error>").removeprefix("Error: ")
    if extra == "User rejected tool use" or start.startswith(_DENIED):
        return "denied"
    if said.startswith(_INTERRUPTED) or mapping(extra).get("interrupted") is True:
        return "interrupted"
    return "timed_out" if said.startswith(_TIMED_OUT) else "error"


def _duration(extra: dict[str, Any]) -> int | None:
    """The duration that the line itself names, in ms."""
    for name, scale in (("durationMs", 1), ("totalDurationMs", 1), ("durationSeconds", 1000)):
        if (duration := milliseconds(extra.get(name), scale)) is not None:
            return duration
    return None


def _of_agents(
    context: Context, origin: Origin, told: e.ToolReturned, content: Any, extra: dict[str, Any], *, cause: str
) -> None:
    """What a return says of an agent's run: launched, ended, or looked up when it had ended."""
    spawn, status = context.spawns.get((origin.session, told.call)), told.status
    if spawn is None:
        _looked_up(context, origin, extra, cause)
        return
    said = words(content)
    agent_id = text(extra.get("agentId")) or text(extra.get("agent_id")) or _named(said) or spawn.agent_id
    if agent_id is None:
        return
    launched = status == "ok" and (
        extra.get("isAsync") is True
        or extra.get("status") in ("async_launched", "teammate_spawned")
        or said.startswith(_LAUNCHED)
    )
    runs.identified(context, spawn, agent_id, origin, alive=launched)
    if launched:
        return
    signal = "completed" if status == "ok" else status
    duration = milliseconds(extra.get("totalDurationMs"))
    if duration is None and (tail := _TAIL_DURATION.search(said)):
        duration = int(tail[1])
    runs.ended(context, origin, agent_id, signal, _answer(content), duration_ms=duration, cause=cause)


def _named(said: str) -> str | None:
    """The agent id in the tail of a spawn's visible result."""
    found = _AGENT_ID.findall(said)
    return found[-1] if found else None


def _answer(content: Any) -> str:
    """The agent's answer, without the block that the client adds to it."""
    if not isinstance(content, list):
        return words(content)
    return words([b for b in content if not str(mapping(b).get("text", "")).startswith("agentId: ")])


def _looked_up(context: Context, origin: Origin, extra: dict[str, Any], cause: str) -> None:
    """The end of a background agent, where the call asked for its output and it had ended."""
    task = mapping(extra.get("task"))
    agent_id = text(task.get("task_id"))
    if agent_id is None or extra.get("retrieval_status") != "success":
        return
    result = text(task.get("result")) or text(task.get("output")) or ""
    runs.ended(context, origin, agent_id, str(task.get("status")), result, cause=cause)

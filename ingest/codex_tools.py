"""Tool calls of a Codex rollout: how one ended stands in the text of its output, and in an event beside it."""

import json
import re
from typing import TYPE_CHECKING, Any

from orchestrion.domain import events as e
from orchestrion.ingest.ledger import DUPLICATE
from orchestrion.ingest.telling import PARTIAL, server_of, spoken
from orchestrion.ingest.values import mapping, milliseconds, text

if TYPE_CHECKING:
    from orchestrion.ingest.codex import CodexReader

_EXIT = re.compile(r"^(?:Process exited with code|Exit code:) (-?\d{1,9})\b", re.MULTILINE)
_WALL = re.compile(r"^Wall time: (\d{1,9}(?:\.\d{1,9})?) seconds", re.MULTILINE)
HEAD_CHARACTERS = 400
"""What the client says of a command stands before the command's own output."""

_DENIED = ("exec command rejected by user", "patch rejected by user", "rejected by user")
_TIMED_OUT = ("command timed out",)
_CALLS = frozenset({"function_call", "custom_tool_call", "tool_search_call", "local_shell_call", "tool_call"})


class Tools:
    """Tells the calls and returns of one thread."""

    def __init__(self, thread: "CodexReader") -> None:
        self._thread = thread

    def item(self, kind: str, item: dict[str, Any]) -> str | None:
        """Tell a call or its output; returns the rule if it brings nothing, None if it is neither."""
        if kind in ("web_search_call", "image_generation_call"):
            return self._unnamed(kind.removesuffix("_call"), item)
        if kind in _CALLS:
            return self._called(kind, item)
        if kind.endswith(("_output", "tool_result")):
            return self._returned(item)
        return None

    def _called(self, kind: str, item: dict[str, Any]) -> str:
        call = text(item.get("call_id"))
        if call is None:
            return "call-without-id"
        tool = text(item.get("name")) or kind.removesuffix("_call")
        params = item.get("arguments", item.get("input", item.get("action")))
        if isinstance(params, str) and kind == "function_call":
            params = _decoded(params)
        elif isinstance(params, str):
            params = {"input": params}
        namespace = text(item.get("namespace")) or ""
        server = server_of(tool) or server_of(namespace.rstrip("_") + "__") or None
        cause = self._thread.tell(e.ToolCalled, call=call, tool=tool, mcp_server=server, params=params)
        self._thread.agents.called(call, tool, mapping(params), cause)
        return ""

    def _returned(self, item: dict[str, Any]) -> str:
        call, output = text(item.get("call_id")), item.get("output", item.get("tools"))
        if call is None:
            return "return-without-id"
        said = spoken(output)
        told = mapping(_decoded(said)) if said.startswith("{") else {}
        status, code, duration = _outcome(said, told)
        if mapping(output).get("success") is False and status == "ok":
            status = "error"
        shown = text(told.get("output")) if "metadata" in told else None
        result = shown or (said if said or isinstance(output, str) else output)
        self._thread.answer(call, status, result, exit_code=code, duration_ms=duration)
        self._thread.agents.returned(call, told)
        return ""

    def _unnamed(self, tool: str, item: dict[str, Any]) -> str:
        """A call that the model's interface gives no id: told once, by whichever of its two writings comes first."""
        action = item.get("action") or {"prompt": item.get("revised_prompt")}
        if self._thread.second(tool, "item", _key(action)):
            return DUPLICATE
        call = text(item.get("id")) or f"{tool}:{self._thread.ordinal}"
        self._thread.call(call, tool, action)
        if item.get("status") == "completed":
            self._thread.answer(call, "ok", None)
        return ""

    def event(self, kind: str, event: dict[str, Any]) -> str | None:
        """Tell what the client noted of a call's end: less than its output, but also where that is missing."""
        call = text(event.get("call_id"))
        if kind == "web_search_end" and call is not None:
            if self._thread.second("web_search", "event", _key(event.get("action") or {"query": event.get("query")})):
                return DUPLICATE
            self._thread.call(call, "web_search", event.get("action") or {"query": event.get("query")})
            self._thread.answer(call, "ok", event.get("results"))
            return "told"
        if kind not in ("exec_command_end", "patch_apply_end", "mcp_tool_call_end"):
            return None
        if call is None:
            return "return-without-id"
        match kind:
            case "exec_command_end":
                self._executed(call, event)
            case "patch_apply_end":
                self._end(call, "apply_patch", event.get("changes"), event, well=event.get("success") is not False)
            case _:
                self._answered(call, event)
        return "told"

    def _executed(self, call: str, event: dict[str, Any]) -> None:
        code = event.get("exit_code")
        known = code if isinstance(code, int) and abs(code) < 2**31 else None
        self._end(
            call, "exec_command", {"command": event.get("command")}, event, well=known in (0, None), exit_code=known
        )

    def _answered(self, call: str, event: dict[str, Any]) -> None:
        invocation, result = mapping(event.get("invocation")), mapping(event.get("result"))
        failed = "Err" in result or mapping(result.get("Ok")).get("isError") is True
        server, name = text(invocation.get("server")), text(invocation.get("tool")) or "mcp"
        tool = f"mcp__{server}__{name}" if server else name
        answer = result.get("Ok", result.get("Err"))
        self._end(call, tool, invocation.get("arguments"), event, well=not failed, result=answer)

    def _end(self, call: str, tool: str, params: Any, event: dict[str, Any], *, well: bool, **more: Any) -> None:
        """Tell a call and its return as a witness who is superseded by the call's own lines."""
        took = mapping(event.get("duration"))
        seconds = milliseconds(took.get("secs"), 1000)
        nanos = took.get("nanos")
        duration = None if seconds is None else seconds + (nanos // 1_000_000 if isinstance(nanos, int) else 0)
        said = more.pop("result", event.get("aggregated_output") or event.get("stdout") or event.get("stderr"))
        self._thread.call(call, tool, params, parser=PARTIAL)
        status: e.CallStatus = "ok" if well else "error"
        self._thread.answer(call, status, said, parser=PARTIAL, duration_ms=_natural(duration), **more)


def _natural(value: int | None) -> int | None:
    return value if value is not None and 0 <= value < 2**53 else None


def _decoded(said: str) -> Any:
    """`said` as JSON; itself if it is none."""
    try:
        return json.loads(said)
    except (ValueError, RecursionError):
        return said


def _outcome(said: str, told: dict[str, Any]) -> tuple[e.CallStatus, int | None, int | None]:
    """Status, exit code and duration (ms) of a call, as its output says; older clients wrote it as JSON."""
    data, head = mapping(told.get("metadata")), said[:HEAD_CHARACTERS]
    code, wall = _EXIT.search(head), _WALL.search(head)
    exit_code = int(code[1]) if code else data.get("exit_code")
    if isinstance(exit_code, bool) or not isinstance(exit_code, int) or abs(exit_code) >= 2**31:
        exit_code = None
    duration = milliseconds(float(wall[1]), 1000) if wall else milliseconds(data.get("duration_seconds"), 1000)
    return _status(head.lower(), exit_code), exit_code, duration


def _status(head: str, exit_code: int | None) -> e.CallStatus:
    if head.startswith("aborted"):
        return "interrupted"
    if any(words in head for words in _DENIED) and exit_code is None:
        return "denied"
    if head.startswith(_TIMED_OUT):
        return "timed_out"
    failed = exit_code not in (0, None) or head.startswith(("error:", "failed to ", "exec_command failed"))
    return "error" if failed else "ok"


def _key(action: Any) -> str:
    """What two writings of one action have in common."""
    said = {name: each for name, each in mapping(action).items() if each is not None}
    try:
        return json.dumps(said, sort_keys=True)
    except (RecursionError, ValueError):
        return ""

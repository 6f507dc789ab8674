"""Reads Codex rollouts: lines of {timestamp, type, payload}, in which what is said stands twice.

One file is one thread. A subagent's thread is a run of its parent's session; the parent's file tells of it by its
`collab_*` events. Totals of tokens are cumulative: each line that raises them is one request's usage.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestrion.domain import events as e
from orchestrion.ingest.claude_context import Recent
from orchestrion.ingest.codex_agents import Agents
from orchestrion.ingest.codex_tools import Tools
from orchestrion.ingest.ledger import DUPLICATE
from orchestrion.ingest.telling import HUMAN, MAIN, SessionReader, kind_of, objects, spoken
from orchestrion.ingest.values import count, mapping, moment, text

PARENT = "parent"
REMEMBERED_TEXTS = 4096
TOTALS = ("input_tokens", "cached_input_tokens", "output_tokens")

PLAIN_TYPES = frozenset({"turn_context", "world_state", "inter_agent_communication_metadata"})
PLAIN_ITEMS = frozenset({"reasoning", "ghost_snapshot", "compaction"})
PLAIN_EVENTS = frozenset({
    "task_started", "agent_reasoning", "agent_reasoning_raw_content", "agent_reasoning_section_break",
    "item_started", "item_completed", "entered_review_mode", "exited_review_mode", "thread_settings_applied",
    "thread_name_updated", "sub_agent_activity", "guardian_assessment", "plan_update", "turn_diff",
    "exec_command_begin", "exec_command_output_delta", "mcp_tool_call_begin", "patch_apply_begin", "web_search_begin",
    "collab_agent_spawn_begin", "collab_agent_interaction_begin", "collab_waiting_begin", "collab_close_begin",
})  # fmt: skip
INCIDENTS = {"error": "api_error", "stream_error": "api_error", "warning": "warning", "turn_aborted": "interruption"}


class CodexReader(SessionReader):
    """Reads the lines of one thread."""

    product = "codex"

    def __init__(self) -> None:
        super().__init__()
        self.thread: str | None = None
        self.model: str | None = None
        self.ended = False
        self._totals = (0, 0, 0)
        self._once: Recent[tuple[str, str, str], int] = Recent(REMEMBERED_TEXTS)
        self._prompt: str | None = None
        self._tools, self.agents = Tools(self), Agents(self)

    def line(self, value: dict[str, Any]) -> str:  # noqa: PLR0911 - one a kind
        """Tell one line."""
        kind, payload = kind_of(value), mapping(value.get("payload"))
        self.at = moment(value.get("timestamp"))
        if kind == "session_meta":
            return self._meta(payload)
        if self.session is None:
            return "no-session"
        match kind:
            case "turn_context":
                self.model = text(payload.get("model")) or self.model
                return kind
            case "response_item":
                return self._item(kind_of(payload), payload)
            case "event_msg":
                return self._event(kind_of(payload), payload)
            case "compacted":
                return self._compacted("item", {"message": payload.get("message")})
        return kind if kind in PLAIN_TYPES else f"unknown:{kind}"

    def _meta(self, payload: dict[str, Any]) -> str:
        """The thread's beginning; only its first line of this kind counts, for a fork repeats its origin's."""
        thread = text(payload.get("id")) or text(payload.get("session_id"))
        if thread is None:
            return "no-session"
        if self.session is not None:
            return DUPLICATE
        parent = text(payload.get("parent_thread_id"))
        if parent is not None:
            self.agents.begin(thread, parent, payload)
            return ""
        workspace, git = text(payload.get("cwd")), mapping(payload.get("git"))
        self.thread = thread
        self.begin(
            thread,
            workspace=workspace,
            project=(workspace or "").replace("\\", "/").rstrip("/").rpartition("/")[2] or None,
            branch=text(git.get("branch")),
            client=text(payload.get("cli_version")),
        )
        return ""

    def _item(self, kind: str, item: dict[str, Any]) -> str:
        """What went to the model or came from it."""
        match kind:
            case "message":
                return self._message(item)
            case "agent_message":
                return self.agents.letter(item)
        if kind in PLAIN_ITEMS:
            return kind
        return self._tools.item(kind, item) or f"unknown:response_item/{kind}"

    def _message(self, item: dict[str, Any]) -> str:
        """A message as the model's interface has it; what the client adds for the model is not said by anybody."""
        role, said = kind_of(item, "role"), spoken(item.get("content"))
        if role == "assistant":
            return self._response("item", said)
        if role != "user":
            return f"message/{role}"
        if said.lstrip().startswith(("<", "# AGENTS.md")):
            return "message/context"
        return self._asked("item", said)

    def _event(self, kind: str, event: dict[str, Any]) -> str:  # noqa: PLR0911 - one a kind
        """What the client noted."""
        match kind:
            case "user_message":
                return self._asked("event", spoken(event.get("message")))
            case "agent_message":
                return self._response("event", spoken(event.get("message")))
            case "token_count":
                return self._usage(mapping(mapping(event.get("info")).get("total_token_usage")))
            case "context_compacted":
                return self._compacted("event", None)
            case "task_complete":
                return self.agents.turn_ended(event)
        if kind in INCIDENTS:
            self.incident(INCIDENTS[kind], {name: each for name, each in event.items() if name != "type"})
            return ""
        if kind in PLAIN_EVENTS:
            return kind
        told = self._tools.event(kind, event) or self.agents.event(kind, event)
        return told or f"unknown:event_msg/{kind}"

    def second(self, kind: str, writing: str, said: str) -> bool:
        """Whether what is said stood before in the other of the two writings, and is not yet accounted for."""
        other = "event" if writing == "item" else "item"
        if left := self._once.get((kind, other, said), 0):
            self._once.keep((kind, other, said), left - 1)
            return True
        self._once.keep((kind, writing, said), self._once.get((kind, writing, said), 0) + 1)
        return False

    def _asked(self, writing: str, said: str) -> str:
        """A person's prompt; a subagent's is its task, told by its spawn."""
        if not said.strip():
            return "empty-message"
        if self.agent != MAIN:
            return "task-prompt"
        if self.second("user", writing, said):
            return DUPLICATE
        self._prompt = f"{self.session}:{self.ordinal}"
        self.say(self._prompt, "prompt", HUMAN, MAIN, said)
        return ""

    def _response(self, writing: str, said: str) -> str:
        """What the model says."""
        if not said.strip():
            return "empty-message"
        if self.second("assistant", writing, said):
            return DUPLICATE
        own = self.agent == MAIN
        sender, recipient = self.agent or "agent", HUMAN if own else PARENT
        name = f"{self.run}:{self.ordinal}" if not own else f"{self.session}:{self.ordinal}"
        self.say(name, "response", sender, recipient, said, in_reply_to=self._prompt)
        return ""

    def _compacted(self, writing: str, detail: Any) -> str:
        """The context was summarised."""
        if self.second("compaction", writing, ""):
            return DUPLICATE
        self.incident("compaction", detail)
        return ""

    def _usage(self, total: dict[str, Any]) -> str:
        """One request's tokens: what the totals grew by. Input includes what came from the cache."""
        if not total:
            return "token_count/empty"
        now = (count(total.get(TOTALS[0])), count(total.get(TOTALS[1])), count(total.get(TOTALS[2])))
        before = self._totals if all(map(int.__ge__, now, self._totals)) else (0, 0, 0)  # else they began anew
        self._totals = now
        given, cached, out = (new - old for new, old in zip(now, before, strict=True))
        if given == out == 0:
            return DUPLICATE
        fields = {"input_tokens": max(0, given - cached), "cache_read_tokens": cached, "output_tokens": out}
        self.tell(e.UsageRecorded, request_id=f"{self.run}:{self.ordinal}", model=self.model, **fields)
        return ""


class Codex:
    """The format of the rollouts that Codex leaves in `~/.codex/sessions`."""

    name = "codex"
    parser = CodexReader.parser
    usual_place: Path | None = Path("~/.codex/sessions")

    def recognises(self, values: Sequence[Any]) -> bool:
        """Whether one of the first lines is the head of a thread."""
        return any(line.get("type") == "session_meta" and "payload" in line for line in objects(values))

    def reader(self, companion: dict[str, Any] | None = None) -> CodexReader:  # noqa: ARG002 - the port's
        """A reader for one file."""
        return CodexReader()

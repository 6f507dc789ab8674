"""Subagents of a Codex thread: spawned, given tasks, answered, as the parent's file and their own tell it."""

from typing import TYPE_CHECKING, Any

from orchestrion.domain import events as e
from orchestrion.ingest.claude_context import Recent
from orchestrion.ingest.telling import MAIN, PARTIAL, TRANSFER
from orchestrion.ingest.values import mapping, milliseconds, text

if TYPE_CHECKING:
    from orchestrion.ingest.codex import CodexReader

REMEMBERED_AGENTS = 4096
SPAWN = "spawn_agent"


class Agents:
    """Tells the runs and handoffs of one thread."""

    def __init__(self, thread: "CodexReader") -> None:
        self._thread = thread
        self._asked: Recent[str, tuple[str, str, str]] = Recent(REMEMBERED_AGENTS)
        """Spawning calls without an answer: agent, task, the call's place."""
        self._known: Recent[str, tuple[str, str]] = Recent(REMEMBERED_AGENTS)
        """Threads of agents, with their name and their handoff."""

    def begin(self, thread: str, parent: str, head: dict[str, Any]) -> None:
        """Tell of a subagent's thread by its own head; its spawn knows better."""
        session = text(head.get("session_id"))
        session = session if session not in (None, thread) else parent
        self._thread.begin(str(session), parser=PARTIAL, happened_at=None)
        name = text(head.get("agent_nickname")) or text(head.get("agent_role")) or thread
        above = MAIN if parent == session else parent
        self._thread.join(name, f"{session}/{thread}", parser=PARTIAL, parent_run=f"{session}/{above}")
        self._thread.run, self._thread.agent = f"{session}/{thread}", name

    def called(self, call: str, tool: str, params: dict[str, Any], cause: str) -> None:
        """Remember a spawn; tell a transfer of the work."""
        task = text(params.get("message")) or text(params.get("prompt")) or text(params.get("task")) or ""
        if tool == SPAWN:
            name = text(params.get("agent_type")) or text(params.get("name")) or "agent"
            self._asked.keep(call, (name, task, cause))
        elif tool.startswith(TRANSFER):
            self._thread.hand_over(call, self._me, tool.removeprefix(TRANSFER), task, cause=cause)

    def returned(self, call: str, told: dict[str, Any]) -> None:
        """Tell a spawn whose answer names the agent."""
        asked, thread = self._asked.pop(call, None), text(told.get("agent_id"))
        if asked is not None and thread is not None:
            self._spawned(thread, text(told.get("nickname")) or asked[0], asked[1], call, asked[2])

    @property
    def _me(self) -> str:
        return self._thread.agent or MAIN

    def _spawned(self, thread: str, name: str, task: str, handoff: str, cause: str | None) -> None:
        """Tell the run, its task as a message, and the work handed over; once."""
        if thread in self._known:
            return
        self._known.keep(thread, (name, handoff))
        run, mine = f"{self._thread.session}/{thread}", self._thread.run
        self._thread.join(name, run, parent_run=mine, parent_call=handoff, task=task or None, cause=cause)
        self._thread.say(f"{handoff}:task", "task", self._me, name, task, recipient_runs=(run,), cause=cause)
        self._thread.hand_over(handoff, self._me, name, task, taker_run=run, cause=cause)

    def event(self, kind: str, event: dict[str, Any]) -> str | None:
        """Tell what the client noted of agents; None if this is no such note."""
        match kind:
            case "collab_agent_spawn_end":
                return self._spawn_ended(event)
            case "collab_agent_interaction_end":
                return self._instructed(event)
            case "collab_waiting_end" | "collab_close_end" | "collab_resume_end":
                return self._looked_at(kind, event)
        return None

    def _spawn_ended(self, event: dict[str, Any]) -> str:
        thread = text(event.get("new_thread_id"))
        if thread is None:
            return "spawn-failed"
        call = text(event.get("call_id")) or thread
        name = text(event.get("new_agent_nickname")) or text(event.get("new_agent_role")) or "agent"
        asked = self._asked.get(call)
        self._spawned(thread, name, text(event.get("prompt")) or "", call, asked[2] if asked else None)
        return "spawn-told"

    def _instructed(self, event: dict[str, Any]) -> str:
        thread, task = text(event.get("receiver_thread_id")), text(event.get("prompt"))
        if thread is None or task is None:
            return "empty-message"
        name = self._known.get(thread, (text(event.get("receiver_agent_nickname")) or thread, ""))[0]
        key = text(event.get("call_id")) or str(self._thread.ordinal)
        run = f"{self._thread.session}/{thread}"
        self._thread.say(f"{key}:message", "task", self._me, name, task, recipient_runs=(run,))
        return ""

    def _looked_at(self, kind: str, event: dict[str, Any]) -> str:
        """Ends that a wait or a close saw."""
        states = dict(mapping(event.get("statuses")))
        if (one := text(event.get("receiver_thread_id"))) is not None:
            states[one] = event.get("status")
        for thread, state in states.items():
            self._ended(thread, state)
        return kind

    def _ended(self, thread: str, state: Any) -> None:
        """Tell an agent's end and its answer, once."""
        known = self._known.get(thread)
        said = mapping(state)
        if known is None or not (said.keys() & {"completed", "errored"} or state == "completed"):
            return
        name, handoff = self._known.pop(thread)
        answer, wrong = text(said.get("completed")), text(said.get("errored"))
        told = {"run": f"{self._thread.session}/{thread}", "agent": name}
        if "errored" in said:
            self._thread.tell(e.AgentFailed, **told, parser=PARTIAL, reason=wrong or "errored")
        else:
            self._thread.tell(e.AgentCompleted, **told, parser=PARTIAL, summary=answer)
        status = "failed" if "errored" in said else "completed"
        self._thread.tell(e.HandoffCompleted, **told, handoff=handoff, taker=name, status=status)
        if answer:
            reply = {**told, "in_reply_to": f"{handoff}:task"}
            self._thread.say(f"{handoff}:result", "result", name, self._me, answer, **reply)

    def letter(self, item: dict[str, Any]) -> str:
        """Tell what one agent wrote to another."""
        writer, reader = text(item.get("author")), text(item.get("recipient"))
        if writer is None or reader is None:
            return "no-recipient"
        self._thread.say(
            f"{self._thread.run}:{self._thread.ordinal}", "context_share", writer, reader, item.get("content")
        )
        return ""

    def turn_ended(self, event: dict[str, Any]) -> str:
        """The end of a turn ends a subagent's run; a session's own goes on with the next prompt."""
        if (wrong := event.get("error")) is not None:
            self._thread.incident("api_error", wrong)
        if self._me == MAIN or self._thread.ended:
            return "task_complete"
        self._thread.ended = True
        summary, took = text(event.get("last_agent_message")), milliseconds(event.get("duration_ms"))
        self._thread.tell(e.AgentCompleted, summary=summary, duration_ms=took)
        return ""

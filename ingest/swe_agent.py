"""Reads SWE-agent trajectories: steps of thought, action and observation; where there are none, the chat's history."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from orchestrion.domain import events as e
from orchestrion.ingest.chats import HEAD, TAIL, ChatReader, head, is_chat, name_of
from orchestrion.ingest.telling import HUMAN, MAIN, objects, spoken
from orchestrion.ingest.values import count, mapping, milliseconds, text

SHELL = "bash"
STEP = "step"
_TOOL = re.compile(r"\s*([a-z][a-z0-9_]*)(?=\s|$)")
_TIMED_OUT = ("EXECUTION TIMED OUT", "COMMAND TIMED OUT")
_PROMPTS = frozenset({"system_prompt", "demonstration"})


class SweAgentReader(ChatReader):
    """Reads one trajectory."""

    product = "swe-agent"

    def line(self, value: dict[str, Any]) -> str:
        """Tell the head, one step or message, or how the run ended."""
        match value.get("type"):
            case "head":
                return self._head(value)
            case "step" if self.session is not None:
                return self._acted(value)
            case "tail" if self.session is not None:
                return self._end(mapping(value.get("info")))
        if value.get("message_type") in _PROMPTS or value.get("is_demo") is True:
            return str(value.get("message_type") or "demonstration")
        return super().line(value)

    def _head(self, value: dict[str, Any]) -> str:
        self.start(text(value.get("session")) or "swe-agent", project=text(value.get("environment")))
        if (task := text(value.get("task"))) is not None:
            self.say(self.own("task"), "prompt", HUMAN, MAIN, task)
        return HEAD

    def _acted(self, value: dict[str, Any]) -> str:
        """One step. The tool is the first word of the action: one of the agent's commands, or a program."""
        self._step += 1
        thought, action = spoken(value.get("thought") or value.get("response")), spoken(value.get("action"))
        if thought.strip():
            self.say(self.step, "response", MAIN, HUMAN, thought)
        if action.strip():
            tool = _TOOL.match(action)
            self.call(self.own(f"{self._step}:0"), tool[1] if tool else SHELL, {"command": action})
            seen = spoken(value.get("observation"))
            status: e.CallStatus = "timed_out" if seen.lstrip().startswith(_TIMED_OUT) else "ok"
            took = milliseconds(value.get("execution_time"), 1000)
            self.answer(self.own(f"{self._step}:0"), status, seen, duration_ms=took)
        return "empty-message"

    def _end(self, info: dict[str, Any]) -> str:
        """How the run ended, and what its model took in all."""
        stats, status = mapping(info.get("model_stats")), text(info.get("exit_status"))
        sent, received = count(stats.get("tokens_sent")), count(stats.get("tokens_received"))
        if sent or received:
            request = self.own("model_stats")
            self.tell(e.UsageRecorded, request_id=request, input_tokens=sent, output_tokens=received)
        if status is None:
            return TAIL
        if status.startswith("submitted"):
            self.tell(e.AgentCompleted, summary=text(info.get("submission")))
        else:
            kind: e.RunStatus = "budget" if "cost" in status or "context" in status else "failed"
            self.tell(e.AgentFailed, status=kind, reason=status)
        return ""


class SweAgent:
    """The format of the trajectories of SWE-agent, `*.traj`."""

    name = "swe-agent"
    parser = SweAgentReader.parser
    usual_place: Path | None = None

    def recognises(self, values: Sequence[Any]) -> bool:  # noqa: ARG002 - the port's
        """No lines are of this format."""
        return False

    def parts(self, document: Any) -> Iterator[dict[str, Any]] | None:
        """The head with the task, the steps or the messages, and how the run ended."""
        whole = mapping(document)
        steps, history = whole.get("trajectory"), whole.get("history")
        if not is_chat(history) or not isinstance(history, list) or "question" in whole:
            return None
        name = name_of("swe-agent", history, whole.get("environment"))
        last = [{"type": TAIL, "info": whole["info"]}] if "info" in whole else []
        if not isinstance(steps, list):
            return iter([head(name, environment=whole.get("environment")), *objects(history), *last])
        asked = [each for each in objects(history) if each.get("role") == "user" and not each.get("is_demo")]
        task = spoken(asked[0].get("content")) if asked else None
        first = head(name, environment=whole.get("environment"), task=task)
        return iter([first, *({**step, "type": STEP} for step in objects(steps)), *last])

    def reader(self, companion: dict[str, Any] | None = None) -> SweAgentReader:  # noqa: ARG002 - the port's
        """A reader for one file."""
        return SweAgentReader()

"""Reads mini-swe-agent trajectories: chat messages; an action is a block of shell, the next message its output."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from orchestrion.domain import events as e
from orchestrion.ingest.chats import HEAD, TAIL, ChatReader, head, is_chat, name_of
from orchestrion.ingest.telling import objects, spoken
from orchestrion.ingest.values import mapping, text

_ACTION = re.compile(r"```(?:bash|sh|mswea_bash_command)\s*\n(.*?)\n?```", re.DOTALL)
_CODE = re.compile(r"<returncode>(-?\d{1,9})</returncode>")
SUBMITTED = "submitted"


class MiniSweReader(ChatReader):
    """Reads one trajectory."""

    product = "mini-swe-agent"

    def line(self, value: dict[str, Any]) -> str:
        """Tell the head, one message, or how the run ended."""
        match value.get("type"):
            case "head":
                self.start(text(value.get("session")) or "mini-swe-agent", client=text(value.get("version")))
                return HEAD
            case "tail":
                return self._end(mapping(value.get("info")))
        return super().line(value)

    def answered(self, value: dict[str, Any]) -> str:
        """What the model says, and its one action."""
        rule = super().answered(value)
        actions = _ACTION.findall(spoken(value.get("content")))
        if len(actions) == 1 and not value.get("tool_calls"):
            self.ask(f"{self.step}:0", {"name": "bash", "arguments": {"command": actions[0].strip()}})
        return rule

    def asked(self, said: str) -> str:
        """The task, or what the action before gave."""
        call = self.waiting()
        if call is None:
            return super().asked(said)
        code = _CODE.search(said)
        status: e.CallStatus = "error" if code and code[1] != "0" else "ok"
        if "timed out" in said[:200]:
            status = "timed_out"
        self.answer(call, status, said, exit_code=int(code[1]) if code else None)
        return ""

    def _end(self, info: dict[str, Any]) -> str:
        status = text(info.get("exit_status"))
        if self.session is None or status is None:
            return TAIL
        if status.lower() == SUBMITTED:
            self.tell(e.AgentCompleted, summary=text(info.get("submission")))
        else:
            kind: e.RunStatus = "budget" if "limit" in status.lower() or "cost" in status.lower() else "failed"
            self.tell(e.AgentFailed, status=kind, reason=status)
        return ""


class MiniSwe:
    """The format of the trajectories of mini-swe-agent: a list of messages, or one in an object with `info`."""

    name = "mini-swe-agent"
    parser = MiniSweReader.parser
    usual_place: Path | None = None

    def recognises(self, values: Sequence[Any]) -> bool:  # noqa: ARG002 - the port's
        """No lines are of this format."""
        return False

    def parts(self, document: Any) -> Iterator[dict[str, Any]] | None:
        """The head, the messages, and how the run ended."""
        whole = mapping(document)
        messages = whole.get("messages") if "trajectory_format" in whole or "info" in whole else document
        if not is_chat(messages) or not isinstance(messages, list):
            return None
        name = name_of("mini-swe-agent", messages, whole.get("instance_id"))
        first = head(name, version=mapping(whole.get("info")).get("mini_version"))
        last = [{"type": TAIL, "info": whole["info"]}] if "info" in whole else []
        return iter([first, *objects(messages), *last])

    def reader(self, companion: dict[str, Any] | None = None) -> MiniSweReader:  # noqa: ARG002 - the port's
        """A reader for one file."""
        return MiniSweReader()
